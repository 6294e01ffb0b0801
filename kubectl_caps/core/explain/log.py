"""Explains a log, an event or strace output line by line: the capability behind a line, or another cause."""

import re
from collections.abc import Iterator
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from kubectl_caps.core.diagnosis.diagnose import cause_of
from kubectl_caps.core.diagnosis.line_cause import LineCause
from kubectl_caps.core.diagnosis.log_lines import LogReader, Said
from kubectl_caps.core.diagnosis.patterns.pattern import Certainty
from kubectl_caps.core.diagnosis.strace import Refusal, Trace, is_traced, needs_of, operation_of
from kubectl_caps.core.diagnosis.syscalls import Needs, needed
from kubectl_caps.core.linux.sets import CapabilitySet

ExplanationKind = Literal["capability", "mask", "call", "check", "warning", "line"]

LISTED = 20
"""The line numbers of so many equal lines are kept."""

_MASK = re.compile(r"(?:Cap(?P<set>Inh|Prm|Eff|Bnd|Amb):?\s*)?(?P<hex>(?P<marked>0[xX])?[0-9a-fA-F]{1,16})")
_WORDS = 8
"""Fewer hexadecimal digits, without 0x and without a decimal digit (`bad`), are a word and no mask."""


class Explanation(Struct, frozen=True, kw_only=True):
    """One explanation. `needs` are the capabilities that it explains or that help, in alternatives; empty means none.

    For lines: `why` is the reason, `cause` the kind of cause (a capability without `needs` means file capabilities),
    `certainty` its certainty, `next_command` what to run if capabilities are not to be added; `told` is false if only
    the refusal is known. `count` lines are equal; `lines` has the numbers of the first ones. For masks: `why` is the
    set's name in /proc.
    """

    subject: str
    kind: ExplanationKind
    needs: Needs = ()
    cause: Literal["capability", "setting", "other"] = "capability"
    certainty: Certainty | None = None
    why: str = ""
    next_command: str = ""
    told: bool = True
    count: int = 1
    lines: tuple[int, ...] = ()

    @property
    def capabilities(self) -> tuple[str, ...]:
        """The capabilities of the explanation; of alternatives, the first."""
        return self.needs[0] if self.needs else ()


class Reading:
    """Reads a text line by line. Equal lines are one explanation with a count."""

    def __init__(self) -> None:
        self.lines = 0
        self._trace = Trace()
        self._log = LogReader()
        self._open: list[Said] = []
        self._found: dict[object, Explanation] = {}

    def read(self, line: str) -> None:
        """Read the next line. `line` has no line end."""
        self.lines += 1
        for new in self._explained(line):
            self._add(new, self.lines)

    def explanations(self) -> tuple[Explanation, ...]:
        """All explanations: capabilities first, then by certainty, then in the order of the lines."""
        for said in self._log.close():
            self._hear(said)
        self._finish()
        return tuple(sorted(self._found.values(), key=_rank))

    def _add(self, new: Explanation, number: int) -> None:
        key = new.kind, new.needs, new.why, new.subject if new.kind == "mask" else ""
        old = self._found.get(key)
        lines = (*old.lines, number)[:LISTED] if old else (number,)
        self._found[key] = replace(old or new, count=old.count + 1 if old else 1, lines=lines)

    def _hear(self, said: Said) -> None:
        """Collect the texts of a line until a text of another line comes."""
        if self._open and self._open[0].number != said.number:
            self._finish()
        self._open.append(said)

    def _finish(self) -> None:
        if self._open and (cause := cause_of(self._open)):
            self._add(_caused(cause), self._open[0].number)
        self._open = []

    def _explained(self, line: str) -> Iterator[Explanation]:
        refusal = self._trace.read(line)
        if refusal:
            yield _refused(refusal, line)
        if refusal or is_traced(line):
            return
        if line.startswith("Cap"):
            yield from mask(line.strip())
        for said in self._log.read(line, self.lines):
            self._hear(said)


def mask(word: str) -> tuple[Explanation, ...]:
    """The explanation of a mask: `a80425fb`, `0x400`, or a line of /proc/PID/status (`CapEff:	00000000a80425fb`)."""
    match = _MASK.fullmatch(word)
    if not match or not (match["set"] or match["marked"] or re.search(r"\d", word) or len(word) >= _WORDS):
        return ()
    held = CapabilitySet.from_hex(match["hex"])
    return (Explanation(subject=held.hex, kind="mask", needs=(held.short_names,), why=match["set"] or ""),)


def _refused(refusal: Refusal, line: str) -> Explanation:
    operation = operation_of(refusal)
    if operation is None:
        why = f"{refusal.call}: no capability is known for this; a seccomp profile also refuses calls so"
        return Explanation(subject=line, kind="line", cause="other", certainty="possible", why=why, told=False)
    needs = needs_of(refusal, operation)
    why = f"{operation.what} needs {needed(needs)}" if needs else operation.what
    return Explanation(
        subject=line, kind="line", needs=needs, cause=operation.kind, certainty=operation.certainty, why=why
    )


def _caused(cause: LineCause) -> Explanation:
    return Explanation(
        subject=cause.evidence_text,
        kind="line",
        needs=(cause.capabilities,) if cause.capabilities else (),
        cause=cause.kind,
        certainty=cause.certainty,
        why=cause.explanation,
        next_command="" if cause.capabilities else cause.next_command,
        told=cause.is_told,
    )


_CERTAINTY = (None, "certain", "likely", "possible")


def _rank(explanation: Explanation) -> tuple[bool, bool, int]:
    return not explanation.told, not explanation.needs, _CERTAINTY.index(explanation.certainty)
