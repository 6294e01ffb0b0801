"""`kind: Labelling`: the document of `label-ns -o json`."""

from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Literal

from msgspec import Meta

from kubectl_caps.core.assess.coverage import Coverage
from kubectl_caps.core.label import verdicts as core
from kubectl_caps.core.label.plan_labels import Mode
from kubectl_caps.core.label.verdicts import LabelOutcome
from kubectl_caps.core.podsecurity.checks.check import CheckLevel
from kubectl_caps.core.podsecurity.registry import Violation
from kubectl_caps.errors import CapsError
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
    RulesVersion,
    Texts,
    coverage_counts,
    errors_json,
    field_paths,
    identity_fields,
)


class RefusedJson(ObjectJson, frozen=True):
    """One violation of a workload that the labels would refuse."""

    pods: Annotated[Texts, Meta(description="The running pods with the same violations.")]
    as_created: Annotated[bool, Meta(description="Whether the fields are those of the pod as the server creates it.")]
    level: CheckLevel
    check: str
    reason: str
    detail: str
    containers: Texts
    fields: Texts


class LabelledJson(JsonPart, frozen=True):
    """One namespace: its Pod Security labels before and after, and the violations under the new labels."""

    namespace: str
    mode: Mode
    policy: str
    pod_security_version: Annotated[
        RulesVersion,
        Meta(description="The version of the rules that were applied: what `latest` means on that server."),
    ]
    before: dict[str, str]
    after: dict[str, str]
    violations: tuple[RefusedJson, ...]
    not_judged: Texts
    notes: Texts
    result: LabelOutcome
    message: str


class LabellingSummary(JsonPart, frozen=True):
    """The counts of the items."""

    namespaces: Count
    unknown: Count
    by_result: dict[LabelOutcome, Count]
    judged: JudgedCount
    passed_over: PassedOverCount
    not_read: NotReadCount


class LabellingDocument(JsonPart, frozen=True):
    """The document of `kubectl caps label-ns -o json`."""

    api_version: ApiVersion
    kind: Literal["Labelling"]
    items: tuple[LabelledJson, ...]
    errors: tuple[ErrorJson, ...]
    summary: LabellingSummary


def labelling_document(
    items: Sequence[core.Labelling], failed: Sequence[CapsError], coverage: Coverage | None = None
) -> LabellingDocument:
    """The document of all namespaces. An object that was not judged counts once for each namespace it may be in."""
    unjudged = [text for item in items for text in item.not_judged]
    return LabellingDocument(
        api_version=API_VERSION,
        kind="Labelling",
        items=tuple(map(_labelled, items)),
        errors=errors_json(failed),
        summary=LabellingSummary(
            namespaces=len(items),
            unknown=sum(error.words not in unjudged for error in failed) + len(unjudged),
            by_result=dict(Counter(item.result for item in items)),
            **coverage_counts(coverage),
        ),
    )


def _labelled(item: core.Labelling) -> LabelledJson:
    return LabelledJson(
        namespace=item.namespace,
        mode=item.mode,
        policy=str(item.policy),
        pod_security_version=f"v1.{item.minor}",
        before=item.before,
        after=item.after,
        violations=tuple(_refused(judged, found) for judged in item.judged for found in judged.violations),
        not_judged=item.not_judged,
        notes=item.notes,
        result=item.result,
        message=item.message,
    )


def _refused(judged: core.RefusedWorkload, found: Violation) -> RefusedJson:
    return RefusedJson(
        **identity_fields(judged.workload),
        pods=judged.pods,
        as_created=judged.created,
        level=found.level,
        check=found.check,
        reason=found.reason,
        detail=found.detail,
        containers=found.containers,
        fields=field_paths(found.fields, judged.at),
    )
