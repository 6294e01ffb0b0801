"""The text output of `inspect`: the table, and the detailed view of one workload."""

from collections import Counter
from collections.abc import Iterator, Sequence

from kubectl_caps.core.assess.assessment import Assessment, ContainerAssessment, NodeRuntime, Predicted
from kubectl_caps.core.kubernetes.field_path import field_path
from kubectl_caps.core.linux.capabilities import WORST_FIRST, Risk
from kubectl_caps.core.linux.sets import CapabilitySet
from kubectl_caps.core.podsecurity.policy import Level
from kubectl_caps.core.text import plural
from kubectl_caps.report import exemptions, processes
from kubectl_caps.report.advice import next_step
from kubectl_caps.report.held_lines import HeldLines
from kubectl_caps.report.table import Column, MadeAgain, escaped_cells, table
from kubectl_caps.report.terminal import LEVEL_COLOURS, RISK_COLOURS, Screen, escaped, painted

_FEW = 4


_NAMESPACE = Column("NAMESPACE")
_OBSERVED = Column("OBSERVED", leaves=6)
_EXEMPTED = Column("EXEMPTED")
_COLUMNS = (
    _NAMESPACE,
    Column("WORKLOAD"),
    Column("CONTAINER"),
    Column("ADD", leaves=4),
    Column("DROP", leaves=2),
    Column("USER", leaves=3),
    Column("EFFECTIVE", leaves=5),
    _OBSERVED,
    Column("RISK", colours=RISK_COLOURS),
    Column("POD-SECURITY", colours=LEVEL_COLOURS),
    Column("WARNINGS", leaves=1),
)
_WIDE = tuple(map(Column, ("ROLE", "RUNTIME", "BOUNDING", "NO-NEW-PRIVS", "PODS", "IMAGE", "VIOLATIONS")))
_PLAIN = 2 << 20
"""The bytes of rows that are not compressed: those of some 20,000 containers."""
_BETWEEN = "\0"
"""Stands between the cells of a row. It is escaped in a cell."""


class InspectionTable:
    """The table, with one row for each container of one part of an inspection after the other.

    The rows are kept as text, because assessments take much more memory.
    """

    def __init__(self, *, wide: bool) -> None:
        self._wide = wide
        self._rows = HeldLines(_PLAIN)
        self._is_live = self._is_marked = False

    def add(self, assessments: Sequence[Assessment]) -> None:
        """Add the rows of these assessments."""
        # Templates that are alike but for names and images share their predictions, and no other template has these. So
        # an id saves time. `assessments` keeps the predictions alive.
        cells: dict[tuple[int, Level | None], list[str]] = {}
        for assessment in assessments:
            workload = assessment.workload
            for container in assessment.containers:
                observed = processes.in_short(container) if container.observed else ""
                marks = exemptions.exemptions_cell([*assessment.exempted, *container.exempted])
                self._is_live |= bool(container.observed)
                self._is_marked |= bool(marks)
                shared = _shared_cells(cells, assessment, container)
                row = [workload.namespace, workload.reference, container.container.name, *shared[:4], observed]
                row += [*shared[4:], *(_wide_cells(assessment, container) if self._wide else ()), marks]
                self._rows.add(_BETWEEN.join(escaped_cells(row)).encode())

    def lines(self, *, namespaces: bool, shown_on: Screen) -> Iterator[str]:
        """The lines of the table. The wide table is never narrowed to fit a screen."""
        left_out = [] if namespaces else [_NAMESPACE]
        left_out += [] if self._is_live else [_OBSERVED]
        left_out += [] if self._is_marked else [_EXEMPTED]
        every = (*_COLUMNS, *(_WIDE if self._wide else ()), _EXEMPTED)
        shown = [index for index, column in enumerate(every) if column not in left_out]

        def rows() -> Iterator[Sequence[str]]:
            for line in self._rows:
                row = line.decode().split(_BETWEEN)
                yield [row[index] for index in shown]

        columns = [every[index] for index in shown]
        yield from table(columns, MadeAgain(rows), shown_on._replace(columns=0) if self._wide else shown_on)


