"""`kind: Hardening`: the document of `harden -o json`, which `--undo` reads."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, UnsetType

from kubectl_caps.core.assess.coverage import Coverage
from kubectl_caps.core.diagnosis.line_cause import Source
from kubectl_caps.core.diagnosis.patterns.pattern import CauseKind, Certainty
from kubectl_caps.core.harden import result as core
from kubectl_caps.core.harden.aftermath import Aftermath
from kubectl_caps.core.harden.result import Diagnosis, HardenOutcome, HardenResult
from kubectl_caps.core.kubernetes.changed_fields import fields, for_source
from kubectl_caps.core.kubernetes.field_managers import Effect, ManagerEffect, undone
from kubectl_caps.core.kubernetes.field_path import field_path
from kubectl_caps.core.kubernetes.patch import ABSENT, Json, lookup
from kubectl_caps.core.linux.capabilities import Risk
from kubectl_caps.core.podsecurity.policy import Level
from kubectl_caps.errors import AcceptedError, CapsError
from kubectl_caps.report.documents.frame import (
    API_VERSION,
    ApiVersion,
    Count,
    ErrorJson,
    JsonPart,
    JudgedCount,
    NotReadCount,
    ObjectJson,
    PassedOverCount,
    Texts,
    coverage_counts,
    errors_json,
    identity_fields,
)


class ChangeJson(JsonPart, frozen=True):
    """One changed field. `before` is left out for a new field, and `after` for a removed field."""

    path: str
    container: str
    before: Json | UnsetType
    after: Json | UnsetType


class NoteJson(JsonPart, frozen=True):
    """A note on a container, or on the pod if `container` is empty."""

    container: str
    message: str


class GainJson(JsonPart, frozen=True):
    """A capability that a container does not hold today and would hold after the change, on these runtimes."""

    container: str
    capability: str
    risk: Risk
    runtimes: Texts


class OperationJson(JsonPart, frozen=True):
    """One operation of a JSON Patch (RFC 6902)."""

    op: Literal["test", "add", "replace", "remove"]
    path: str
    value: Json | UnsetType


class WriterJson(JsonPart, frozen=True):
    """The effect of another writer of the object on the changed fields."""

    writer: str
    effect: Effect
    when: str
    fields: Texts
    why: str


class DiagnosisJson(JsonPart, frozen=True):
    """A cause of a failure, and the evidence for it."""

    container: str
    evidence: str
    source: Source
    kind: CauseKind
    capabilities: Texts
    explanation: str
    certainty: Certainty
    next: Annotated[str, Meta(description="The command to try next. Words in capitals are placeholders: IMAGE.")]


class LevelsJson(JsonPart, frozen=True):
    """The strictest level that the hardened template satisfies with these capabilities, and without them."""

    level: Level
    level_without: Level


class SuggestionJson(JsonPart, frozen=True):
    """The capabilities to add at the next try: all that the diagnoses name."""

    add: Annotated[dict[str, Texts], Meta(description="Container -> capabilities.")]
    pod_security: LevelsJson


class HardenedJson(ObjectJson, frozen=True):
    """One object: the change and the result."""

    uid: str | None
    changes: tuple[ChangeJson, ...]
    notes: tuple[NoteJson, ...]
    gains: tuple[GainJson, ...]
    patch: tuple[OperationJson, ...]
    undo: tuple[OperationJson, ...]
    left: Annotated[
        Aftermath | UnsetType,
        Meta(description="The state of the object after the last change that was sent; missing if none was sent."),
    ]
    writers: Annotated[tuple[WriterJson, ...], Meta(description="Empty for files.")]
    source_patch: Annotated[
        dict[str, Any] | UnsetType,
        Meta(description="The change for the source of a writer that would undo it: a strategic merge patch."),
    ]
    diagnosis: tuple[DiagnosisJson, ...]
    suggestion: SuggestionJson | UnsetType
    result: HardenOutcome
    message: str
    run: Annotated[
        str | UnsetType,
        Meta(
            description="The name of the batch/v1 Job of a CronJob that was watched (explicit `--wait`), or made and "
            "watched (`--trigger`)."
        ),
    ]
    replacement: Annotated[
        dict[str, Any] | UnsetType,
        Meta(
            description="The hardened manifest of an object that cannot be changed in place: a bare pod or a Job. "
            "Missing for other objects."
        ),
    ]


class HardeningSummary(JsonPart, frozen=True):
    """The counts of the items."""

    workloads: Count
    unknown: Count
    by_result: dict[HardenOutcome, Count]
    judged: JudgedCount
    passed_over: PassedOverCount
    not_read: NotReadCount


class HardeningDocument(JsonPart, frozen=True):
    """The document of `kubectl caps harden -o json`."""

    api_version: ApiVersion
    kind: Literal["Hardening"]
    items: tuple[HardenedJson, ...]
    errors: tuple[ErrorJson, ...]
    summary: HardeningSummary


def hardening_document(
    jobs: Sequence[HardenResult], failed: Sequence[CapsError], coverage: Coverage | None = None
) -> HardeningDocument:
    """The document of all objects and errors."""
    return HardeningDocument(
        api_version=API_VERSION,
        kind="Hardening",
        items=tuple(map(hardened_item, jobs)),
        errors=errors_json(failed),
        summary=_summary([job.result for job in jobs], failed, coverage),
    )


def frame_of_items(results: Sequence[HardenOutcome]) -> HardeningDocument:
    """The document of objects with these results, without its items. `hardened_item` gives the items one by one."""
    return HardeningDocument(
        api_version=API_VERSION, kind="Hardening", items=(), errors=(), summary=_summary(results, [], None)
    )


def _summary(
    results: Sequence[HardenOutcome], failed: Sequence[CapsError], coverage: Coverage | None
) -> HardeningSummary:  # fmt: skip
    return HardeningSummary(
        workloads=len(results),
        unknown=sum(not isinstance(error, AcceptedError) for error in failed),
        by_result=dict(Counter(results)),
        **coverage_counts(coverage),
    )


def hardened_item(job: HardenResult) -> HardenedJson:
    """One object as an item of the document."""
    uid = lookup(job.obj, ("metadata", "uid"))
    patch = job.hardening.patch
    return HardenedJson(
        **identity_fields(job.workload),
        uid=uid if isinstance(uid, str) else None,
        changes=tuple(_changes(job)),
        notes=tuple(_notes(job)),
        gains=tuple(
            GainJson(container=gain.container, capability=gain.capability, risk=gain.risk, runtimes=gain.runtimes)
            for gain in job.hardening.gains
        ),
        patch=_operations(patch.json_patch()),
        undo=_operations(job.patch.inverse().json_patch()),
        left=job.left or UNSET,
        writers=tuple(map(_writer, job.effects)),
        source_patch=for_source(job.obj, patch) if undone(job.effects) else UNSET,
        diagnosis=tuple(map(_diagnosis, job.diagnoses)),
        suggestion=_suggestion(job.suggestion) if job.suggestion else UNSET,
        result=job.result,
        message=job.message,
        run=job.run or UNSET,
        replacement=job.replacement or UNSET,
    )


def _changes(job: HardenResult) -> Iterator[ChangeJson]:
    for field in fields(job.hardening.patch, job.obj):
        before, after = (UNSET if value is ABSENT else value for value in (field.before, field.after))
        yield ChangeJson(path=field_path(field.path), container=field.container, before=before, after=after)


def _notes(job: HardenResult) -> Iterator[NoteJson]:
    yield from (NoteJson(container=note.container, message=note.message) for note in job.hardening.notes)
    yield from (NoteJson(container="", message=remark) for remark in job.remarks)


def _operations(found: Iterable[Mapping[str, Json]]) -> tuple[OperationJson, ...]:
    return tuple(OperationJson(op=one["op"], path=one["path"], value=one.get("value", UNSET)) for one in found)


def _writer(one: ManagerEffect) -> WriterJson:
    return WriterJson(
        writer=one.writer,
        effect=one.effect,
        when=one.when,
        fields=tuple(map(field_path, one.paths)),
        why=one.why,
    )


def _diagnosis(diagnosis: Diagnosis) -> DiagnosisJson:
    cause = diagnosis.cause
    return DiagnosisJson(
        container=diagnosis.container,
        evidence=cause.evidence_text,
        source=cause.source,
        kind=cause.kind,
        capabilities=cause.capabilities,
        explanation=cause.explanation,
        certainty=cause.certainty,
        next=diagnosis.next_command,
    )


def _suggestion(found: core.Suggestion) -> SuggestionJson:
    return SuggestionJson(add=found.add, pod_security=LevelsJson(level=found.level, level_without=found.level_without))
