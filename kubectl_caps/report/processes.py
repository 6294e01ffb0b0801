"""The tables of processes in the detailed view of `inspect`: their sets, and the operations that each set allows."""

from collections.abc import Iterator, Sequence

from kubectl_caps.core.assess.assessment import ContainerAssessment, Observed, Predicted
from kubectl_caps.core.assess.process_differences import Difference
from kubectl_caps.core.assess.processes import Miss, Process
from kubectl_caps.core.linux.capabilities import BY_NUMBER, canonical
from kubectl_caps.core.linux.sets import CapabilitySet, ProcessSets
from kubectl_caps.report.table import Column, table
from kubectl_caps.report.terminal import RISK_COLOURS, escaped

_SETS = ("effective", "permitted", "bounding", "inheritable", "ambient")
_PROCESS_COLUMNS = (
    Column("PROCESS"), Column("USER"), Column("EFFECTIVE"), Column("PERMITTED", leaves=3), Column("BOUNDING", leaves=4),
    Column("INHERITABLE", leaves=1), Column("AMBIENT", leaves=2), Column("NO-NEW-PRIVS", leaves=5),
)  # fmt: skip
_CAPABILITY_COLUMNS = (
    Column("CAPABILITY"), Column("DECLARED", leaves=1), Column("PREDICTED", leaves=2), Column("OBSERVED"),
    Column("RISK", colours=RISK_COLOURS), Column("ALLOWS"),
)  # fmt: skip
_INDENT = 4
_SEVERAL = 4
_MISSED: dict[Miss, str] = {
    "exited": "ended",
    "notStarted": "not started",
    "forbidden": "forbidden",
    "noReader": "nothing to read with",
    "notTold": "not told",
    "failed": "failed",
}

ShownProcess = tuple[Process, tuple[Difference, ...]]


def process_lines(container: ContainerAssessment) -> Iterator[str]:
    """The tables of the detailed view: the sets of each process, and the operations that each capability allows."""
    groups = _groups(container.observed)
    sets = [
        *(_predicted_row(entry, container) for entry in container.predicted if not entry.outcome.refused),
        *(_process_row(_label(members), process) for (process, _), members in groups),
    ]
    yield from table(_PROCESS_COLUMNS, sets, indent=_INDENT)
    for (process, differences), members in groups:
        for text in dict.fromkeys(map(_words, _merged(differences))):
            yield escaped(f"    {_label(members)}: {text}")
        if process.seccomp == 0 and not container.declared.privileged:
            yield escaped(f"    {_label(members)}: no seccomp filter")
    for observed in container.observed:
        if observed.observation.miss:
            yield escaped(f"    {observed.observation.pod}: not observed: {observed.observation.why}")
        if observed.observation.truncated:
            yield escaped(f"    {observed.observation.pod}: there are more processes than were read")
    rows = list(_capability_rows(container, [process for (process, _), _ in groups]))
    if rows:
        yield ""
        columns = [column for column in _CAPABILITY_COLUMNS if groups or column.title != "OBSERVED"]
        yield from table(columns, rows, indent=_INDENT)


def in_short(container: ContainerAssessment) -> str:
    """The effective sets of a container's processes as masks, and the reasons why pods were not observed."""
    masks = {
        process.sets.effective.hex.lstrip("0") or "0": None
        for item in container.observed
        for process, _ in item.processes
    }
    missed = {_MISSED[item.observation.miss]: None for item in container.observed if item.observation.miss}
    return " | ".join([*masks, *missed])


def _groups(observed: Sequence[Observed]) -> list[tuple[ShownProcess, list[Process]]]:
    """The processes of all pods, grouped by name, user and sets."""
    groups: dict[object, tuple[ShownProcess, list[Process]]] = {}
    for item in observed:
        for process, differences in item.processes:
            thread = process.tid != process.pid
            key = (process.comm, process.uid, process.sets, process.seccomp, differences, thread)
            groups.setdefault(key, ((process, differences), []))[1].append(process)
    return list(groups.values())


def _label(members: Sequence[Process]) -> str:
    ids = list(dict.fromkeys(str(one.pid) if one.pid == one.tid else f"{one.pid}/{one.tid}" for one in members))
    shown = ",".join(ids[:_SEVERAL]) + (",…" if len(ids) > _SEVERAL else "")
    count = f" ({len(members)} processes)" if len(members) > 1 else ""
    return f"{shown} {members[0].comm}{count}"


def _predicted_row(entry: Predicted, container: ContainerAssessment) -> list[str]:
    uid = "image" if container.user.uid is None else str(container.user.uid)
    return [f"predicted ({entry.place.runtime.name})", uid, *_masks(entry.outcome.sets)]


def _process_row(label: str, process: Process) -> list[str]:
    return [label, str(process.uid), *_masks(process.sets)]


def _masks(sets: ProcessSets) -> list[str]:
    masks = [getattr(sets, name).hex.lstrip("0") or "0" for name in _SETS]
    return [*masks, "unknown" if sets.no_new_privs is None else str(sets.no_new_privs).lower()]


def _merged(differences: Sequence[Difference]) -> Iterator[tuple[Difference, list[str]]]:
    """Each difference once, with the names of all sets that have it."""
    merged: dict[object, tuple[Difference, list[str]]] = {}
    for item in differences:
        key = (item.change, item.capabilities, item.reason)
        merged.setdefault(key, (item, []))[1].append(item.name)
    yield from merged.values()


def _words(merged: tuple[Difference, list[str]]) -> str:
    item, sets = merged
    reason = item.reason or "not explained"
    if item.name == "noNewPrivs":
        return f"no_new_privs is {'' if item.change == 'gained' else 'not '}set: {reason}"
    names = item.capabilities.short_names
    what = ",".join(names) if len(names) <= _SEVERAL else f"{len(names)} capabilities"
    return f"{what} {'more' if item.change == 'gained' else 'less'} in {', '.join(sets)}: {reason}"


def _capability_rows(container: ContainerAssessment, processes: Sequence[Process]) -> Iterator[list[str]]:
    predicted = [entry.outcome.sets for entry in container.predicted if not entry.outcome.refused]
    seen = [process.sets for process in processes]
    held = CapabilitySet()
    for sets in (*predicted, *seen):
        held = held | sets.bounding | sets.permitted | sets.ambient | sets.inheritable
    for number in held:
        known = BY_NUMBER.get(number)
        name = CapabilitySet(1 << number).short_names[0]
        observed = [_strongest(number, seen)] if processes else []
        columns = [_declared(name, container), _strongest(number, predicted), *observed]
        yield [name, *columns, known.risk if known else "unknown", known.allows if known else "unknown"]


def _declared(name: str, container: ContainerAssessment) -> str:
    if container.declared.privileged:
        return "privileged"
    added = {_short(one) for one in container.container.capabilities.add or ()}
    return "add" if name in added else "add ALL" if "ALL" in added else "default"


def _short(name: str) -> str:
    try:
        return canonical(name)
    except ValueError:
        return name


def _strongest(number: int, several: Sequence[ProcessSets]) -> str:
    """The strongest set in which any process has a capability: effective, permitted, bounding or inheritable."""
    for name in ("effective", "permitted", "bounding", "inheritable"):
        if any(number in getattr(sets, name) for sets in several):
            return name
    return "no"
