"""The exempted findings in `kind: Inspection`."""

from collections.abc import Sequence
from typing import Annotated, Literal

from msgspec import Meta

from kubectl_caps.core.assess import apply_exemptions
from kubectl_caps.core.assess import exemptions as core
from kubectl_caps.core.assess.assessment import Assessment
from kubectl_caps.report.documents.frame import JsonPart


class ExemptedJson(JsonPart, frozen=True):
    """A finding that an exemption matches. If the exemption has expired, the finding counts again."""

    what: Literal["capability", "check", "warning"]
    id: str
    reason: str
    until: Annotated[str | None, Meta(description="The last day, or null if it does not end.")]
    origin: Annotated[str, Meta(description="File and line, or the annotation.")]
    expired: bool


def exempted_json(items: Sequence[core.Exempted]) -> tuple[ExemptedJson, ...]:
    """The exempted findings of a workload or of a container."""
    return tuple(
        ExemptedJson(
            what=item.what,
            id=item.id,
            reason=item.exemption.reason,
            until=item.exemption.until.isoformat() if item.exemption.until else None,
            origin=item.exemption.origin,
            expired=item.expired,
        )
        for item in items
    )


def exemption_counts(assessments: Sequence[Assessment]) -> tuple[int, int]:
    """The number of exempted findings, and the number of findings whose exemption has expired."""
    found = [item for assessment in assessments for item in apply_exemptions.met_exemptions(assessment)]
    expired = sum(item.expired for item in found)
    return len(found) - expired, expired
