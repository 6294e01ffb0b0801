"""From a namespace, what is in it and what the user asks for to the labels, and to everything they would refuse."""

import copy
from collections.abc import Mapping, Sequence, Set
from typing import Any, Literal

from msgspec import Struct
from msgspec.structs import replace

from kubectl_caps.core.creation import past
from kubectl_caps.core.ownership import Family, Key, fold, key
from kubectl_caps.core.patch import Patch, between
from kubectl_caps.core.pod import Path, Pod, PodTemplate
from kubectl_caps.core.podsecurity.defaulting import as_admitted
from kubectl_caps.core.podsecurity.labels import MODES, PREFIX, Policies, looser, resolve
from kubectl_caps.core.podsecurity.policy import (
    LEVELS,
    NEWEST_MINOR,
    Level,
    Policy,
    effective_minor,
    is_clamped,
    reaches,
)
from kubectl_caps.core.podsecurity.registry import Violation, evaluate
from kubectl_caps.core.workloads import Workload

Mode = Literal["enforce", "audit", "warn"]
Result = Literal["planned", "labeled", "unchanged", "refused", "failed", "unknown"]
"""`unknown`: the server was told to label it, and nobody knows whether it did."""
VERBS: dict[Mode, str] = {"enforce": "refuse", "warn": "warn of", "audit": "record"}
NAMED = 5
"""How many workloads a note names."""
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


class Asked(Struct, frozen=True, kw_only=True):
    """What is asked for, and the server's minor version; None for files."""

    wishes: tuple[LabelWish, ...]
    minor: int | None = None
    overwrite: bool
    force: bool


class LabelPlan(Struct, frozen=True):
    """The labels' patch, the policies and labels before and after, and why they may not be set (empty: they may)."""

    patch: Patch
    before: Policies
    after: Policies
    present: dict[str, str]
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
        if not force and looser(old.of(wish.mode), new.of(wish.mode)):  # warn also where it only follows enforce
            change = f"{wish.mode}={new.of(wish.mode)} is looser than {old.of(wish.mode)}"
            refusals.append(f"{change}; --force does it all the same")
    return LabelPlan(_guarded(between(namespace, wanted), labels), old, new, labels, after, tuple(refusals))


def _guarded(patch: Patch, labels: Mapping[str, str]) -> Patch:
    """The patch, refused also where a label was changed of those that stay: the policy that results was judged."""
    touched = {change.path for change in patch.changes}
    keys = [f"{PREFIX}{mode}{suffix}" for mode in MODES for suffix in ("", "-version")]
    paths: dict[str, Path] = {key: ("metadata", "labels", key) for key in keys}
    if ("metadata", "labels") in touched or not touched:
        return patch
    guards = tuple((path, labels.get(key)) for key, path in paths.items() if path not in touched)
    return Patch(patch.changes, patch.guards + guards)


def start(name: str, labels: dict[str, str], plan: LabelPlan, asked: Asked) -> Labelling:
    """The namespace's item before anything is judged: judged is enforce where it is asked for, else the strictest."""
    mode = max((wish.mode for wish in asked.wishes), key=lambda one: _weight(one, plan.after.of(one)))
    item = Labelling(name, security_labels(labels), security_labels(plan.labels), plan.after.of(mode), mode)
    item.notes += tuple(f"the API server finds its labels wrong: {text}" for text in plan.after.errors)
    newer = reaches(item.policy.version, asked.minor)
    if newer and item.policy.level != "privileged":
        item.not_judged += (
            f"the rules of v1.{newer}, which the API server has: the newest known here are v1.{NEWEST_MINOR}",
        )
    elif is_clamped(item.policy.version, asked.minor):
        item.notes += (f"{item.policy.version} is newer than the rules known here: judged by v1.{NEWEST_MINOR}",)
    return item


def _weight(mode: Mode, policy: Policy) -> tuple[bool, int, int]:
    """What is judged of several modes; an enforced `privileged` refuses nothing, so there is nothing to judge."""
    strictness = LEVELS.index(policy.level)
    return mode == "enforce" and strictness > 0, strictness, effective_minor(policy.version, None)


