"""The outputs of `inspect`, by the format of `--output`."""

from collections.abc import Callable, Iterator, Sequence
from typing import Literal

from kubectl_caps.cli.flags import InspectOutput, program_name
from kubectl_caps.commands.inspect.output import Ending, Output
from kubectl_caps.core.assess.assessment import Assessment
from kubectl_caps.report import inspection
from kubectl_caps.report.terminal import escaped, fitted, screen


class _Table(Output):
    """The table, or the detailed view if there is only one workload.

    On a terminal, rows that are sorted by risk end with the worst, next to the prompt, and the totals follow.
    """

    def __init__(self, *, upwards: bool) -> None:
        super().__init__()
        self._upwards = upwards and bool(screen().columns)
        self._table, self._totals = inspection.InspectionTable(wide=False), inspection.InspectionTotals()
        self._only: Assessment | None = None

    def add(self, assessments: Sequence[Assessment]) -> None:
        super().add(assessments)
        self._only = next(iter(assessments), self._only) if self.workloads == 1 else None
        self._table.add(assessments[::-1] if self._upwards else assessments)
        self._totals.add(assessments)

    def text(self, ending: Ending) -> Iterator[str]:
        if self._only:
            yield from _detail([self._only], ending)
            return
        yield from _lines(self._table.lines(namespaces=self.shows_namespaces(ending), shown_on=screen()))
        if screen().columns and self.workloads:
            yield from _lines(self._totals.lines(screen()))


class _Wide(Output):
    """The wide table, and the violations of each workload below it."""

    def __init__(self) -> None:
        super().__init__()
        self._table = inspection.InspectionTable(wide=True)
        self._violations: list[str] = []

    def add(self, assessments: Sequence[Assessment]) -> None:
        super().add(assessments)
        self._table.add(assessments)
        for assessment in assessments:
            if assessment.violations:
                workload = escaped(assessment.workload.reference)
                self._violations.append(f"\n{workload}: violates Pod Security v1.{assessment.minor}\n")
                self._violations += _lines(inspection.violations(assessment, "  "))

    def text(self, ending: Ending) -> Iterator[str]:
        yield from _lines(self._table.lines(namespaces=self.shows_namespaces(ending), shown_on=screen()))
        yield from self._violations


class _Whole(Output):
    """An output that is made from all assessments at once."""

    def __init__(self, make: Callable[[Sequence[Assessment], Ending], Iterator[str]]) -> None:
        super().__init__()
        self._make, self._assessments = make, list[Assessment]()

    def add(self, assessments: Sequence[Assessment]) -> None:
        super().add(assessments)
        self._assessments += assessments

    def text(self, ending: Ending) -> Iterator[str]:
        return self._make(self._assessments, ending)


def _detail(assessments: Sequence[Assessment], ending: Ending) -> Iterator[str]:
    whole = [ending.in_detail(assessment) for assessment in assessments]  # before the first line: it may fail
    for number, assessment in enumerate(whole):
        yield "\n" if number else ""
        lines = inspection.detail(assessment, screen(), program_name())
        yield from _lines(part for line in lines for part in fitted(line))


def _name(assessments: Sequence[Assessment], ending: Ending) -> Iterator[str]:
    yield from _lines(inspection.reference_lines(assessments))


def _yaml(assessments: Sequence[Assessment], ending: Ending) -> Iterator[str]:
    from kubectl_caps.report import json
    from kubectl_caps.report.documents.inspection import inspection_document

    yield json.text(inspection_document(assessments, ending.errors, ending.coverage), "yaml")


def _sarif(assessments: Sequence[Assessment], ending: Ending) -> Iterator[str]:
    from kubectl_caps.report import json
    from kubectl_caps.report.sarif import sarif

    yield json.text(sarif(assessments, ending.errors, ending.locate), "json")


def _html(assessments: Sequence[Assessment], ending: Ending) -> Iterator[str]:
    from kubectl_caps.report.html import html

    yield from _lines(html(assessments, ending.errors))


def _lines(lines: Iterator[str]) -> Iterator[str]:
    return (f"{line}\n" for line in lines)


_WHOLE = {"detail": _detail, "name": _name, "yaml": _yaml, "sarif": _sarif, "html": _html}


def output_of(output: InspectOutput | Literal["detail"], *, worst_first: bool) -> Output:
    """An empty output in this format. `detail` is the detailed view; `worst_first` says that the worst come first."""
    if output == "table":
        return _Table(upwards=worst_first)
    if output == "wide":
        return _Wide()
    if output == "json":
        from kubectl_caps.commands.inspect.json_output import JsonOutput  # a slow import: the fields of the documents

        return JsonOutput()
    return _Whole(_WHOLE[output])


ALWAYS = ("json", "yaml", "sarif", "html")
"""The formats that are written even if no workload was found."""