class InspectionTotals:
    """The number of containers for each risk, and the worst workload."""

    def __init__(self) -> None:
        self._workloads = 0
        self._risks: Counter[Risk] = Counter()
        self._worst: tuple[Risk, str, str] | None = None

    def add(self, assessments: Sequence[Assessment]) -> None:
        """Count these assessments."""
        self._workloads += len(assessments)
        self._risks.update(container.risk for assessment in assessments for container in assessment.containers)
        for one in assessments:
            if self._worst is None or WORST_FIRST.index(one.risk) < WORST_FIRST.index(self._worst[0]):
                self._worst = one.risk, one.workload.reference, one.workload.namespace

    def lines(self, shown_on: Screen) -> Iterator[str]:
        """Two lines: the counts, and the name of the worst workload."""
        containers = self._risks.total()
        counts = ((risk, self._risks[risk]) for risk in WORST_FIRST)
        words = (f"{count} {painted(risk, RISK_COLOURS, shown_on)}" for risk, count in counts if count)
        workloads = f"{self._workloads} {plural('workload', self._workloads)}"
        yield f"{workloads}, {containers} {plural('container', containers)}: {', '.join(words)}"
        if self._worst and self._worst[0] not in ("none", "low"):
            risk, reference, namespace = self._worst
            where = f" -n {namespace}" if namespace else ""
            yield escaped(f"The worst: {reference}{where}: ") + painted(risk, RISK_COLOURS, shown_on)


def reference_lines(assessments: Sequence[Assessment]) -> Iterator[str]:
    """`-o name`: each object once."""
    yield from dict.fromkeys(escaped(assessment.workload.reference) for assessment in assessments)


def detail(assessment: Assessment, shown_on: Screen, program: str) -> Iterator[str]:
    """The detailed view of one workload; `program` is the program's name in the next command."""
    workload = assessment.workload
    yield f"{'Workload:':<15}{escaped(workload.reference)}"
    if workload.namespace:
        yield f"{'Namespace:':<15}{escaped(workload.namespace)}"
    yield f"{'Source:':<15}{escaped(source(assessment))}"
    yield f"{'Risk:':<15}{painted(assessment.risk, RISK_COLOURS, shown_on)}"
    level = painted(assessment.level or "unknown", LEVEL_COLOURS, shown_on)
    yield f"{'Pod Security:':<15}{level} (v1.{assessment.minor})"
    if assessment.held_by:
        yield f"{'Held by:':<15}{escaped(assessment.held_by)}"
    if assessment.pods:
        yield f"{'Pods:':<15}{escaped(', '.join(assessment.pods))}"
    for container in assessment.containers:
        yield from _container_detail(container, shown_on)
    for line in exemptions.exemption_lines(assessment.exempted):
        yield escaped(f"{'Exempted:':<15}{line}")
    if assessment.violations:
        yield ""
        yield "Pod Security violations:"
        yield from violations(assessment, "  ")
    yield ""
    yield f"Next: {next_step(assessment, program)}"


def violations(assessment: Assessment, indent: str) -> Iterator[str]:
    """Each violation with its level and the fields to change."""
    counted = {item.check for item in assessment.counted_violations}
    for violation in assessment.violations:
        mark = "" if violation.check in counted else " (exempted)"
        yield escaped(f"{indent}{violation.level}: {violation.check}{mark}: {violation.detail or violation.reason}")
        for path in dict.fromkeys(map(assessment.workload.at, violation.fields)):
            yield escaped(f"{indent}  {field_path(path)}")


def source(assessment: Assessment) -> str:
    """The place where the workload was read: `a.yaml:12`, or the context."""
    where = assessment.workload.source
    if "file" in where:
        return f"{where['file']}:{where['line']}"
    return f"context {where.get('context', '')}"


def set_in_few_words(capabilities: CapabilitySet, *, default: bool = False) -> str:
    """A set in few words: its names if they are few, else their number and the mask."""
    if not capabilities:
        return "none"
    if len(capabilities.names) <= _FEW:
        return ",".join(name.removeprefix("CAP_") for name in capabilities.names)
    return f"{len(capabilities.names)} {'default' if default else 'caps'} ({capabilities.hex.lstrip('0')})"


def _shared_cells(
    cells: dict[tuple[int, Level | None], list[str]],
    assessment: Assessment,
    container: ContainerAssessment,
) -> list[str]:
    key = (id(container.predicted), assessment.level)
    if key not in cells:
        cells[key] = _cells(assessment, container)
    return cells[key]


def _cells(assessment: Assessment, container: ContainerAssessment) -> list[str]:
    capabilities = container.container.capabilities
    return [
        "privileged" if container.declared.privileged else ",".join(capabilities.add or ()),
        ",".join(capabilities.drop or ()),
        _user(container),
        " | ".join(dict.fromkeys(_effective(entry) for entry in container.predicted)),
        container.risk,
        assessment.level or "unknown",
        str(len(container.warnings)) if container.warnings else "",
    ]


