"""kubectl caps explain: a capability, a mask, a system call, a Pod Security check, a warning, a log line, or a log."""

import argparse
import sys
from collections.abc import Iterator, Sequence

from kubectl_caps.commands.harden import print_lines
from kubectl_caps.commands.options import output
from kubectl_caps.core import vocabulary
from kubectl_caps.core.explanation import Explanation, Reading
from kubectl_caps.errors import UsageError
from kubectl_caps.report import explanation as report
from kubectl_caps.report import json
from kubectl_caps.report.terminal import say

_OUTPUTS = ("table", "json", "yaml")
_LONGEST_LINE = 1 << 20


def main(options: argparse.Namespace) -> int:
    """Explain one subject; without one, list what there is; `-` reads a log. 1: the log or line says nothing."""
    wanted, subject = output(options, _OUTPUTS), options.subject
    if subject is None:
        everything = tuple(vocabulary.everything())
        _print(everything, wanted, report.overview(everything))
        return 0
    if subject == "-":
        return _log(wanted)
    meanings = vocabulary.meanings(subject)
    if not meanings and len(subject.split()) <= 1:
        raise UsageError(_unknown(subject))
    _print(meanings, wanted, (*report.pages(meanings), *report.missing(meanings)), lines=len(subject.splitlines()))
    return _status(meanings)


def _log(wanted: str) -> int:
    reading = Reading()
    try:
        for line in _lines():
            reading.read(line)
    except KeyboardInterrupt:  # how a traced server is ended: what was read until then counts
        _found(reading, wanted)
        raise
    return _status(_found(reading, wanted))


def _found(reading: Reading, wanted: str) -> Sequence[Explanation]:
    found = reading.explanations()
    _print(found, wanted, (*report.pages(found), *report.missing(found)), lines=reading.lines)
    told, unknown = (sum(item.count for item in found if item.told is wanted) for wanted in (True, False))
    say(f"{reading.lines} lines read: {told} explained, {unknown} refused without a known reason")
    return found


def _lines() -> Iterator[str]:
    """Standard input, line by line; an endless line comes in pieces."""
    for line in iter(lambda: sys.stdin.buffer.readline(_LONGEST_LINE), b""):
        yield line.decode(errors="replace").rstrip("\r\n")


def _print(items: Sequence[Explanation], wanted: str, pages: Sequence[str] | Iterator[str], *, lines: int = 0) -> None:
    if wanted == "table":
        print_lines(pages)
    else:
        sys.stdout.write(json.text(report.explanation(items, lines), wanted))


def _status(found: Sequence[Explanation]) -> int:
    if any(item.told for item in found):
        return 0
    say("nothing in it points to a capability or to anything else that is known")
    return 1


def _unknown(word: str) -> str:
    near = vocabulary.nearest(word)
    hint = f", did you mean {' or '.join(near)}?" if near else "; `explain` alone lists what there is"
    return f'unknown word "{word}"{hint}'
