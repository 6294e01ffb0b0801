"""Runs `policy --check`: compares the policy on the cluster with the workloads of the namespace."""

from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from kubectl_caps.cli.policy import PolicyArguments
from kubectl_caps.commands.policy.objects import PolicyObject, policy_patch, read_policy_objects
from kubectl_caps.commands.policy.preflight import today
from kubectl_caps.commands.policy.sources import policy_of_cluster
from kubectl_caps.commands.shared.connect import connected
from kubectl_caps.core.kubernetes.field_path import Path, field_path
from kubectl_caps.core.policy.drift import policy_drift
from kubectl_caps.core.policy.forms import FORMS
from kubectl_caps.core.policy.model import BUILTIN_CONTROLLERS, MalformedParameters, NamespacePolicy, read_policy
from kubectl_caps.core.policy.preflight import Preflight, preflight
from kubectl_caps.core.policy.vap import MADE_FROM, policy_name
from kubectl_caps.errors import InputError
from kubectl_caps.report.terminal import escaped, print_lines, say


def check(arguments: PolicyArguments) -> int:
    """Print every difference, and return the exit status. Raises CapsError.

    The status is 0 without a difference, 1 with differences, and 2 if a workload cannot be read.
    """
    cluster, namespace, context = connected(arguments)
    empty = FORMS[arguments.form](NamespacePolicy(namespace, ()), arguments.actions, "")
    items = read_policy_objects(cluster, empty)
    missing = [item for item in items if item.current is None]
    if len(missing) == len(items):
        print(escaped(f"namespace/{namespace}: there is no policy {policy_name(namespace)}"))
        return 1
    lines = [f"{item.reference}: is missing" for item in missing]
    stored = _stored(namespace, items)
    if stored is None:
        print_lines(map(escaped, lines))
        return 1
    arguments = replace(arguments, controllers=_controllers(stored, arguments))
    live = policy_of_cluster(cluster, namespace, context, arguments)
    say(*dict.fromkeys(map(str, live.errors)))
    lines += policy_drift(stored, live.built.policy)
    lines += _refused(preflight(stored, live.workloads, today(), fills=arguments.fills))
    wanted = FORMS[arguments.form](stored, arguments.actions, live.made_from)
    lines += _changed(items, wanted, arguments)
    print_lines(map(escaped, dict.fromkeys(lines)))
    if not lines:
        print(escaped(f"namespace/{namespace}: the policy and the namespace agree"))
    return 2 if live.errors else int(bool(lines))


def _stored(namespace: str, items: Sequence[PolicyObject]) -> NamespacePolicy | None:
    """The policy in the ConfigMap on the cluster; None without a ConfigMap. Raises InputError."""
    for item in items:
        if item.wanted["kind"] == "ConfigMap" and item.current is not None:
            try:
                return read_policy(namespace, item.current.get("data") or {})
            except MalformedParameters as error:
                raise InputError(f"{item.reference}: {error}") from error
    return None


def _controllers(stored: NamespacePolicy, arguments: PolicyArguments) -> tuple[str, ...]:
    """The users of --controller; without the flag, the users in the policy on the cluster."""
    return arguments.controllers or tuple(one for one in stored.controllers if one not in BUILTIN_CONTROLLERS)


def _refused(found: Preflight) -> Iterator[str]:
    for item in found.refused:
        for field in item.fields:
            yield f"{item.workload.reference}: is refused: {field.words}"


_NOT_COMPARED: tuple[Path, ...] = (("metadata", "annotations", MADE_FROM), ("metadata", "annotations"))


def _changed(
    items: Sequence[PolicyObject], wanted: Sequence[dict[str, object]], arguments: PolicyArguments
) -> Iterator[str]:
    """A line for each field of an object that was changed by hand. Without --action, every action is accepted."""
    for item, manifest in zip(items, wanted, strict=True):
        if item.current is None:
            continue
        for change in policy_patch(PolicyObject(item.resource, dict(manifest), item.current)).changes:
            is_action = "validationActions" in change.path and not arguments.is_action_named
            if change.path not in _NOT_COMPARED and not is_action and change.path[:1] != ("data",):
                yield f"{item.reference}: {field_path(change.path)} is not as kubectl caps makes it"
