"""How `explain` looks: pages for words, blocks for lines, and the JSON contract's `Explanation`."""

import textwrap
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from kubectl_caps.core.diagnosis import ADD
from kubectl_caps.core.explanation import Explanation
from kubectl_caps.core.linux.capabilities import BY_NAME, Capability, worst
from kubectl_caps.core.linux.operations import BY_CALL, Operation, asked_for, needed
from kubectl_caps.core.linux.runtimes import RUNTIMES, by_name
from kubectl_caps.core.linux.sets import CapabilitySet
from kubectl_caps.core.podsecurity.checks import capabilities_baseline
from kubectl_caps.core.podsecurity.registry import CHECKS
from kubectl_caps.core.warnings import BY_ID
from kubectl_caps.report import manual, warning_manual
from kubectl_caps.report.json import document
from kubectl_caps.report.table import table
from kubectl_caps.report.terminal import escaped

_WIDTH = 110
_LABEL = 15
_LINE = 240
_SHOWN = 5
_SETS = {"Inh": "inheritable", "Prm": "permitted", "Eff": "effective", "Bnd": "bounding", "Amb": "ambient"}
_CAUSES = {"capability": "file capabilities", "setting": "a setting", "other": "not a capability"}
_RUNTIMES = tuple(dict.fromkeys(row.name for row in RUNTIMES))


def pages(explanations: Sequence[Explanation]) -> Iterator[str]:
    """All of them, one after the other, with a blank line between."""
    for number, item in enumerate(explanations):
        yield from ([""] if number else [])
        yield from _PAGES[item.kind](item)


def overview(explanations: Sequence[Explanation]) -> Iterator[str]:
    """What can be explained: capabilities, checks, warnings."""
    capabilities = [BY_NAME[item.subject] for item in explanations if item.kind == "capability"]
    rows = [[str(row.number), row.name, row.risk, f"Linux {row.since}", row.allows] for row in capabilities]
    yield from table(["NUMBER", "CAPABILITY", "RISK", "SINCE", "ALLOWS"], rows)
    yield ""
    yield from table(["CHECK", "LEVEL", "SINCE"], [[c.id, c.level, f"v1.{c.revisions[0].minor}"] for c in CHECKS])
    yield ""
    warnings = [BY_ID[item.subject] for item in explanations if item.kind == "warning"]
    yield from table(["WARNING", "ABOUT"], [[rule.id, rule.title] for rule in warnings])


def missing(explanations: Sequence[Explanation]) -> Iterator[str]:
    """What to try after reading lines: all capabilities together that are more than possible."""
    sure = [name for item in explanations if item.certainty in ("certain", "likely") for name in item.capabilities]
    if sure:
        yield ""
        yield f"To try: {ADD} {','.join(dict.fromkeys(sure))}"


def explanation(explanations: Sequence[Explanation], lines: int) -> dict[str, Any]:
    """`kind: Explanation`."""
    unknown = sum(item.count for item in explanations if not item.told)
    summary = {"explanations": len(explanations), "lines": lines, "unknown": unknown}
    return document("Explanation", [_item(item) for item in explanations], (), summary)


def _item(item: Explanation) -> dict[str, Any]:
    line = {
        "cause": item.cause if item.told else "unknown",
        "certainty": item.certainty,
        "alternatives": [list(names) for names in item.needs],
        "count": item.count,
        "lines": list(item.lines),
        "next": item.then or (f"{ADD} {','.join(item.capabilities)}" if item.needs else ""),
    }
    return {
        "subject": item.subject,
        "kind": item.kind,
        "text": item.why if item.kind == "line" else "\n".join(_PAGES[item.kind](item)),
        "capabilities": list(item.capabilities),
        "risk": _risk(item),
        **(line if item.kind == "line" else {}),
    }


def _risk(item: Explanation) -> str:
    if item.kind in ("check", "warning"):
        return "none"
    return worst(*(_risk_of(name) for name in item.capabilities)) if item.capabilities else "none"


def _risk_of(name: str) -> Any:
    return BY_NAME[name].risk if name in BY_NAME else "unknown"


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
    yield f"{item.subject}: {'a system call' if is_call else 'the word for something that a system call does'}"
    yield ""
    for operation in operations:
        errors = " or ".join(error for error in operation.errors if error.startswith("E"))
        needs = f"needs {needed(operation.needs)}, without it {errors}" if operation.needs else f"({errors})"
        yield from _wrapped(f"{operation.what} {needs}", "  ")
    names = dict.fromkeys(name for operation in operations for names in operation.needs for name in names)
    if names:
        yield ""
        rows = [[name, BY_NAME[name].risk, BY_NAME[name].allows] for name in names]
        yield from table(["CAPABILITY", "RISK", "ALLOWS"], rows)


def _mask(item: Explanation) -> Iterator[str]:
    names = item.capabilities
    known = [name for name in _RUNTIMES if by_name(name).defaults.short_names == names]
    default = f", the default of {', '.join(known)}" if known else ""
    which = f" in the {_SETS[item.why]} set" if item.why else ""
    yield f"{item.subject}: {len(names)} {'capability' if len(names) == 1 else 'capabilities'}{which}{default}"
    if names:
        yield ""
        yield from table(["CAPABILITY", "RISK", "ALLOWS"], [_row(name) for name in names])


def _row(name: str) -> list[str]:
    row = BY_NAME.get(name)
    return [name, row.risk, row.allows] if row else [name, "unknown", "newer than this version knows"]


def _check(item: Explanation) -> Iterator[str]:
    return manual.page(next(check for check in CHECKS if check.id == item.subject))


def _warning(item: Explanation) -> Iterator[str]:
    return warning_manual.page(BY_ID[item.subject])


def _line(item: Explanation) -> Iterator[str]:
    what = needed(item.needs) or (_CAUSES[item.cause] if item.told else "unknown")
    lines = f", {item.count} {'line' if item.count == 1 else 'lines'}" if item.lines else ""
    yield f"{what} ({item.certainty}{lines})"
    yield from _wrapped(item.why, "  ")
    yield escaped(f"  line {item.lines[0]}: {_shortened(item.subject)}")
    if item.count > 1:
        more = ", …" if item.count > len(item.lines) else ""
        yield from _wrapped(f"also in {', '.join(map(str, item.lines[1:]))}{more}", "  ")
    if item.then:
        yield f"  to try: {item.then}"


def _shortened(line: str) -> str:
    """Both ends of a long line: what it is about stands in front, and in a trace the error behind."""
    return line if len(line) <= _LINE else f"{line[: _LINE // 2]} … {line[-_LINE // 2 :]}"


def _labeled(label: str, text: str) -> Iterator[str]:
    first, *rest = textwrap.wrap(text, _WIDTH - _LABEL)
    yield f"{label + ':':<{_LABEL}}{first}"
    yield from (" " * _LABEL + line for line in rest)


def _wrapped(text: str, indent: str) -> Iterator[str]:
    yield from textwrap.wrap(escaped(text), _WIDTH, initial_indent=indent, subsequent_indent=indent + "  ")


_PAGES: dict[str, Callable[[Explanation], Iterator[str]]] = {
    "capability": _capability,
    "mask": _mask,
    "call": _call,
    "check": _check,
    "warning": _warning,
    "line": _line,
}
