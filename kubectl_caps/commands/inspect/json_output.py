"""Writes `inspect -o json`. The items are kept as text until the end, because assessments take much more memory."""

from collections.abc import Iterator, Sequence

from kubectl_caps.commands.inspect.output import Ending, Output
from kubectl_caps.core.assess.assessment import Assessment
from kubectl_caps.report import json
from kubectl_caps.report.documents.inspection import InspectionCounts, document_without_items, inspected_items
from kubectl_caps.report.held_lines import HeldLines

_PLAIN = 24 << 20
"""The bytes of items that are not compressed. So the output of most clusters is never compressed."""


class JsonOutput(Output):
    """The document of an inspection."""

    def __init__(self) -> None:
        super().__init__()
        self._counts, self._items = InspectionCounts(), HeldLines(_PLAIN)

    def add(self, assessments: Sequence[Assessment]) -> None:
        super().add(assessments)
        self._counts.add(assessments)
        for item in inspected_items(assessments):
            self._items.add(json.compact(item))

    def text(self, ending: Ending) -> Iterator[str]:
        document = document_without_items(self._counts, ending.errors, ending.coverage)
        return json.with_items(document, map(json.indented_item, self._items))
