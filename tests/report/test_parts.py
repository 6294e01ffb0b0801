"""A document that is written item by item is the document that is written at once."""

from collections.abc import Sequence

import golden_values as values
import pytest

from kubectl_caps.core.assess.assessment import Assessment
from kubectl_caps.report import json
from kubectl_caps.report.documents.inspection import (
    InspectionCounts,
    document_without_items,
    inspected_items,
    inspection_document,
)


@pytest.mark.parametrize("assessments", [values.assessments(), values.assessments() * 2, []], ids=["1", "2", "0"])
def test_the_parts_of_an_inspection_are_its_text(assessments: Sequence[Assessment]) -> None:
    document = document_without_items(InspectionCounts(assessments), values.ERRORS, values.COVERAGE)
    parts = json.parts(document, inspected_items(assessments))
    assert "".join(parts) == json.text(inspection_document(assessments, values.ERRORS, values.COVERAGE), "json")
