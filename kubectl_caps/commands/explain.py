"""Runs kubectl caps explain: explains a word (capability, mask, system call, check, warning), a log line or a log."""

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence

from kubectl_caps.cli.explain import ExplainArguments, explain_arguments
from kubectl_caps.cli.flags import ExplainOutput
from kubectl_caps.core.explain import lookup
from kubectl_caps.core.explain.log import Explanation, Reading
from kubectl_caps.errors import UsageError
from kubectl_caps.report import explanation as report
from kubectl_caps.report import json
from kubectl_caps.report.documents.explanation import explanation_document
from kubectl_caps.report.terminal import print_lines, say

_LONGEST_LINE = 1 << 20


def main(options: argparse.Namespace) -> int:
    """Explain one subject and return the exit status."""
    return explain(explain_arguments(options))


def explain(arguments: ExplainArguments) -> int:
    """Explain one subject, and return the exit status: 1 if no explanation was found.

    Without a subject, list all words. The subject `-` reads a log from standard input. Raises UsageError.
    """
    wanted, subject = arguments.output, arguments.subject
    if subject is None:
        everything = tuple(lookup.everything())
        _print(everything, wanted, report.overview(everything))
        return 0
    if subject == "-":
        return _log(wanted)
    meanings = lookup.meanings(subject)
    if not meanings and len(subject.split()) <= 1:
        raise UsageError(_unknown(subject))
    _print(meanings, wanted, (*report.pages(meanings), *report.missing_line(meanings)), lines=len(subject.splitlines()))
    return _status(meanings)


def _log(wanted: ExplainOutput) -> int:
    reading = Reading()
    try:
        for line in _lines():
            reading.read(line)
    except KeyboardInterrupt:  # Ctrl-C ends a program that is traced into the pipe
        _found(reading, wanted)
        raise
    return _status(_found(reading, wanted))


def _found(reading: Reading, wanted: ExplainOutput) -> Sequence[Explanation]:
    found = reading.explanations()
    _print(found, wanted, (*report.pages(found), *report.missing_line(found)), lines=reading.lines)
    told, unknown = (sum(item.count for item in found if item.told is explained) for explained in (True, False))
    say(f"{reading.lines} lines read: {told} explained, {unknown} refused without a known reason")
    return found


def _lines() -> Iterator[str]:
    """The lines of standard input. A line that is too long comes in pieces."""
    for line in iter(lambda: sys.stdin.buffer.readline(_LONGEST_LINE), b""):
        yield line.decode(errors="replace").rstrip("\r\n")


def _print(items: Sequence[Explanation], wanted: ExplainOutput, pages: Iterable[str], *, lines: int = 0) -> None:
    if wanted == "table":
        print_lines(pages)
    else:
        sys.stdout.write(json.text(explanation_document(items, lines), wanted))


def _status(found: Sequence[Explanation]) -> int:
    if any(item.told for item in found):
        return 0
    say("no line has a known cause")
    return 1


def _unknown(word: str) -> str:
    near = lookup.nearest(word)
    hint = f", did you mean {' or '.join(near)}?" if near else "; `explain` alone lists what there is"
    return f'unknown word "{word}"{hint}'
