"""The words that can be explained: capabilities, masks, system calls, Pod Security checks and warnings."""

import difflib
import re
from collections.abc import Iterator

from kubectl_caps.core.diagnosis.syscalls import BY_CALL, SPELLED
from kubectl_caps.core.explain.log import Explanation, Reading, mask
from kubectl_caps.core.linux.capabilities import BY_NAME, BY_NUMBER, UnknownCapability, canonical
from kubectl_caps.core.linux.sets import ALL_KNOWN, NUMBERED
from kubectl_caps.core.podsecurity.registry import CHECKS
from kubectl_caps.core.warnings.registry import IDS

_NUMBER = re.compile(r"[1-9]?[0-9]")
_LONGEST = 64
"""No known word is longer. The search for the nearest word takes time that grows with the square of the length."""


def everything() -> Iterator[Explanation]:
    """Every capability, check and warning."""
    yield from (_capability(name) for name in BY_NAME)
    yield from (Explanation(subject=check.id, kind="check") for check in CHECKS)
    yield from (Explanation(subject=name, kind="warning") for name in IDS)


def meanings(text: str) -> tuple[Explanation, ...]:
    """Every meaning of a word or a mask; for any other text the explanations of its lines. May be empty."""
    word = text.strip()
    return (*_names(word), *mask(word)) or _lines(text)


def nearest(word: str) -> tuple[str, ...]:
    """Known words that look like an unknown one, the nearest first."""
    known = {name.lower(): name for name in (*SPELLED.values(), *BY_NAME, *(check.id for check in CHECKS), *IDS)}
    short = word.strip().lower().removeprefix("cap_")[:_LONGEST]
    return tuple(known[name] for name in difflib.get_close_matches(short, known, 3, 0.7))


def _names(word: str) -> Iterator[Explanation]:
    name = _canonical(word)
    if name == "ALL":
        yield Explanation(subject="ALL", kind="mask", needs=(ALL_KNOWN.short_names,))
    elif name:
        yield _capability(name)
    elif number := NUMBERED.fullmatch(word.upper()):
        yield from mask(f"{1 << int(number[1]):016x}")
    if word.lower() in BY_CALL:
        yield Explanation(subject=SPELLED[word.lower()], kind="call", needs=BY_CALL[word.lower()][0].needs)
    yield from (Explanation(subject=check.id, kind="check") for check in CHECKS if check.id.lower() == word.lower())
    yield from (Explanation(subject=name, kind="warning") for name in IDS if name == word.lower())


def _canonical(word: str) -> str | None:
    try:
        return canonical(word)
    except UnknownCapability:
        return BY_NUMBER[int(word)].name if _NUMBER.fullmatch(word) and int(word) in BY_NUMBER else None


def _capability(name: str) -> Explanation:
    return Explanation(subject=name, kind="capability", needs=((name,),))


def _lines(text: str) -> tuple[Explanation, ...]:
    reading = Reading()
    for line in text.splitlines():
        reading.read(line)
    return reading.explanations()
