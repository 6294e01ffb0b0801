"""Runs `policy --apply`: prints what would be refused, tries every object in a dry run, and applies the objects."""

from collections.abc import Iterator, Sequence
from threading import Event

from kubectl_caps.cli.policy import PolicyArguments
from kubectl_caps.cli.values import SUFFIX
from kubectl_caps.cluster.api.client import Cluster
from kubectl_caps.commands.policy.objects import PolicyObject, apply_object, policy_patch, read_policy_objects
from kubectl_caps.commands.policy.preflight import print_preflight, today
from kubectl_caps.commands.policy.sources import PolicySource, policies_of_document, policy_of_cluster
from kubectl_caps.commands.shared.connect import connected
from kubectl_caps.commands.shared.late_patch import Unanswered, is_refusal, wait_for_change
from kubectl_caps.core.label.plan_labels import SYSTEM_NAMESPACES
from kubectl_caps.core.policy.forms import FORMS
from kubectl_caps.core.policy.preflight import preflight
from kubectl_caps.errors import ApiError, CapsError, Unreachable
from kubectl_caps.report.terminal import escaped, say


def apply(arguments: PolicyArguments) -> int:
    """Apply the policy to the cluster, and return the exit status. Raises CapsError."""
    cluster, namespace, context = connected(arguments)
    live = policy_of_cluster(cluster, namespace, context, arguments)
    source = live
    if arguments.document is not None:
        [source] = [one for one in policies_of_document(arguments) if one.built.policy.namespace == namespace] or [live]
    say(*dict.fromkeys(map(str, live.errors)), *(f"note: {note}" for note in source.built.notes))
    found = preflight(source.built.policy, live.workloads, today(), fills=arguments.fills)
    print_preflight(namespace, found, arguments)
    refusals = list(_refusals(namespace, live, bool(found.refused), arguments))
    if refusals and not arguments.force:
        print(escaped(f"policy/{namespace} not applied: {'; '.join(refusals)}; --force applies it anyway"))
        return 2 if live.errors else 1
    wanted = FORMS[arguments.form](source.built.policy, arguments.actions, source.made_from)
    _send(cluster, read_policy_objects(cluster, wanted), arguments)
    return 2 if live.errors else 0


def _refusals(namespace: str, live: PolicySource, is_refused: bool, arguments: PolicyArguments) -> Iterator[str]:
    if namespace in SYSTEM_NAMESPACES:
        yield f"{namespace} belongs to the system"
    if live.errors:
        yield "some workloads could not be read, and the policy would refuse their pods"
    if is_refused and "deny" in arguments.actions:
        yield "it would refuse workloads or pods that exist now"


def _send(cluster: Cluster, items: Sequence[PolicyObject], arguments: PolicyArguments) -> None:
    """Try every object in a server dry run, and then create or change them. A refused object prevents all changes.

    The binding of a new policy is not tried, because the API server demands the right to get everything for the binding
    of an unknown policy. A policy without a binding has no effect.
    """
    if arguments.dry_run == "client":
        for item in items:
            is_changed = item.current is not None and bool(policy_patch(item).changes)
            _say(item, "created" if item.current is None else "configured" if is_changed else "unchanged", arguments)
        return
    results = [_tried(cluster, item, items, arguments) for item in items]
    for item, result in zip(items, results, strict=True):
        if arguments.dry_run == "none":
            result = _applied(cluster, item, arguments)
        _say(item, result, arguments)


def _tried(cluster: Cluster, item: PolicyObject, items: Sequence[PolicyObject], arguments: PolicyArguments) -> str:
    kind = item.wanted["kind"]
    policies = [one for one in items if kind == f"{one.wanted['kind']}Binding"]
    if item.current is None and any(one.current is None for one in policies):
        return "created"
    return apply_object(cluster, item, arguments.field_manager, dry_run=True)


def _applied(cluster: Cluster, item: PolicyObject, arguments: PolicyArguments) -> str:
    """Create or change one object. If the answer is lost, read the object again. Raises CapsError."""
    try:
        return apply_object(cluster, item, arguments.field_manager, dry_run=False)
    except (ApiError, Unreachable) as error:
        if is_refusal(error):
            raise
        return _await_object(cluster, item, error)


def _await_object(cluster: Cluster, item: PolicyObject, error: CapsError) -> str:
    def look() -> str | None:
        there = cluster.get(item.resource, item.namespace, item.wanted["metadata"]["name"])
        is_wanted = not policy_patch(PolicyObject(item.resource, item.wanted, there)).changes
        return ("created" if item.current is None else "configured") if is_wanted else None

    try:
        return wait_for_change(error, look, Event())
    except Unanswered as unanswered:
        raise CapsError(f"{item.reference}: {unanswered.words}") from error


def _say(item: PolicyObject, result: str, arguments: PolicyArguments) -> None:
    print(escaped(f"{item.reference} {result}{SUFFIX[arguments.dry_run]}"), flush=True)
