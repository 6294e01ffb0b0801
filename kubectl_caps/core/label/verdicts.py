"""Judges the workloads of a namespace: everything that its labels would refuse."""

from collections.abc import Hashable, Mapping, Sequence, Set
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from kubectl_caps.core.assess.coverage import Coverage
from kubectl_caps.core.assess.judged_volumes import with_judged_volumes
from kubectl_caps.core.kubernetes.field_path import Path
from kubectl_caps.core.kubernetes.fingerprint import fingerprint
from kubectl_caps.core.kubernetes.pod import Pod, PodTemplate
from kubectl_caps.core.kubernetes.workloads import Workload
from kubectl_caps.core.label.plan_labels import LabelOptions, LabelPlan, Mode, security_labels
from kubectl_caps.core.pods.inactive import inactive
from kubectl_caps.core.pods.owners import Key, WorkloadRow, fold, workload_key
from kubectl_caps.core.podsecurity.defaulting import as_admitted
from kubectl_caps.core.podsecurity.policy import (
    LEVELS,
    NEWEST_MINOR,
    Policy,
    effective_minor,
    is_clamped,
    reaches,
)
from kubectl_caps.core.podsecurity.registry import Violation, evaluate
from kubectl_caps.core.text import first_few

LabelOutcome = Literal["planned", "labeled", "unchanged", "refused", "failed", "unknown"]
"""`unknown`: the patch was sent, and it is not known whether the server applied it."""
VERBS: dict[Mode, str] = {"enforce": "refuse", "warn": "warn of", "audit": "record"}
NAMED = 5
"""The number of workloads that a note names."""



class RefusedWorkload(Struct, frozen=True):
    """A workload that the policy would refuse, with the names of the pods that it would refuse for the same reasons.

    `running` are these pods; their status names the users of their containers. `created` says that the violations are
    those of the pod that the server would create, with the changes of webhooks. Then their fields are paths in that
    pod, else paths in the workload's template.
    """

    workload: Workload
    violations: tuple[Violation, ...]
    pods: tuple[str, ...] = ()
    created: bool = False
    running: tuple[Pod, ...] = ()

    @property
    def in_file(self) -> bool:
        """Whether the workload is in a manifest, so that it does not run and is fixed in the file."""
        return "file" in self.workload.source

    def at(self, path: Path) -> Path:
        """The path of a violation's field: in the pod that the server would create, or in the object."""
        return path if self.created else self.workload.at(path)


class Labelling(Struct):
    """The result for one namespace: its Pod Security labels, the workloads that would be refused, and the doubts.

    `minor` is the minor version of the applied rules. `coverage` counts the objects of a namespace on a cluster.
    """

    namespace: str
    before: dict[str, str]
    after: dict[str, str]
    policy: Policy
    mode: Mode
    judged: tuple[RefusedWorkload, ...] = ()
    not_judged: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    result: LabelOutcome = "planned"
    message: str = ""
    minor: int = NEWEST_MINOR
    coverage: Coverage | None = None


def new_result(name: str, labels: dict[str, str], plan: LabelPlan, options: LabelOptions) -> Labelling:
    """The namespace's result before anything is judged.

    Workloads are judged by the enforce level. If only other modes are requested, by the strictest of these.
    """
    mode = max((request.mode for request in options.requests), key=lambda one: _weight(one, plan.after.of(one)))
    item = Labelling(name, security_labels(labels), security_labels(plan.labels), plan.after.of(mode), mode)
    item.minor = effective_minor(item.policy.version, options.minor)
    item.notes += tuple(f"the API server finds its labels wrong: {text}" for text in plan.after.errors)
    newer = reaches(item.policy.version, options.minor)
    if newer and item.policy.level != "privileged":
        item.not_judged += (
            f"the rules of v1.{newer}, which the API server has: the newest known here are v1.{NEWEST_MINOR}",
        )
    elif is_clamped(item.policy.version, options.minor):
        item.notes += (f"{item.policy.version} is newer than the rules known here: judged by v1.{NEWEST_MINOR}",)
    return item


def _weight(mode: Mode, policy: Policy) -> tuple[bool, int, int]:
    """The order in which modes are judged: enforce first, unless its level is `privileged`, which refuses nothing."""
    strictness = LEVELS.index(policy.level)
    return mode == "enforce" and strictness > 0, strictness, effective_minor(policy.version, None)


def other_modes(
    item: Labelling, plan: LabelPlan, options: LabelOptions, workloads: Sequence[Workload], verdicts: "Verdicts"
) -> list[str]:
    """Notes on the workloads that violate only the policies of the other requested modes."""
    refused = {workload_key(judged.workload) for judged in item.judged}
    told = []
    for request in options.requests:
        policy = plan.after.of(request.mode)
        if request.mode == item.mode or policy in (item.policy, Policy("privileged", policy.version)):
            continue
        found = judge(workloads, replace(verdicts, policy=policy, _known={}))
        names = [judged.workload.reference for judged in found if workload_key(judged.workload) not in refused]
        told += [f"{request.mode}={policy}: {text}" for text in unseen(workloads, policy)]
        if names:
            told.append(f"{request.mode}={policy} would {VERBS[request.mode]} {first_few(names, NAMED)} as well")
    return told


