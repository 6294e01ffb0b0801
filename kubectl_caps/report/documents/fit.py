"""`kind: Fit`: the document of `fit -o json`."""

from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from msgspec import Meta, structs

from kubectl_caps.core.fit.result import (
    FitOutcome,
    FitResult,
    Need,
    TraceAnswer,
    TrialEnd,
    TrialResult,
    by_container,
    restricted_patch_of,
)
from kubectl_caps.core.trace.privileged_use import PrivilegedRight, PrivilegedUse
from kubectl_caps.core.trace.refusals import KernelRefusal
from kubectl_caps.core.trace.report import CapabilityCheck, EvidenceKind
from kubectl_caps.errors import CapsError
from kubectl_caps.report.documents.frame import (
    API_VERSION,
    ApiVersion,
    Count,
    ErrorJson,
    JsonPart,
    ObjectJson,
    Texts,
    errors_json,
    identity_fields,
)


class KernelCheckJson(JsonPart, frozen=True):
    """A capability that the kernel was asked for by processes of one name, in one system call."""

    container: str
    process: str
    capability: str
    call: Annotated[str, Meta(description="The system call; empty if the kernel's stack does not name it.")]
    granted: Count
    refused: Count
    failed: Annotated[Count, Meta(description="The refused calls that ended with EPERM or EACCES.")]
    optional: Annotated[str, Meta(description="Why the check is not yet a need; empty if no table says so.")]


class KernelRefusalJson(JsonPart, frozen=True):
    """A capability that a trial took, and that the kernel then refused."""

    container: str
    capability: str
    evidence: str
    kind: Annotated[EvidenceKind, Meta(description="capabilities: the kernel named it. calls: a failed call tells it.")]


class PrivilegedUseJson(JsonPart, frozen=True):
    """What a privileged container used besides capabilities, or what its trials without privileged missed."""

    container: str
    right: Annotated[
        PrivilegedRight,
        Meta(
            description="mount, seccomp: calls of the baseline. readOnly, refused: calls that ended with an error in "
            "trials only. notReached: a check of a capability that the baseline passed and the trials do not come to."
        ),
    ]
    process: str
    call: Annotated[str, Meta(description="The system call; empty if the kernel's stack does not name it.")]
    count: Count
    evidence: str


class TraceJson(JsonPart, frozen=True):
    """What the kernel recorded of the trials."""

    node: Annotated[str, Meta(description="Where the trials ran; empty if nothing was traced.")]
    kind: Annotated[
        EvidenceKind | None,
        Meta(description="capabilities: every check (event cap_capable). calls: only failed calls. null: no record."),
    ]
    used: Annotated[tuple[KernelCheckJson, ...], Meta(description="What the baseline was granted.")]
    incomplete: Annotated[str, Meta(description="What the records miss, or why there are none; empty if nothing.")]
    confirmed: Annotated[int | None, Meta(description="The first trial that passed with exactly the answer.")]
    besides: Annotated[
        tuple[PrivilegedUseJson, ...], Meta(description="Of privileged containers only. Paths are not recorded.")
    ]


class TrialJson(JsonPart, frozen=True):
    """One trial."""

    number: Annotated[Count, Meta(description="0 is the baseline, with the workload's present settings.")]
    adds: Annotated[
        dict[str, Texts] | None,
        Meta(description="By container, the capabilities added to drop ALL; null: the present settings."),
    ]
    outcome: TrialResult
    seconds: float
    evidence: Annotated[str, Meta(description="The line that says most about a failure; empty without a failure.")]
    named: Annotated[dict[str, Texts], Meta(description="By container, the capabilities that the evidence names.")]
    unconfined: Annotated[
        Texts, Meta(description="Fields of security contexts that were set to Unconfined, for privileged containers.")
    ]
    kernel: Annotated[tuple[KernelRefusalJson, ...], Meta(description="Empty without --trace.")]


class ProofJson(JsonPart, frozen=True):
    """Why a container needs a capability."""

    container: str
    capability: str
    trial: Annotated[int | None, Meta(description="The failed trial without the capability; null if there was none.")]
    evidence: str
    kernel: Annotated[Texts, Meta(description="What the baseline was granted it for; empty without --trace.")]


class RestrictedJson(JsonPart, frozen=True):
    """Whether the workload works under the level restricted without any capability."""

    message: str
    trial: Annotated[int | None, Meta(description="The trial that worked; null if none worked.")]
    patch: Annotated[Any, Meta(description="The settings that worked, as a strategic merge patch; null if none did.")]


