"""A document that is written item by item is the document that is written at once."""

import golden_values as values
import pytest

from kubectl_caps.commands.inspect.json_output import JsonOutput
from kubectl_caps.commands.inspect.output import Ending
from kubectl_caps.report import json
from kubectl_caps.report.documents.inspection import inspection_document

ENDING = Ending(values.ERRORS, lambda workload, path: None, False, values.COVERAGE, lambda assessment: assessment)


@pytest.mark.parametrize("parts", [0, 1, 2])
def test_the_json_of_several_parts_is_that_of_all_assessments(parts: int) -> None:
    output = JsonOutput()
    for _ in range(parts):
        output.add(values.assessments())
    whole = inspection_document(values.assessments() * parts, values.ERRORS, values.COVERAGE)
    assert "".join(output.text(ENDING)) == json.text(whole, "json")
