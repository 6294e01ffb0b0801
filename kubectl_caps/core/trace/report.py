"""Reads a tracer's output: the capability checks and the failed system calls of one pod."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from kubectl_caps.core.linux.capabilities import BY_NUMBER
from kubectl_caps.core.trace.calls import call_name, call_of
from kubectl_caps.core.trace.optional import is_of_the_mounter, why_optional

EvidenceKind = Literal["capabilities", "calls"]
"""`capabilities`: the event `cap_capable`, every check. `calls`: only calls that ended with EPERM or EACCES."""

_ERRORS = {"-1": "EPERM", "-13": "EACCES", "-30": "EROFS"}


class CapabilityCheck(Struct, frozen=True):
    """A capability that processes of a container were granted or refused, in one system call.

    `failed`: how many of the refused calls ended with EPERM or EACCES. `optional` says why it is not yet a need, or is
    empty.
    """

    container: str
    process: str
    capability: str
    call: str
    granted: int = 0
    refused: int = 0
    failed: int = 0
    optional: str = ""


class CallError(Struct, frozen=True):
    """A system call that ended with EPERM, EACCES or EROFS. `arguments` are its raw words, empty if not known."""

    container: str
    process: str
    call: str
    error: str
    count: int
    arguments: str = ""


class MadeCall(Struct, frozen=True):
    """A system call that succeeded, of those that the seccomp profile RuntimeDefault may refuse."""

    container: str
    process: str
    call: str
    count: int


class TraceReport(Struct, frozen=True):
    """The record of one pod: `kind` of evidence, checks, failed calls, and the containers whose programs were seen.

    `made` are calls that succeeded, of `runtime_default.RECORDED_CALLS`; None on a kernel without events for these.
    `lost` events were overwritten before they were read, `passed_over` lines were too many to count. `problem` says
    why there is no record; then the rest is empty.
    """

    kind: EvidenceKind = "capabilities"
    checks: tuple[CapabilityCheck, ...] = ()
    errors: tuple[CallError, ...] = ()
    made: tuple[MadeCall, ...] | None = ()
    seen: frozenset[str] = frozenset()
    lost: int = 0
    passed_over: int = 0
    problem: str = ""

    def gap(self, containers: Iterable[str]) -> str:
        """Why the record of these containers is incomplete; empty if it is complete."""
        if self.problem:
            return self.problem
        if self.lost:
            return f"{self.lost} events were lost, as the node made more than were read"
        if self.passed_over:
            return f"{self.passed_over} different checks were too many to count"
        unseen = [name for name in containers if name not in self.seen]
        return f"the start of container {', '.join(unseen)} was not seen" if unseen else ""


def trace_report(text: str, containers: Mapping[str, str]) -> TraceReport:
    """The record in a tracer's output. `containers` are their names by the runtime's id (`containerd://…` without it).
    """
    rows = [line.split("\t") for line in text.splitlines()]
    facts = {row[0]: row[1:] for row in rows if row[0] in ("mode", "end", "lost", "problem") and len(row) > 1}
    if "problem" in facts:
        return TraceReport(problem=" ".join(facts["problem"]))
    if not {"mode", "end", "lost"} <= facts.keys() or not (facts["lost"][0] + facts["end"][0]).isdigit():
        return TraceReport(problem="the tracer ended before it was asked")
    machine = facts["mode"][1] if len(facts["mode"]) > 1 else ""
    return TraceReport(
        kind="capabilities" if facts["mode"][0] == "capabilities" else "calls",
        checks=tuple(_checks(rows, containers, machine)),
        errors=tuple(_errors(rows, containers, machine)),
        made=tuple(_made(rows, containers)) if facts["mode"][2:] == ["yes"] else None,
        seen=frozenset(filter(None, (_container(row[2], containers) for row in rows if _is(row, "exec", 4)))),
        lost=int(facts["lost"][0]),
        passed_over=int(facts["end"][0]),
    )


def _checks(rows: list[list[str]], containers: Mapping[str, str], machine: str) -> Iterator[CapabilityCheck]:
    granted, refused, failed = Counter[CapabilityCheck](), Counter[CapabilityCheck](), Counter[CapabilityCheck]()
    for row in rows:
        if not (_is(row, "asked", 7) or _is(row, "failed", 10)) or not row[4].isdigit():
            continue
        count, container, process, number, result, stack = int(row[1]), _container(row[2], containers), *row[3:7]
        if not container or is_of_the_mounter(stack):
            continue
        name = BY_NUMBER[int(number)].name if int(number) in BY_NUMBER else f"CAP_{number}"
        call = call_of(stack)
        key = CapabilityCheck(container, process, name, call, optional=why_optional(name, stack, call))
        (granted if result == "0" else refused)[key] += count
        if row[0] == "failed" and row[7].isdigit() and _is_of(call, call_name(machine, int(row[7]))):
            failed[key] += count
    for key in dict.fromkeys([*granted, *refused]):
        yield replace(key, granted=granted[key], refused=refused[key], failed=failed[key])


def _is_of(call: str, ended: str) -> bool:
    """Whether a call that ended with an error may be the call of a check before it."""
    return not call or call == ended or ended.startswith("NR ")


def _errors(rows: list[list[str]], containers: Mapping[str, str], machine: str) -> Iterator[CallError]:
    for row in rows:
        if _is(row, "error", 7) and row[4].isdigit() and (container := _container(row[2], containers)):
            error = _ERRORS.get(row[5], row[5])
            yield CallError(container, row[3], call_name(machine, int(row[4])), error, int(row[1]), row[6])


def _made(rows: list[list[str]], containers: Mapping[str, str]) -> Iterator[MadeCall]:
    for row in rows:
        if _is(row, "made", 5) and (container := _container(row[2], containers)):
            yield MadeCall(container, row[3], row[4], int(row[1]))


def _is(row: list[str], kind: str, fields: int) -> bool:
    return row[0] == kind and len(row) == fields and row[1].isdigit()


def _container(path: str, containers: Mapping[str, str]) -> str:
    """The container of a cgroup's path; empty for the pod's sandbox."""
    return next((name for ident, name in containers.items() if ident and ident in path), "")
