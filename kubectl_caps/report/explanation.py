"""The text output of `explain`: a page for each word, a block for each line."""

import textwrap
from collections.abc import Callable, Iterator, Sequence

from kubectl_caps.core.diagnosis.diagnose import ADD
from kubectl_caps.core.diagnosis.syscalls import BY_CALL, Operation, asked_for, needed
from kubectl_caps.core.explain.log import Explanation
from kubectl_caps.core.linux.capabilities import BY_NAME, Capability
from kubectl_caps.core.linux.runtimes import RUNTIMES, by_name
from kubectl_caps.core.linux.sets import CapabilitySet
from kubectl_caps.core.podsecurity.checks import capabilities_baseline
from kubectl_caps.core.podsecurity.registry import CHECKS
from kubectl_caps.core.warnings.registry import BY_ID
from kubectl_caps.report import manual, warning_manual
from kubectl_caps.report.table import Column, table
from kubectl_caps.report.terminal import LEVEL_COLOURS, RISK_COLOURS, escaped, screen

_WIDEST = 110
_LABEL = 15
_RISK = Column("RISK", colours=RISK_COLOURS)
_LINE = 240
_SHOWN = 5
_SETS = {"Inh": "inheritable", "Prm": "permitted", "Eff": "effective", "Bnd": "bounding", "Amb": "ambient"}
_CAUSES = {"capability": "file capabilities", "setting": "a setting", "other": "not a capability"}
_RUNTIMES = tuple(dict.fromkeys(row.name for row in RUNTIMES))


def pages(explanations: Sequence[Explanation]) -> Iterator[str]:
    """The pages of all explanations, with a blank line between two."""
    for number, item in enumerate(explanations):
        yield from ([""] if number else [])
        yield from word_page(item)


def word_page(item: Explanation) -> Iterator[str]:
    """The lines of one explanation."""
    return _PAGES[item.kind](item)


def overview(explanations: Sequence[Explanation]) -> Iterator[str]:
    """The words with a page: capabilities, checks, warnings."""
    capabilities = [BY_NAME[item.subject] for item in explanations if item.kind == "capability"]
    rows = [[str(row.number), row.name, row.risk, f"Linux {row.since}", row.allows] for row in capabilities]
    yield from table([Column("NUMBER", leaves=1), "CAPABILITY", _RISK, Column("SINCE", leaves=2), "ALLOWS"], rows)
    yield ""
    checks = [[check.id, check.level, f"v1.{check.revisions[0].minor}"] for check in CHECKS]
    yield from table(["CHECK", Column("LEVEL", colours=LEVEL_COLOURS), "SINCE"], checks)
    yield ""
    warnings = [BY_ID[item.subject] for item in explanations if item.kind == "warning"]
    yield from table(["WARNING", "ABOUT"], [[rule.id, rule.title] for rule in warnings])


def missing_line(explanations: Sequence[Explanation]) -> Iterator[str]:
    """The suggestion after the explained lines: all capabilities that are likely or certainly missing."""
    sure = [name for item in explanations if item.certainty in ("certain", "likely") for name in item.capabilities]
    if sure:
        yield ""
        yield f"To try: {ADD} {','.join(dict.fromkeys(sure))}"


def _capability(item: Explanation) -> Iterator[str]:
    row = BY_NAME[item.subject]
    yield f"{row.name}: {row.allows}"
    yield ""
    yield from _labeled("Risk", f"{row.risk}: {row.danger}")
    yield from _labeled("Source", row.source)
    yield from _labeled("Number", f"{row.number}, mask {CapabilitySet(1 << row.number).hex}, since Linux {row.since}")
    yield from _labeled("By default", _defaults(row))
    yield from _labeled("Pod Security", _levels(row))
    operations = asked_for(row.name)
    if operations:
        yield ""
        yield "Needed for:"
        yield from _operations(operations, row.name)


def _defaults(row: Capability) -> str:
    holders = [name for name in _RUNTIMES if row.number in by_name(name).defaults]
    others = [name for name in _RUNTIMES if name not in holders]
    if not others:
        return "every container has it"
    return f"{', '.join(holders)}; not {', '.join(others)}" if holders else "no container has it"


