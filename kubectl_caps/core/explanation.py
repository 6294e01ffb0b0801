"""What a log, an event or an strace output says, line by line: the capabilities behind it, or what else it is."""

import re
from collections.abc import Iterator
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from kubectl_caps.core.diagnosis import Cause, Evidence, diagnose
from kubectl_caps.core.linux.operations import Needs, needed
from kubectl_caps.core.linux.sets import CapabilitySet
from kubectl_caps.core.linux.strace import Refusal, Trace, is_traced, needs_of, operation_of
from kubectl_caps.core.linux.symptoms import Certainty

Kind = Literal["capability", "mask", "call", "check", "warning", "line"]

LISTED = 20
"""Of the lines that say the same, the numbers of as many are kept."""

_MASK = re.compile(r"(?:Cap(?P<set>Inh|Prm|Eff|Bnd|Amb):?\s*)?(?P<hex>(?P<marked>0[xX])?[0-9a-fA-F]{1,16})")
_WORDS = 8
"""Shorter hexadecimal digits without 0x and without a digit (`bad`) are a word."""


class Explanation(Struct, frozen=True, kw_only=True):
    """One answer. `needs` says which capabilities it is about or which help, in alternatives; empty: none.

    Of lines: `why` says what it is, `cause` of which kind (a capability without `needs`: file capabilities),
    `certainty` how sure that is, `then` the command to try next where that is not to add capabilities; `told` is false
    where nothing is known but that something was refused. `count` lines say so; `lines` has the numbers of the first of
    them. Of masks: `why` is the set's name in /proc.
    """

    subject: str
    kind: Kind
    needs: Needs = ()
    cause: Literal["capability", "setting", "other"] = "capability"
    certainty: Certainty | None = None
    why: str = ""
    then: str = ""
    told: bool = True
    count: int = 1
    lines: tuple[int, ...] = ()

    @property
    def capabilities(self) -> tuple[str, ...]:
        """The capabilities that it is about; of alternatives, the first."""
        return self.needs[0] if self.needs else ()


class Reading:
    """Reads a text line by line. What says the same is one explanation with a count."""

    def __init__(self) -> None:
        self.lines = 0
        self._trace = Trace()
        self._found: dict[object, Explanation] = {}

    def read(self, line: str) -> None:
        """Take the next line, without its end."""
        self.lines += 1
        for new in self._explained(line):
            key = new.kind, new.needs, new.why, new.subject if new.kind == "mask" else ""
            old = self._found.get(key)
            lines = (*old.lines, self.lines)[:LISTED] if old else (self.lines,)
            self._found[key] = replace(old or new, count=old.count + 1 if old else 1, lines=lines)

    def explanations(self) -> tuple[Explanation, ...]:
        """What was found: capabilities first, then by certainty, then as they came."""
        return tuple(sorted(self._found.values(), key=_rank))

    def _explained(self, line: str) -> Iterator[Explanation]:
        refusal = self._trace.read(line)
        if refusal:
            yield _refused(refusal, line)
        if refusal or is_traced(line):
            return
        if line.startswith("Cap"):
            yield from mask(line.strip())
        for cause in diagnose([Evidence("event", line)]):
            yield _caused(cause)


def mask(word: str) -> tuple[Explanation, ...]:
    """What `a80425fb`, `0x400` or a line of /proc/PID/status (`CapEff:	00000000a80425fb`) stands for, if it is one."""
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


def _caused(cause: Cause) -> Explanation:
    return Explanation(
        subject=cause.evidence_text,
        kind="line",
        needs=(cause.capabilities,) if cause.capabilities else (),
        cause=cause.kind,
        certainty=cause.certainty,
        why=cause.explanation,
        then="" if cause.capabilities else cause.then,
        told=cause.kind != "other" or cause.certainty != "possible",
    )


_CERTAINTY = (None, "certain", "likely", "possible")


def _rank(explanation: Explanation) -> tuple[bool, bool, int]:
    return not explanation.told, not explanation.needs, _CERTAINTY.index(explanation.certainty)