def beside(
    item: Labelling, plan: LabelPlan, asked: Asked, workloads: Sequence[Workload], verdicts: "Verdicts"
) -> list[str]:
    """What the other modes that are asked for would say of workloads that the judged policy does not refuse."""
    refused = {key(judged.workload) for judged in item.judged}
    told = []
    for wish in asked.wishes:
        policy = plan.after.of(wish.mode)
        if wish.mode == item.mode or policy in (item.policy, Policy("privileged", policy.version)):
            continue
        found = judge(workloads, replace(verdicts, policy=policy, _own={}))
        names = [judged.workload.reference for judged in found if key(judged.workload) not in refused]
        more = [f"{len(names) - NAMED} more"] if len(names) > NAMED else []
        if names:
            told.append(f"{wish.mode}={policy} would {VERBS[wish.mode]} {', '.join([*names[:NAMED], *more])} as well")
    return told


def objections(item: Labelling, *, force: bool) -> list[str]:
    """Why enforcing would break something, or may: what is refused, and what could not be judged."""
    if item.mode != "enforce" or item.policy.level == "privileged" or force:
        return []
    reasons = [f"enforce={item.policy} would refuse what is listed"] if item.judged else []
    reasons += ["not everything could be judged"] if item.not_judged else []
    return [f"{reason}; --force labels it all the same" for reason in reasons]


class Verdicts(Struct, frozen=True):
    """Why a policy refuses workloads; each is looked at once.

    A template is judged as the pod that is made of it, so after the same defaulting as a pod, and by the pod that the
    server made of it where it was tried (`admitted`). Where a controller's pods may come out otherwise (`guessed`),
    that is taken only for the worse.
    """

    policy: Policy
    minor: int | None
    admitted: Mapping[Key, Pod] = {}
    guessed: Set[Key] = frozenset()
    _own: dict[Key, tuple[Violation, ...]] = {}

    def own(self, workload: Workload) -> tuple[Violation, ...]:
        """The verdict on the template, or on the pod as it is."""
        at = key(workload)
        if at not in self._own:
            self._own[at] = self._evaluated(workload.template)
        return self._own[at]

    def of(self, workload: Workload) -> tuple[Violation, ...]:
        """The verdict that counts: on the pod as the server makes it, where that is known."""
        pod = self.admitted.get(key(workload))
        found = () if pod is None else self._evaluated(pod)
        if found or (pod is not None and key(workload) not in self.guessed):
            return found
        return self.own(workload)

    def _evaluated(self, template: PodTemplate) -> tuple[Violation, ...]:
        minor = effective_minor(self.policy.version, self.minor)
        return evaluate(as_admitted(template, pod=True), self.policy.level, minor)


def judge(workloads: Sequence[Workload], verdicts: Verdicts) -> tuple[Judged, ...]:
    """What would be refused: running pods, and pods made of the templates.

    What makes no pods any more (`creation.past`) is refused nothing. Pods that are refused for the very reasons for
    which their owner's template is are folded into it.
    """
    gone = past(workloads)
    found = {id(workload): verdicts.of(workload) for workload in workloads}
    rows = fold(
        [workload for workload in workloads if id(workload) not in gone],
        [workload for workload in workloads if id(workload) in gone and not workload.is_pod],
        same=lambda one, other: _reasons(found[id(one)]) == _reasons(found[id(other)]),
        history=False,
    )
    return tuple(
        _judged(row, found[id(row.workload)], verdicts.own(row.workload)) for row in rows if found[id(row.workload)]
    )


def _judged(row: Family, violations: tuple[Violation, ...], own: tuple[Violation, ...]) -> Judged:
    """Where the server's pod is refused for no other reasons than the template, the template's fields are told."""
    created = _reasons(violations) != _reasons(own)
    pods = tuple(pod.metadata.name or "" for pod in row.pods)
    return Judged(row.workload, violations if created else own, pods, created)


def mended(workloads: Sequence[Workload], verdicts: Verdicts) -> list[str]:
    """The workloads whose template would be refused, while the pod that the server makes of it would not."""
    tried = [workload for workload in workloads if key(workload) in verdicts.admitted]
    return [workload.reference for workload in tried if verdicts.own(workload) and not verdicts.of(workload)]


def over(workloads: Sequence[Workload], verdicts: Verdicts) -> list[str]:
    """The Jobs that are finished, whose template would be refused if somebody made it anew."""
    gone = past(workloads)
    jobs = [workload for workload in workloads if id(workload) in gone and workload.kind == "Job"]
    return [job.reference for job in jobs if verdicts.own(job)]


def _reasons(violations: tuple[Violation, ...]) -> list[tuple[str, str]]:
    return [(violation.check, violation.detail) for violation in violations]


def security_labels(labels: Mapping[str, str]) -> dict[str, str]:
    """The labels that Pod Security reads."""
    return {key: value for key, value in labels.items() if key.startswith(PREFIX)}
