"""From a namespace, what is in it and what the user asks for to the labels, and to everything they would refuse."""

import copy
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from msgspec import Struct

from kubectl_caps.core.ownership import fold
from kubectl_caps.core.patch import Patch, between
from kubectl_caps.core.pod import Pod
from kubectl_caps.core.podsecurity.defaulting import as_admitted
from kubectl_caps.core.podsecurity.labels import PREFIX, Policies, looser, resolve
from kubectl_caps.core.podsecurity.policy import Level, Policy, effective_minor
from kubectl_caps.core.podsecurity.registry import Violation, evaluate
from kubectl_caps.core.workloads import Workload, kind_of

Mode = Literal["enforce", "audit", "warn"]
Result = Literal["planned", "labeled", "unchanged", "refused", "failed"]
SYSTEM_NAMESPACES = ("kube-system", "kube-public", "kube-node-lease")


class LabelWish(Struct, frozen=True):
    """One mode's label, and its version label where the user named a version."""

    mode: Mode
    level: Level
    version: str | None

    def labels(self) -> dict[str, str]:
        """The labels to set."""
        own = {f"{PREFIX}{self.mode}": str(self.level)}
        return own | ({f"{PREFIX}{self.mode}-version": self.version} if self.version else {})


class LabelPlan(Struct, frozen=True):
    """The labels' patch, the policies that result, and why the labels may not be set (empty where they may)."""

    patch: Patch
    policies: Policies
    refusals: tuple[str, ...]


class Judged(Struct, frozen=True):
    """A workload that the policy would refuse, with the names of the pods that it would refuse for the same reasons."""

    workload: Workload
    violations: tuple[Violation, ...]
    pods: tuple[str, ...] = ()


class Labelling(Struct):
    """What became of one namespace: its Pod Security labels, who would be refused, and what could not be judged."""

    namespace: str
    before: dict[str, str]
    after: dict[str, str]
    policy: Policy
    mode: Mode
    judged: tuple[Judged, ...] = ()
    not_judged: tuple[str, ...] = ()
    result: Result = "planned"
    message: str = ""


def plan_labels(
    namespace: Mapping[str, Any], wishes: Sequence[LabelWish], *, overwrite: bool, force: bool
) -> LabelPlan:
    """The labels that result, and kubectl's refusals: another value needs `overwrite`, loosening needs `force`."""
    labels: dict[str, str] = (namespace.get("metadata") or {}).get("labels") or {}
    asked = {key: value for wish in wishes for key, value in wish.labels().items()}
    refusals = [
        f"'{key}' already has a value ({labels[key]}), and --overwrite is false"
        for key, value in asked.items()
        if not overwrite and labels.get(key, value) != value
    ]
    wanted = copy.deepcopy(dict(namespace))
    wanted["metadata"]["labels"] = labels | asked
    before, after = resolve(labels), resolve(labels | asked)
    for wish in wishes:
        old, new = before.of(wish.mode), after.of(wish.mode)
        if not force and f"{PREFIX}{wish.mode}" in labels and looser(old, new):
            refusals.append(f"{wish.mode}={new} is looser than {old}; --force does it all the same")
    return LabelPlan(between(namespace, wanted), after, tuple(refusals))


def judge(workloads: Sequence[Workload], policy: Policy, server_minor: int | None) -> tuple[Judged, ...]:
    """What `policy` would refuse: running pods, and pods made of the templates. Finished pods are refused nothing.

    A template is judged as the pod that is made of it, so after the same defaulting as a pod. Pods that are refused
    for the very reasons for which their owner's template is are folded into it.
    """
    minor = effective_minor(policy.version, server_minor)
    alive = [workload for workload in workloads if not _finished(workload)]
    verdicts = {
        id(workload): evaluate(as_admitted(workload.template, pod=True), policy.level, minor) for workload in alive
    }
    rows = fold(alive, same=lambda one, other: _reasons(verdicts[id(one)]) == _reasons(verdicts[id(other)]))
    return tuple(
        Judged(row.workload, verdicts[id(row.workload)], tuple(pod.metadata.name or "" for pod in row.pods))
        for row in rows
        if verdicts[id(row.workload)]
    )


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