def unseen(workloads: Sequence[Workload], policy: Policy) -> dict[str, list[Workload]]:
    """The active workloads whose verdict is unknown, by the sentence to print: their controllers add containers."""
    gone = inactive(workloads)
    found: dict[str, list[Workload]] = {}
    for one in workloads:
        if one.unseen and policy.level == "restricted" and workload_key(one) not in gone:
            words = f"{one.reference}: whether {policy} refuses its pods is not known: {one.unseen}"
            found.setdefault(words, []).append(one)
    return found


def objections(item: Labelling, *, force: bool) -> list[str]:
    """Why the namespace is not labeled without `force`: workloads are refused, or could not be judged."""
    if item.mode != "enforce" or item.policy.level == "privileged" or force:
        return []
    reasons = [f"enforce={item.policy} would refuse what is listed"] if item.judged else []
    reasons += ["not everything could be judged"] if item.not_judged else []
    return [f"{reason}; --force labels it anyway" for reason in reasons]


class Verdicts(Struct, frozen=True):
    """The violations of one policy, workload by workload.

    A template is judged after the same defaulting as a pod. If the server created a pod of the template in a dry run
    (`admitted`), the verdict on the pod counts. For an `uncertain` workload, whose real pods may differ from that pod,
    a refusal of the template counts too.
    """

    policy: Policy
    minor: int | None
    admitted: Mapping[Key, Pod] = {}
    uncertain: Set[Key] = frozenset()
    _known: dict[Hashable, tuple[Violation, ...]] = {}

    def template_verdict(self, workload: Workload) -> tuple[Violation, ...]:
        """The verdict on the template, or on the pod as it is."""
        return self._evaluated(workload, workload.template)

    def of(self, workload: Workload) -> tuple[Violation, ...]:
        """The verdict that counts: on the pod that the server created in a dry run, or on the template."""
        found = self.admitted_verdict(workload)
        if found or (found is not None and workload_key(workload) not in self.uncertain):
            return found
        return self.template_verdict(workload)

    def admitted_verdict(self, workload: Workload) -> tuple[Violation, ...] | None:
        """The verdict on the pod that the server created in a dry run; None if there is no such pod."""
        pod = self.admitted.get(workload_key(workload))
        return None if pod is None else self._evaluated(workload, pod)

    def _evaluated(self, workload: Workload, template: PodTemplate) -> tuple[Violation, ...]:
        """The verdict on the workload's template, or on its pod of the dry run. Each is evaluated once."""
        at = workload_key(workload), template is workload.template
        if at not in self._known:
            self._known[at] = self._of_alike(as_admitted(template, pod=True))
        return self._known[at]

    def _of_alike(self, template: PodTemplate) -> tuple[Violation, ...]:
        """The verdict on a template. Pods that differ only in what no check reads are evaluated once."""
        minor = effective_minor(self.policy.version, self.minor)
        alike = fingerprint(replace(with_judged_volumes(template.spec), node_name=None), template.annotations)
        if alike is None:
            return evaluate(template, self.policy.level, minor)
        if alike not in self._known:
            self._known[alike] = evaluate(template, self.policy.level, minor)
        return self._known[alike]


def judge(workloads: Sequence[Workload], verdicts: Verdicts) -> tuple[RefusedWorkload, ...]:
    """The workloads and running pods that the policy would refuse.

    Inactive workloads are left out. Pods are merged into their owner's row while both are refused for the same reasons.
    """
    gone = inactive(workloads)
    found = {workload_key(workload): verdicts.of(workload) for workload in workloads}
    rows = fold(
        [workload for workload in workloads if workload_key(workload) not in gone],
        [workload for workload in workloads if workload_key(workload) in gone and not workload.is_pod],
        same=lambda one, other: _reasons(found[workload_key(one)]) == _reasons(found[workload_key(other)]),
        history=False,
    )
    refused = (row for row in rows if found[workload_key(row.workload)])
    return tuple(
        _judged(row, found[workload_key(row.workload)], verdicts.template_verdict(row.workload)) for row in refused
    )


def _judged(row: WorkloadRow, violations: tuple[Violation, ...], own: tuple[Violation, ...]) -> RefusedWorkload:
    """The refused workload. It names fields of the template if template and created pod have the same violations."""
    created = _reasons(violations) != _reasons(own)
    pods = tuple(pod.metadata.name or "" for pod in row.pods)
    return RefusedWorkload(row.workload, violations if created else own, pods, created, tuple(row.pods))


def fixed_by_webhook(workloads: Sequence[Workload], verdicts: Verdicts) -> list[str]:
    """The workloads whose template would be refused, and whose pod in the dry run would not be refused."""
    tried = [one for one in workloads if workload_key(one) in verdicts.admitted]
    return [one.reference for one in tried if verdicts.template_verdict(one) and not verdicts.of(one)]


def unproven_fixes(workloads: Sequence[Workload], verdicts: Verdicts) -> list[str]:
    """The workloads that are refused although their pod passes in a dry run: no pod of their controller proves that."""
    tried = [one for one in workloads if verdicts.admitted_verdict(one) == ()]
    return [one.reference for one in tried if verdicts.of(one)]


def finished_jobs(workloads: Sequence[Workload], verdicts: Verdicts) -> list[str]:
    """The finished Jobs whose template would be refused if somebody created the Job again."""
    gone = inactive(workloads)
    jobs = [workload for workload in workloads if workload_key(workload) in gone and workload.kind == "Job"]
    return [job.reference for job in jobs if verdicts.template_verdict(job)]


def _reasons(violations: tuple[Violation, ...]) -> list[tuple[str, str]]:
    return [(violation.check, violation.detail) for violation in violations]
