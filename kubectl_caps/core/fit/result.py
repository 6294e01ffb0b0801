"""`FitResult`: the result of a fit, an item of the JSON document `Fit`."""

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

from kubectl_caps.core.fit.search_types import Grants
from kubectl_caps.core.harden.complaints import Complaint
from kubectl_caps.core.harden.result import Diagnosis
from kubectl_caps.core.harden.suggestion import missing_capabilities
from kubectl_caps.core.kubernetes.workloads import Workload
from kubectl_caps.core.linux.sets import CapabilitySet
from kubectl_caps.core.trace.refusals import KernelRefusal
from kubectl_caps.core.trace.report import CapabilityCheck, EvidenceKind, TraceReport

TrialResult = Literal["passed", "refused", "failed", "notTried"]
"""The pod works; it stays up and is refused something; it fails; the trial itself could not be made."""

FitOutcome = Literal["found", "notProved", "failed", "refused", "skipped"]
"""A minimal set; a set that works and may be too large; no answer; no trial may be made; declined or interrupted."""


class TrialEnd(Struct, frozen=True):
    """The end of one trial. No `adds` means today's rights: the baseline.

    `diagnoses` are the causes in the evidence. `complaints` are refusals that only this pod logged, `usual` are
    refusals that the baseline logged as well. `doubtful` lines, which only this pod logged, may or may not be refusals.
    `trace` is the kernel's record of the pod, None without --trace; `kernel` are its refusals of what the trial took.
    """

    number: int
    name: str
    adds: Grants | None
    outcome: TrialResult
    seconds: float
    message: str = ""
    diagnoses: tuple[Diagnosis, ...] = ()
    complaints: tuple[Complaint, ...] = ()
    usual: tuple[Complaint, ...] = ()
    doubtful: tuple[Complaint, ...] = ()
    unconfined: tuple[str, ...] = ()
    trace: TraceReport | None = None
    kernel: tuple[KernelRefusal, ...] = ()

    @property
    def named(self) -> Grants:
        """The missing grants by the evidence: the certain and likely ones, else those of the first possible cause.

        Where the kernel has named refusals and nothing of its record was lost, log lines do not count beside them.
        """
        is_whole = self.trace is not None and not self.trace.lost
        if self.outcome != "passed" and is_whole and any(item.is_certain for item in self.kernel):
            return frozenset((item.container, item.capability) for item in self.kernel)
        missing = missing_capabilities(self.diagnoses)
        found = frozenset((container, name) for container, names in missing.items() for name in names)
        told = self.kernel if self.outcome != "passed" else ()
        return found | frozenset((item.container, item.capability) for item in told)

    @property
    def evidence(self) -> str:
        """The line that says most, else what the kernel refused, else the message."""
        lines = [diagnosis.cause.evidence_text.strip() for diagnosis in self.diagnoses if diagnosis.cause.capabilities]
        refused = [item.words for item in self.kernel] if self.outcome != "passed" else []
        return next(iter([*lines, *refused]), self.message)


class Need(Struct, frozen=True):
    """A capability that a container needs, and the failed trial without it; None if no such trial could be made.

    `kernel` says what the kernel granted it for in the baseline, by process and system call; empty without --trace.
    """

    container: str
    capability: str
    trial: TrialEnd | None
    kernel: tuple[str, ...] = ()

    @property
    def evidence(self) -> str:
        """The line of that trial that names this capability, else what it failed with."""
        if self.trial is None:
            return ""
        for diagnosis in self.trial.diagnoses:
            if diagnosis.container == self.container and self.capability in diagnosis.cause.capabilities:
                return diagnosis.cause.evidence_text.strip()
        for item in self.trial.kernel:
            if (item.container, item.capability) == (self.container, self.capability):
                return item.words
        return self.trial.message


class RestrictedAnswer(Struct, frozen=True):
    """Whether the workload works under the level restricted: `patch` is of the pod spec, None if it does not.

    `trial` is the number of the trial that worked.
    """

    message: str
    patch: dict[str, object] | None = None
    trial: int | None = None


class TraceAnswer(Struct):
    """The tracing of a fit: on which `node`, which `kind` of evidence the kernel gives there, and what it misses.

    `used` are the baseline's checks. `incomplete` says why records are incomplete, or why there are none; it is empty
    if all are complete. `confirmed` is the number of the trial that first passed with the answer.
    """

    node: str = ""
    kind: EvidenceKind | None = None
    used: tuple[CapabilityCheck, ...] = ()
    incomplete: str = ""
    confirmed: int | None = None


class FitResult(Struct):
    """The result for one workload. `needed` has the set of every varied container, `needs` the reasons.

    `differences` lists how trial pods differ from the workload's own; `notes` are other remarks. `refused` are log
    lines of refusals that remain with the answer, as today. `commands` are the next commands, `manifest` is the
    security context of each container. `restricted` and `trace` are None if nobody asked for them.
    """

    workload: Workload
    trials: list[TrialEnd] = []
    needed: dict[str, tuple[str, ...]] = {}
    needs: tuple[Need, ...] = ()
    differences: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    manifest: dict[str, dict[str, object]] = {}
    restricted: RestrictedAnswer | None = None
    result: FitOutcome = "failed"
    message: str = ""
    trace: TraceAnswer | None = None


def by_container(grants: Grants, containers: Mapping[str, object] | list[str]) -> dict[str, tuple[str, ...]]:
    """The names of each container's grants in number order, empty if it has none."""
    return {
        name: CapabilitySet.from_names(capability for where, capability in grants if where == name).short_names
        for name in containers
    }


def restricted_patch_of(result: FitResult) -> dict[str, object] | None:
    """The restricted pod spec as a patch of the whole object; None if nothing worked, or for a list of templates."""
    found = result.restricted
    path = result.workload.path
    if found is None or found.patch is None or any(isinstance(step, int) for step in path):
        return None
    patch: dict[str, object] = {"spec": found.patch}
    for step in reversed(path):
        patch = {str(step): patch}
    return patch