def _levels(row: Capability) -> str:
    if row.name == "NET_BIND_SERVICE":
        return "may be added at every level"
    allowed = row.name in capabilities_baseline.ALLOWED
    return f"may be added at {'privileged and baseline' if allowed else 'privileged only'}"


def _operations(operations: Sequence[Operation], capability: str = "") -> Iterator[str]:
    for operation in operations:
        calls = ", ".join(operation.calls[:_SHOWN]) + (", …" if len(operation.calls) > _SHOWN else "")
        words = f" ({', '.join(operation.words)})" if operation.words else ""
        needs = "" if operation.needs == ((capability,),) else f"; needs {needed(operation.needs)}"
        yield from _wrapped(f"{operation.what}{needs if operation.needs else ''}: {calls}{words}", "  ")


def _call(item: Explanation) -> Iterator[str]:
    operations = BY_CALL[item.subject.lower()]
    is_call = any(item.subject in operation.calls for operation in operations)
    yield f"{item.subject}: {'a system call' if is_call else 'a word for an operation of a system call'}"
    yield ""
    for operation in operations:
        errors = " or ".join(error for error in operation.errors if error.startswith("E"))
        needs = f"needs {needed(operation.needs)}, without it {errors}" if operation.needs else f"({errors})"
        yield from _wrapped(f"{operation.what} {needs}", "  ")
    names = dict.fromkeys(name for operation in operations for names in operation.needs for name in names)
    if names:
        yield ""
        rows = [[name, BY_NAME[name].risk, BY_NAME[name].allows] for name in names]
        yield from table(["CAPABILITY", _RISK, "ALLOWS"], rows)


def _mask(item: Explanation) -> Iterator[str]:
    names = item.capabilities
    known = [name for name in _RUNTIMES if by_name(name).defaults.short_names == names]
    default = f", the default of {', '.join(known)}" if known else ""
    which = f" in the {_SETS[item.why]} set" if item.why else ""
    yield f"{item.subject}: {len(names)} {'capability' if len(names) == 1 else 'capabilities'}{which}{default}"
    if names:
        yield ""
        yield from table(["CAPABILITY", _RISK, "ALLOWS"], [_row(name) for name in names])


def _row(name: str) -> list[str]:
    row = BY_NAME.get(name)
    return [name, row.risk, row.allows] if row else [name, "unknown", "newer than this version knows"]


def _check(item: Explanation) -> Iterator[str]:
    return manual.check_page(next(check for check in CHECKS if check.id == item.subject))


def _warning(item: Explanation) -> Iterator[str]:
    return warning_manual.warning_page(BY_ID[item.subject])


def _line(item: Explanation) -> Iterator[str]:
    what = needed(item.needs) or (_CAUSES[item.cause] if item.told else "unknown")
    lines = f", {item.count} {'line' if item.count == 1 else 'lines'}" if item.lines else ""
    yield f"{what} ({item.certainty}{lines})"
    yield from _wrapped(item.why, "  ")
    yield escaped(f"  line {item.lines[0]}: {_shortened(item.subject)}")
    if item.count > 1:
        more = ", …" if item.count > len(item.lines) else ""
        yield from _wrapped(f"also in {', '.join(map(str, item.lines[1:]))}{more}", "  ")
    if item.next_command:
        yield f"  to try: {item.next_command}"


def _shortened(line: str) -> str:
    """Both ends of a long line: the start names the subject, and the end holds the error of a trace."""
    return line if len(line) <= _LINE else f"{line[: _LINE // 2]} … {line[-_LINE // 2 :]}"


def _labeled(label: str, text: str) -> Iterator[str]:
    first, *rest = textwrap.wrap(text, _width() - _LABEL)
    yield f"{label + ':':<{_LABEL}}{first}"
    yield from (" " * _LABEL + line for line in rest)


def _width() -> int:
    """The columns of a text: the columns of the terminal, but at most `_WIDEST`."""
    return max(min(screen().columns or _WIDEST, _WIDEST), 40)


def _wrapped(text: str, indent: str) -> Iterator[str]:
    yield from textwrap.wrap(escaped(text), _width(), initial_indent=indent, subsequent_indent=indent + "  ")


_PAGES: dict[str, Callable[[Explanation], Iterator[str]]] = {
    "capability": _capability,
    "mask": _mask,
    "call": _call,
    "check": _check,
    "warning": _warning,
    "line": _line,
}
