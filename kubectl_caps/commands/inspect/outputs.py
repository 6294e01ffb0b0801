"""Writes the results of `inspect` in the format of `--output`."""

import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from kubectl_caps.cli.flags import InspectOutput, program_name
from kubectl_caps.core.assess.assessment import Assessment
from kubectl_caps.core.assess.coverage import Coverage
from kubectl_caps.core.assess.findings import Locate
from kubectl_caps.errors import CapsError
from kubectl_caps.report import inspection
from kubectl_caps.report.terminal import escaped, fitted, screen


class Inspected(Struct, frozen=True):
    """The assessments, the errors, the positions of fields, and the counts of files.

    `namespaces` says that there are several namespaces, so that the output names them. `worst_first` says that the
    assessments are sorted, the worst first.
    """

    assessments: Sequence[Assessment]
    errors: Sequence[CapsError]
    locate: Locate
    namespaces: bool
    worst_first: bool = False
    coverage: Coverage | None = None


Shown = InspectOutput | Literal["detail"]
"""The formats. `detail` is the detailed view of one workload."""


def write_output(output: Shown, found: Inspected) -> None:
    """Write an inspection to stdout in the selected format."""
    several = len({assessment.workload.namespace for assessment in found.assessments}) > 1
    sys.stdout.writelines(WRITERS[output](replace(found, namespaces=found.namespaces or several)))


def _table(found: Inspected) -> Iterator[str]:
    """The table. On a terminal, sorted rows end with the worst, next to the prompt, and the totals follow."""
    shown_on = screen()
    rows = found.assessments[::-1] if found.worst_first and shown_on.columns else found.assessments
    yield from _lines(inspection.rows(rows, wide=False, namespaces=found.namespaces, shown_on=shown_on))
    if shown_on.columns and found.assessments:
        yield from _lines(inspection.totals(found.assessments, shown_on))


def _detail(found: Inspected) -> Iterator[str]:
    for number, assessment in enumerate(found.assessments):
        yield "\n" if number else ""
        lines = inspection.detail(assessment, screen(), program_name())
        yield from _lines(part for line in lines for part in fitted(line))


def _wide(found: Inspected) -> Iterator[str]:
    yield from _lines(inspection.rows(found.assessments, wide=True, namespaces=found.namespaces, shown_on=screen()))
    for assessment in found.assessments:
        if assessment.violations:
            yield f"\n{escaped(assessment.workload.reference)}: violates Pod Security v1.{assessment.minor}\n"
            yield from _lines(inspection.violations(assessment, "  "))


def _name(found: Inspected) -> Iterator[str]:
    yield from _lines(inspection.reference_lines(found.assessments))


def _json(found: Inspected) -> Iterator[str]:
    from kubectl_caps.report import json
    from kubectl_caps.report.documents.inspection import document_without_items, inspected_items

    document = document_without_items(found.assessments, found.errors, found.coverage)
    yield from json.parts(document, inspected_items(found.assessments))


def _yaml(found: Inspected) -> Iterator[str]:
    from kubectl_caps.report import json
    from kubectl_caps.report.documents.inspection import inspection_document

    yield json.text(inspection_document(found.assessments, found.errors, found.coverage), "yaml")


def _sarif(found: Inspected) -> Iterator[str]:
    from kubectl_caps.report import json
    from kubectl_caps.report.sarif import sarif

    yield json.text(sarif(found.assessments, found.errors, found.locate), "json")


def _html(found: Inspected) -> Iterator[str]:
    from kubectl_caps.report.html import html

    yield from _lines(html(found.assessments, found.errors))


def _lines(lines: Iterator[str]) -> Iterator[str]:
    return (f"{line}\n" for line in lines)


WRITERS: dict[Shown, Callable[[Inspected], Iterator[str]]] = {
    "table": _table, "wide": _wide, "name": _name, "sarif": _sarif, "html": _html, "detail": _detail,
    "json": _json, "yaml": _yaml,
}  # fmt: skip

WHOLE = ("json", "yaml", "sarif", "html")
"""The formats that are written even if no workload was found."""
