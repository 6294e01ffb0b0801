"""`kind: Explanation`: the document of `explain -o json`."""

from collections.abc import Sequence
from typing import Annotated, Literal

from msgspec import Meta

from kubectl_caps.core.diagnosis.diagnose import ADD
from kubectl_caps.core.diagnosis.patterns.pattern import Certainty
from kubectl_caps.core.explain import log as core
from kubectl_caps.core.linux.capabilities import BY_NAME, Risk, worst
from kubectl_caps.report.documents.frame import API_VERSION, ApiVersion, Count, ErrorJson, JsonPart, Texts
from kubectl_caps.report.explanation import word_page

ShortNames = Annotated[Texts, Meta(description="Short names. Of several alternatives, the least dangerous.")]
WorstRisk = Annotated[Risk, Meta(description="The worst risk of these capabilities.")]


class WordJson(JsonPart, frozen=True):
    """One meaning of a word."""

    subject: Annotated[str, Meta(description="The word as it is written, or a mask of 16 hexadecimal digits.")]
    kind: Literal["capability", "mask", "call", "check", "warning"]
    text: str
    capabilities: ShortNames
    risk: WorstRisk


class LineJson(JsonPart, frozen=True):
    """The explanation of a line of a log; equal lines are one item with their count."""

    subject: Annotated[str, Meta(description="The line as it was read.")]
    kind: Literal["line"]
    text: str
    capabilities: ShortNames
    risk: WorstRisk
    cause: Annotated[
        Literal["capability", "setting", "other", "unknown"],
        Meta(
            description="capability without names: file capabilities. unknown: an operation was refused, and the cause "
            "is not known."
        ),
    ]
    certainty: Certainty
    alternatives: Annotated[tuple[Texts, ...], Meta(description="Any one of these sets of capabilities helps.")]
    count: Annotated[int, Meta(ge=1, description="The number of equal lines.")]
    lines: Annotated[
        tuple[Annotated[int, Meta(ge=1)], ...],
        Meta(max_length=core.LISTED, description="The numbers of the first such lines."),
    ]
    next: Annotated[
        str,
        Meta(
            description="The command to try next, with placeholders WORKLOAD, NAMESPACE, POD, CONTAINER or IMAGE; may "
            "be empty."
        ),
    ]


class ExplanationSummary(JsonPart, frozen=True):
    """The counts of the items."""

    explanations: Count
    lines: Annotated[Count, Meta(description="The number of lines that were read.")]
    unknown: Annotated[Count, Meta(description="The number of lines with a refusal of unknown cause.")]


class ExplanationDocument(JsonPart, frozen=True):
    """The document of `kubectl caps explain -o json`: one item for each meaning."""

    api_version: ApiVersion
    kind: Literal["Explanation"]
    items: tuple[WordJson | LineJson, ...]
    errors: tuple[ErrorJson, ...]
    summary: ExplanationSummary


def explanation_document(explanations: Sequence[core.Explanation], lines: int) -> ExplanationDocument:
    """The document of all explanations. `lines` is the number of lines that were read."""
    return ExplanationDocument(
        api_version=API_VERSION,
        kind="Explanation",
        items=tuple(map(_item, explanations)),
        errors=(),
        summary=ExplanationSummary(
            explanations=len(explanations),
            lines=lines,
            unknown=sum(item.count for item in explanations if not item.told),
        ),
    )


def _item(item: core.Explanation) -> WordJson | LineJson:
    if item.kind != "line":
        return WordJson(
            subject=item.subject,
            kind=item.kind,
            text="\n".join(word_page(item)),
            capabilities=item.capabilities,
            risk=_risk(item),
        )
    return LineJson(
        subject=item.subject,
        kind=item.kind,
        text=item.why,
        capabilities=item.capabilities,
        risk=_risk(item),
        cause=item.cause if item.told else "unknown",
        certainty=item.certainty or "possible",
        alternatives=item.needs,
        count=item.count,
        lines=item.lines,
        next=item.next_command or (f"{ADD} {','.join(item.capabilities)}" if item.needs else ""),
    )


def _risk(item: core.Explanation) -> Risk:
    if item.kind in ("check", "warning") or not item.capabilities:
        return "none"
    return worst(*(BY_NAME[name].risk if name in BY_NAME else "unknown" for name in item.capabilities))
