"""The outputs of `inspect`: one table of writers."""

import sys
from collections.abc import Callable, Iterator, Sequence

from msgspec import Struct

from kubectl_caps.command_line import program_name
from kubectl_caps.core.assessment import Assessment
from kubectl_caps.errors import CapsError
from kubectl_caps.report import inspection, json
from kubectl_caps.report.sarif import Locate
from kubectl_caps.report.terminal import escaped


class Inspected(Struct, frozen=True):
    """What an inspection found, what could not be judged, and where fields are."""

    assessments: Sequence[Assessment]
    errors: Sequence[CapsError]
    locate: Locate
    namespaces: bool


def write(
    output: str, assessments: Sequence[Assessment], errors: Sequence[CapsError], locate: Locate, *, namespaces: bool
) -> None:
    """Write it to stdout; `namespaces` is whether each has to be named, as it has where there are several."""
    several = len({assessment.workload.namespace for assessment in assessments}) > 1
    sys.stdout.writelines(WRITERS[output](Inspected(assessments, errors, locate, namespaces or several)))


def _table(found: Inspected) -> Iterator[str]:
    yield from _lines(inspection.rows(found.assessments, wide=False, namespaces=found.namespaces))


def _detail(found: Inspected) -> Iterator[str]:
    for number, assessment in enumerate(found.assessments):
        yield "\n" if number else ""
        yield from _lines(inspection.detail(assessment, sys.stdout, program_name()))


def _wide(found: Inspected) -> Iterator[str]:
    yield from _lines(inspection.rows(found.assessments, wide=True, namespaces=found.namespaces))
    for assessment in found.assessments:
        if assessment.violations:
            yield f"\n{escaped(assessment.workload.reference)}: violates Pod Security v1.{assessment.minor}\n"
            yield from _lines(inspection.violations(assessment, "  "))


def _name(found: Inspected) -> Iterator[str]:
    yield from _lines(inspection.names(found.assessments))


def _json(found: Inspected) -> Iterator[str]:
    yield json.text(json.inspection(found.assessments, found.errors), "json")


def _yaml(found: Inspected) -> Iterator[str]:
    yield json.text(json.inspection(found.assessments, found.errors), "yaml")


def _sarif(found: Inspected) -> Iterator[str]:
    from kubectl_caps.report.sarif import sarif

    yield json.text(sarif(found.assessments, found.errors, found.locate), "json")


def _html(found: Inspected) -> Iterator[str]:
    from kubectl_caps.report.html import html

    yield from _lines(html(found.assessments, found.errors))


def _lines(lines: Iterator[str]) -> Iterator[str]:
    return (f"{line}\n" for line in lines)


WRITERS: dict[str, Callable[[Inspected], Iterator[str]]] = {
    "table": _table, "wide": _wide, "json": _json, "yaml": _yaml, "name": _name, "sarif": _sarif, "html": _html,
}  # fmt: skip

FORMATS = tuple(WRITERS)
"""What `-o` may be."""

WRITERS["detail"] = _detail
"""The table of one workload."""

WHOLE = ("json", "yaml", "sarif", "html")
"""The outputs that are written also where nothing was found."""
