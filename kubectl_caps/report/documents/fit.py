"""`kind: Fit`: the document of `fit -o json`."""

from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from msgspec import Meta

from kubectl_caps.core.fit.result import (
    FitOutcome,
    FitResult,
    Need,
    TrialEnd,
    TrialResult,
    by_container,
    restricted_patch_of,
)
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


class TrialJson(JsonPart, frozen=True):
    """One trial."""

    number: Annotated[Count, Meta(description="0 is the baseline, with today's rights.")]
    adds: Annotated[
        dict[str, Texts] | None,
        Meta(description="By container, what was added to drop ALL; null: the rights of today."),
    ]
    outcome: TrialResult
    seconds: float
    evidence: Annotated[str, Meta(description="The line that says most; empty if nothing was wrong.")]
    named: Annotated[dict[str, Texts], Meta(description="By container, the capabilities that the evidence names.")]
    unconfined: Annotated[
        Texts, Meta(description="Fields of security contexts that were Unconfined in containers that are privileged.")
    ]


class ProofJson(JsonPart, frozen=True):
    """Why a container needs a capability."""

    container: str
    capability: str
    trial: Annotated[int | None, Meta(description="The trial without it that failed; null where none could be made.")]
    evidence: str


class RestrictedJson(JsonPart, frozen=True):
    """Whether the workload works as the level restricted wants it, without any capability."""

    message: str
    trial: Annotated[int | None, Meta(description="The trial that worked; null where none did.")]
    patch: Annotated[Any, Meta(description="What ran, as a strategic merge patch of the object; null where none did.")]


class FitJson(ObjectJson, frozen=True):
    """One workload: the trials, and the smallest set that works."""

    trials: tuple[TrialJson, ...]
    needed: Annotated[dict[str, Texts], Meta(description="By container; empty if there is no answer.")]
    proof: tuple[ProofJson, ...]
    refused: Annotated[Texts, Meta(description="What a pod with the answer is still refused, as it is today.")]
    differences: Annotated[Texts, Meta(description="In what the pods of trials are not like the workload's own.")]
    notes: Texts
    commands: Annotated[Texts, Meta(description="What to run next.")]
    manifest: Annotated[dict[str, Any], Meta(description="By container, the security context that ran.")]
    restricted: Annotated[RestrictedJson | None, Meta(description="null without --profile restricted.")]
    result: FitOutcome
    message: str


class FitSummary(JsonPart, frozen=True):
    """How many there are of each."""

    workloads: Count
    trials: Count
    by_result: dict[FitOutcome, Count]


class FitDocument(JsonPart, frozen=True):
    """What `kubectl caps fit -o json` prints."""

    api_version: ApiVersion
    kind: Literal["Fit"]
    items: tuple[FitJson, ...]
    errors: tuple[ErrorJson, ...]
    summary: FitSummary


def fit_document(results: Sequence[FitResult], failed: Sequence[CapsError]) -> FitDocument:
    """Every workload."""
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
    )


def _proof(need: Need) -> ProofJson:
    return ProofJson(
        container=need.container,
        capability=need.capability,
        trial=need.trial.number if need.trial else None,
        evidence=need.evidence,
    )
