"""Defines `FitResult`, the result of a fit for one workload: an item of the JSON document `Fit`."""

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

from kubectl_caps.core.fit.search_types import Grants
from kubectl_caps.core.harden.complaints import Complaint
from kubectl_caps.core.harden.result import Diagnosis
from kubectl_caps.core.harden.suggestion import missing_capabilities
from kubectl_caps.core.kubernetes.workloads import Workload
from kubectl_caps.core.linux.sets import CapabilitySet
from kubectl_caps.core.trace.privileged_use import PrivilegedUse
from kubectl_caps.core.trace.refusals import KernelRefusal
from kubectl_caps.core.trace.report import CapabilityCheck, EvidenceKind, TraceReport

TrialResult = Literal["passed", "refused", "failed", "notTried"]
"""`passed`: the pod works. `refused`: the pod stays up, but a program was refused an operation. `failed`: the pod
fails. `notTried`: the trial could not be made."""

FitOutcome = Literal["found", "notProved", "failed", "refused", "skipped"]
"""`found`: a minimal set. `notProved`: a set that works, but may be too large. `failed`: no answer. `refused`: no trial
may be made. `skipped`: the question was declined, or the run was interrupted."""


class TrialEnd(Struct, frozen=True):
    """The end of one trial. `adds` is None for the baseline, which has today's rights.

    `diagnoses` are the causes in the evidence. `complaints` are refusals that the pod logged and the baseline did not.
    `usual` are refusals that the baseline logged, too. `doubtful` are lines that may be refusals and that the baseline
    did not log. `trace` is the kernel's record of the pod, None without --trace. `kernel` are the kernel's refusals of
    capabilities that the trial took away.
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
        """The missing grants by the evidence: the certain and likely ones, or else those of the first possible cause.

        Log lines do not count if the kernel has named a refusal and its record is complete.
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
        """The first log line with a capability, or else the kernel's first refusal, or else the message."""
        lines = [diagnosis.cause.evidence_text.strip() for diagnosis in self.diagnoses if diagnosis.cause.capabilities]
        refused = [item.words for item in self.kernel] if self.outcome != "passed" else []
        return next(iter([*lines, *refused]), self.message)


class Need(Struct, frozen=True):
    """A capability that a container needs. `trial` failed without it; None if no such trial could be made.

    `kernel` names the processes and system calls of the baseline that were granted the capability; empty without
    --trace.
    """

    container: str
    capability: str
    trial: TrialEnd | None
    kernel: tuple[str, ...] = ()

    @property
    def evidence(self) -> str:
        """The log line or kernel refusal of the trial that names the capability, or else the trial's message."""
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
    """Whether the workload works under the level restricted.

    `patch` is a patch of the pod spec, None if the workload does not work. `trial` is the number of the trial that
    passed.
    """

    message: str
    patch: dict[str, object] | None = None
    trial: int | None = None


class TraceAnswer(Struct):
    """The tracing of a fit: the `node` and the `kind` of evidence that its kernel gives.

    `used` are the capability checks of the baseline. `incomplete` says why records are incomplete or missing; it is
    empty if all are complete. `confirmed` is the number of the first trial that passed with the answer. `besides` is
    what privileged containers used besides capabilities, and what their trials missed.
    """

    node: str = ""
    kind: EvidenceKind | None = None
    used: tuple[CapabilityCheck, ...] = ()
    incomplete: str = ""
    confirmed: int | None = None
    besides: tuple[PrivilegedUse, ...] = ()


class FitResult(Struct):
    """The result for one workload. `needed` has the capabilities of each varied container, `needs` the reasons.

    `differences` lists how trial pods differ from the workload's own pods. `notes` are other remarks. `refused` are log
    lines of refusals that the workload logs today and still logs with the answer. `commands` are the next commands.
    `manifest` is the security context of each container. `restricted` and `trace` are None if they were not requested.
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
    """The capabilities of each container in the order of their numbers; empty for a container without grants."""
    return {
        name: CapabilitySet.from_names(capability for where, capability in grants if where == name).short_names
        for name in containers
    }


def restricted_patch_of(result: FitResult) -> dict[str, object] | None:
    """The restricted pod spec as a patch of the whole object.

    None if no restricted pod worked, or if the pod template is an item of a list.
    """
    found = result.restricted
    path = result.workload.path
    if found is None or found.patch is None or any(isinstance(step, int) for step in path):
        return None
    patch: dict[str, object] = {"spec": found.patch}
    for step in reversed(path):
        patch = {str(step): patch}
    return patch
