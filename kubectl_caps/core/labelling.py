"""From a namespace, what is in it and what the user asks for to the labels, and to everything they would refuse."""

import copy
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from msgspec import Struct

from kubectl_caps.core.ownership import fold
from kubectl_caps.core.patch import Patch, between
from kubectl_caps.core.pod import Pod, PodTemplate
from kubectl_caps.core.podsecurity.defaulting import as_admitted
from kubectl_caps.core.podsecurity.labels import PREFIX, Policies, looser, resolve
from kubectl_caps.core.podsecurity.policy import Level, Policy, effective_minor
from kubectl_caps.core.podsecurity.registry import Violation, evaluate
from kubectl_caps.core.workloads import Workload, kind_of

Mode = Literal["enforce", "audit", "warn"]
Result = Literal["planned", "labeled", "unchanged", "refused", "failed"]
SYSTEM_NAMESPACES = ("kube-system", "kube-public", "kube-node-lease")


class LabelWish(Struct, frozen=True):
    """What is asked of one mode: a level, with a version where the user named one; no level removes the labels."""

    mode: Mode
    level: Level | None
    version: str | None = None

    def applied(self, labels: Mapping[str, str]) -> dict[str, str]:
        """The labels with this wish fulfilled."""
        key, version_key = f"{PREFIX}{self.mode}", f"{PREFIX}{self.mode}-version"
        if self.level is None:
            return {name: value for name, value in labels.items() if name not in (key, version_key)}
        version = {version_key: self.version} if self.version else {}
        return {**labels, key: self.level, **version}


class LabelPlan(Struct, frozen=True):
    """The labels' patch, the policies before and after, and why the labels may not be set (empty where they may)."""

    patch: Patch
    before: Policies
    after: Policies
    labels: dict[str, str]
    refusals: tuple[str, ...]


class Judged(Struct, frozen=True):
    """A workload that the policy would refuse, with the names of the pods that it would refuse for the same reasons.

    `created` says that the violations are those of the pod as the server would create it, with what webhooks put in:
    their fields are then paths in that pod, else in the workload's template.
    """

    workload: Workload
    violations: tuple[Violation, ...]
    pods: tuple[str, ...] = ()
    created: bool = False


class Labelling(Struct):
    """What became of one namespace: its Pod Security labels, who would be refused, and what could not be judged."""

    namespace: str
    before: dict[str, str]
    after: dict[str, str]
    policy: Policy
    mode: Mode
    judged: tuple[Judged, ...] = ()
    not_judged: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    result: Result = "planned"
    message: str = ""


def plan_labels(
    namespace: Mapping[str, Any], wishes: Sequence[LabelWish], *, overwrite: bool, force: bool
) -> LabelPlan:
    """The labels that result, and kubectl's refusals: another value needs `overwrite`, loosening needs `force`."""
    metadata = namespace.get("metadata") or {}
    labels: dict[str, str] = metadata.get("labels") or {}
    after = labels
    for wish in wishes:
        after = wish.applied(after)
    refusals = [
        f"'{key}' already has a value ({labels[key]}), and --overwrite is false"
        for key, value in after.items()
        if not overwrite and labels.get(key, value) != value
    ]
    wanted = copy.deepcopy(dict(namespace))
    if after or "labels" in metadata:
        wanted["metadata"]["labels"] = after
    old, new = resolve(labels), resolve(after)
    for wish in wishes:
        if not force and f"{PREFIX}{wish.mode}" in labels and looser(old.of(wish.mode), new.of(wish.mode)):
            change = f"{wish.mode}={new.of(wish.mode)} is looser than {old.of(wish.mode)}"
            refusals.append(f"{change}; --force does it all the same")
    return LabelPlan(between(namespace, wanted), old, new, after, tuple(refusals))


def judge(workloads: Sequence[Workload], policy: Policy, server_minor: int | None) -> tuple[Judged, ...]:
    """What `policy` would refuse: running pods, and pods made of the templates. Finished pods are refused nothing.

    A template is judged as the pod that is made of it, so after the same defaulting as a pod. Pods that are refused
    for the very reasons for which their owner's template is are folded into it.
    """
    alive = [workload for workload in workloads if not _finished(workload)]
    verdicts = {id(workload): verdict(workload.template, policy, server_minor) for workload in alive}
    rows = fold(alive, same=lambda one, other: _reasons(verdicts[id(one)]) == _reasons(verdicts[id(other)]))
    return tuple(
        Judged(row.workload, verdicts[id(row.workload)], tuple(pod.metadata.name or "" for pod in row.pods))
        for row in rows
        if verdicts[id(row.workload)]
    )


def verdict(template: PodTemplate, policy: Policy, server_minor: int | None) -> tuple[Violation, ...]:
    """Why a policy refuses a pod, or the pod that is made of a template."""
    return evaluate(as_admitted(template, pod=True), policy.level, effective_minor(policy.version, server_minor))


def with_created(judged: Sequence[Judged], workload: Workload, violations: tuple[Violation, ...]) -> tuple[Judged, ...]:
    """The verdicts with that of a workload's pod as the server would create it, where that says more."""
    known = {(item.check, item.detail) for one in judged if one.workload is workload for item in one.violations}
    if all((item.check, item.detail) in known for item in violations):
        return tuple(judged)
    return (*(one for one in judged if one.workload is not workload), Judged(workload, violations, created=True))


def templates(workloads: Sequence[Workload]) -> list[Workload]:
    """The templates of which pods are made: those that no other template of these makes or has made."""
    return [row.workload for row in fold(workloads) if not row.workload.is_pod]


def _finished(workload: Workload) -> bool:
    return isinstance(workload.template, Pod) and workload.template.finished


def _reasons(violations: tuple[Violation, ...]) -> list[tuple[str, str]]:
    return [(violation.check, violation.detail) for violation in violations]


def security_labels(labels: Mapping[str, str]) -> dict[str, str]:
    """The labels that Pod Security reads."""
    return {key: value for key, value in labels.items() if key.startswith(PREFIX)}


def mending(judged: Judged) -> tuple[list[str] | None, list[str]]:
    """The flags of the `harden` that mends what it can (None where it can mend nothing), and the checks that remain.

    Pods and Jobs cannot be changed in place; their owner or source has to be.
    """
    flags: list[str] = []
    remain: list[str] = []
    for violation in judged.violations:
        row = _MENDED_BY.get(violation.check)
        if row is None:
            remain.append(violation.check)
        else:
            flags += [flag for flag in row if flag not in flags]
    if any("capabilities.add" in violation.detail for violation in judged.violations):
        flags.append("--remove-adds")
    kind = kind_of(judged.workload.api_version, judged.workload.kind)
    possible = kind is not None and kind.effect != "never" and len(remain) < len(judged.violations)
    return (flags if possible else None), remain


_MENDED_BY: Mapping[str, tuple[str, ...]] = {
    "allowPrivilegeEscalation": (),
    "capabilities_baseline": (),
    "capabilities_restricted": (),
    "runAsNonRoot": ("--profile=restricted",),
    "runAsUser": ("--profile=restricted", "--run-as-user=UID"),
    "seccompProfile_baseline": ("--profile=restricted",),
    "seccompProfile_restricted": ("--profile=restricted",),
}