class FitJson(ObjectJson, frozen=True):
    """One workload: the trials, and the smallest set that works."""

    trials: tuple[TrialJson, ...]
    needed: Annotated[dict[str, Texts], Meta(description="By container; empty if there is no answer.")]
    proof: tuple[ProofJson, ...]
    refused: Annotated[Texts, Meta(description="Operations that are still refused with the answer, as they are today.")]
    differences: Annotated[Texts, Meta(description="The differences between trial pods and the workload's own pods.")]
    notes: Texts
    commands: Annotated[Texts, Meta(description="The commands to run next.")]
    manifest: Annotated[dict[str, Any], Meta(description="By container, the security context that worked.")]
    restricted: Annotated[RestrictedJson | None, Meta(description="null without --profile restricted.")]
    trace: Annotated[TraceJson | None, Meta(description="null without --trace.")]
    result: FitOutcome
    message: str


class FitSummary(JsonPart, frozen=True):
    """The counts of the items."""

    workloads: Count
    trials: Count
    by_result: dict[FitOutcome, Count]


class FitDocument(JsonPart, frozen=True):
    """The document of `kubectl caps fit -o json`."""

    api_version: ApiVersion
    kind: Literal["Fit"]
    items: tuple[FitJson, ...]
    errors: tuple[ErrorJson, ...]
    summary: FitSummary


def fit_document(results: Sequence[FitResult], failed: Sequence[CapsError]) -> FitDocument:
    """The document of all workloads."""
    return FitDocument(
        api_version=API_VERSION,
        kind="Fit",
        items=tuple(map(_fit, results)),
        errors=errors_json(failed),
        summary=FitSummary(
            workloads=len(results),
            trials=sum(len(result.trials) for result in results),
            by_result=dict(Counter(result.result for result in results)),
        ),
    )


def _fit(result: FitResult) -> FitJson:
    return FitJson(
        **identity_fields(result.workload),
        trials=tuple(map(_trial, result.trials)),
        needed=result.needed,
        proof=tuple(map(_proof, result.needs)),
        refused=result.refused,
        differences=result.differences,
        notes=result.notes,
        commands=result.commands,
        manifest=result.manifest,
        restricted=_restricted(result),
        trace=_trace(result.trace) if result.trace else None,
        result=result.result,
        message=result.message,
    )


def _restricted(result: FitResult) -> RestrictedJson | None:
    found = result.restricted
    if found is None:
        return None
    return RestrictedJson(message=found.message, trial=found.trial, patch=restricted_patch_of(result))


def _trial(end: TrialEnd) -> TrialJson:
    return TrialJson(
        number=end.number,
        adds=None if end.adds is None else by_container(end.adds, sorted({name for name, _ in end.adds})),
        outcome=end.outcome,
        seconds=end.seconds,
        evidence="" if end.outcome == "passed" else end.evidence,
        named=by_container(end.named, sorted({name for name, _ in end.named})),
        unconfined=end.unconfined,
        kernel=tuple(map(_refusal, end.kernel)),
    )


def _refusal(item: KernelRefusal) -> KernelRefusalJson:
    return KernelRefusalJson(
        container=item.container,
        capability=item.capability,
        evidence=item.words,
        kind="capabilities" if item.is_certain else "calls",
    )


def _trace(trace: TraceAnswer) -> TraceJson:
    return TraceJson(
        node=trace.node,
        kind=trace.kind,
        used=tuple(map(check_json, trace.used)),
        incomplete=trace.incomplete,
        confirmed=trace.confirmed,
        besides=tuple(map(privileged_use_json, trace.besides)),
    )


def privileged_use_json(use: PrivilegedUse) -> PrivilegedUseJson:
    """What was used besides capabilities."""
    return PrivilegedUseJson(
        container=use.container,
        right=use.right,
        process=use.process,
        call=use.call,
        count=use.count,
        evidence=use.words,
    )


def check_json(check: CapabilityCheck) -> KernelCheckJson:
    """A check of a record."""
    return KernelCheckJson(**structs.asdict(check))


def _proof(need: Need) -> ProofJson:
    return ProofJson(
        container=need.container,
        capability=need.capability,
        trial=need.trial.number if need.trial else None,
        evidence=need.evidence,
        kernel=need.kernel,
    )