def _wide_cells(assessment: Assessment, container: ContainerAssessment) -> list[str]:
    places = dict.fromkeys(_place(entry.place) for entry in container.predicted)
    mine = [
        item.check
        for item in assessment.violations
        if container.container.name in item.containers or not item.containers
    ]
    return [
        container.role,
        ", ".join(places),
        " | ".join(dict.fromkeys(entry.outcome.sets.bounding.hex for entry in container.predicted)),
        " | ".join(dict.fromkeys(str(bool(entry.outcome.sets.no_new_privs)).lower() for entry in container.predicted)),
        str(len(assessment.pods)),
        container.container.image or "",
        ",".join(mine),
    ]


def _place(place: NodeRuntime) -> str:
    evidence = "" if place.runtime.evidence == "measured" else f", {place.runtime.evidence}"
    return f"{place.runtime.name} ({place.provenance}{evidence})"


def _user(container: ContainerAssessment) -> str:
    return "image" if container.user.uid is None else str(container.user.uid)


def _effective(entry: Predicted) -> str:
    if entry.outcome.refused:
        return "does not start"
    return set_in_few_words(
        entry.outcome.sets.effective, default=entry.outcome.sets.bounding == entry.place.runtime.defaults
    )


def _container_detail(container: ContainerAssessment, shown_on: Screen) -> Iterator[str]:
    declared, capabilities = container.declared, container.container.capabilities
    yield ""
    yield escaped(f"Container {container.container.name} ({container.role})")
    yield escaped(f"  {'Image:':<13}{container.container.image or '<none>'}")
    yield f"  {'User:':<13}{user_words(container)}"
    yield escaped(
        f"  {'Declares:':<13}add {_list(capabilities.add)}, drop {_list(capabilities.drop)}, {_flags(container)}"
    )
    for entry in container.predicted:
        yield from _prediction(entry)
    left = "" if container.counted_risk == container.risk else f" ({container.counted_risk} without exempted findings)"
    yield f"  {'Risk:':<13}{painted(container.risk, RISK_COLOURS, shown_on)}{on_runtimes(container)}{left}"
    if declared.run_as_non_root is not None:
        yield f"  {'Non-root:':<13}runAsNonRoot={str(declared.run_as_non_root).lower()}"
    for warning in container.warnings:
        yield escaped(f"  {'Warning:':<13}{warning.id}: {warning.message}")
    for line in exemptions.exemption_lines(container.exempted):
        yield escaped(f"  {'Exempted:':<13}{line}")
    yield from processes.process_lines(container)


def _prediction(entry: Predicted) -> Iterator[str]:
    place, outcome = entry.place, entry.outcome
    where = f"on {place.nodes} {plural('node', place.nodes)}" if place.provenance == "observed" else "assumed"
    evidence = "" if place.runtime.evidence == "measured" else f" (rules {place.runtime.evidence})"
    yield f"  {'Gets:':<13}by {place.runtime.name}, {where}{evidence}"
    if outcome.refused:
        yield escaped(f"    does not start: {outcome.refused}")
        return
    for note in outcome.notes:
        yield escaped(f"    note: {note}")
    for unknown in outcome.unknowns:
        yield escaped(f"    not known: {unknown}")


def user_words(container: ContainerAssessment) -> str:
    """The user of a container, and the source of the user."""
    user = container.user
    if user.uid is not None:
        return f"{user.uid} (from the {user.source})"
    if not container.declared.run_as_non_root:
        return "the image's user, not known: judged as root"
    if not all(entry.place.runtime.non_root_holds for entry in container.predicted):
        return "the image's user, not known: runAsNonRoot excludes root, but the risk is judged as root"
    return "the image's user, not known: judged as a user other than root"


def on_runtimes(container: ContainerAssessment) -> str:
    """` on cri-o and docker`, if the runtime is not known and the risk is that high only on these runtimes."""
    return f" on {' and '.join(container.risk_on)}" if container.risk_on else ""


def _list(names: Sequence[str] | None) -> str:
    return ",".join(names) if names else "nothing"


def _flags(container: ContainerAssessment) -> str:
    escalation = container.declared.allow_privilege_escalation
    words = "unset" if escalation is None else str(escalation).lower()
    return f"privileged={str(bool(container.declared.privileged)).lower()}, allowPrivilegeEscalation={words}"
