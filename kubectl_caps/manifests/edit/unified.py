"""Makes a unified diff from known edits, without comparing all lines, in time proportional to the text."""

import difflib
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate

from msgspec import Struct

from kubectl_caps.manifests.edit.lines import Splice, newline_at, splices_in_order

CONTEXT = 3
_REFINED = 100
"""Only in edits of at most so many lines are unchanged lines looked for."""

NO_NEWLINE = "\\ No newline at end of file\n"


class _Hunk(Struct):
    """The lines `start` to `end` of the old text become the lines `new`."""

    start: int
    end: int
    new: list[str]


def unified(old: str, found: Sequence[Splice], names: tuple[str, str]) -> Iterator[str]:
    """The lines of the diff, with line ends; none if the splices change nothing.

    The indexes of the splices are indexes of `old` with a last line end.
    """
    missing = "" if old.endswith("\n") else newline_at(old, len(old))
    lines = _lines(old + missing)
    changes = list(_joined(change for hunk in _hunks(old + missing, lines, found) for change in _refined(lines, hunk)))
    if missing and changes and changes[-1].end == len(lines):
        _take_in_last_line(lines, changes)
    shift = 0
    for at, group in enumerate(_grouped(changes)):
        if at == 0:
            yield from (f"--- {names[0]}\n", f"+++ {names[1]}\n")
        body = list(_body(lines, group, missing))
        first, last = max(group[0].start - CONTEXT, 0), min(group[-1].end + CONTEXT, len(lines))
        grown = sum(len(change.new) - (change.end - change.start) for change in group)
        yield f"@@ -{_range(first, last - first)} +{_range(first + shift, last - first + grown)} @@\n"
        yield from body
        shift += grown


def _hunks(text: str, lines: Sequence[str], found: Sequence[Splice]) -> Iterator[_Hunk]:
    """The lines that the splices change. Splices that share a line are one hunk."""
    starts = [0, *accumulate(map(len, lines))]
    group: list[Splice] = []
    first = last = 0
    for splice in splices_in_order(found):
        begin, end = _whole_lines(starts, splice)
        if group and begin >= last:
            yield _Hunk(first, last, _lines(_applied(text, group, starts[first], starts[last])))
            group = []
        first, last = (first, max(last, end)) if group else (begin, end)
        group.append(splice)
    if group:
        yield _Hunk(first, last, _lines(_applied(text, group, starts[first], starts[last])))


def _whole_lines(starts: Sequence[int], splice: Splice) -> tuple[int, int]:
    """The first line that a splice touches, and the line after the last one; both are equal if only lines are added."""
    begin, end = bisect_right(starts, splice.start) - 1, bisect_right(starts, splice.end) - 1
    ends_whole = splice.text.endswith("\n") or (not splice.text and starts[begin] == splice.start)
    if starts[end] == splice.end and ends_whole and (end > begin or starts[begin] == splice.start):
        return begin, end
    return begin, min(end + 1, len(starts) - 1)


def _applied(text: str, group: Sequence[Splice], start: int, end: int) -> str:
    parts = []
    for splice in group:
        parts += [text[start : splice.start], splice.text]
        start = splice.end
    return "".join([*parts, text[start:end]])


def _refined(lines: Sequence[str], hunk: _Hunk) -> Iterator[_Hunk]:
    """The hunk, split so that it has no unchanged lines."""
    old = lines[hunk.start : hunk.end]
    if len(old) + len(hunk.new) > _REFINED:
        yield hunk
        return
    for tag, a, b, c, d in difflib.SequenceMatcher(None, old, hunk.new).get_opcodes():
        if tag != "equal":
            yield _Hunk(hunk.start + a, hunk.start + b, hunk.new[c:d])


def _joined(hunks: Iterator[_Hunk]) -> Iterator[_Hunk]:
    """Join hunks that have no line between them."""
    before: _Hunk | None = None
    for hunk in hunks:
        if before and before.end == hunk.start:
            before.end, before.new = hunk.end, before.new + hunk.new
            continue
        if before:
            yield before
        before = hunk
    if before:
        yield before


def _take_in_last_line(lines: Sequence[str], changes: list[_Hunk]) -> None:
    """Add the line before the last change to it, if that line gains or loses its line end through the change."""
    change = changes[-1]
    if change.start > 0 and (change.start == change.end or not change.new):
        change.start -= 1
        change.new = [lines[change.start], *change.new]
        changes[:] = _joined(iter(changes))


def _grouped(changes: Sequence[_Hunk]) -> Iterator[list[_Hunk]]:
    group: list[_Hunk] = []
    for change in changes:
        if group and change.start - group[-1].end > 2 * CONTEXT:
            yield group
            group = []
        group.append(change)
    if group:
        yield group


def _body(lines: Sequence[str], group: Sequence[_Hunk], missing: str) -> Iterator[str]:
    at = max(group[0].start - CONTEXT, 0)
    for change in group:
        for index in range(at, change.start):
            yield f" {lines[index]}"
        for index in range(change.start, change.end):
            yield _line(f"-{lines[index]}", missing if index + 1 == len(lines) else "")
        is_last = change.end == len(lines)
        for number, text in enumerate(change.new, 1):
            yield _line(f"+{text}", missing if is_last and number == len(change.new) else "")
        at = change.end
    for index in range(at, min(at + CONTEXT, len(lines))):
        yield _line(f" {lines[index]}", missing if index + 1 == len(lines) else "")


def _line(text: str, missing: str) -> str:
    return f"{text.removesuffix(missing)}\n{NO_NEWLINE}" if missing else text


def _range(start: int, length: int) -> str:
    """A range as `diff -u` writes it: lines count from 1, and a range without lines names the line before it."""
    if length == 1:
        return str(start + 1)
    return f"{start + 1 if length else start},{length}"


def _lines(text: str) -> list[str]:
    """The lines of a text. Only a line feed ends a line, as in diff and git."""
    return [f"{line}\n" for line in text.split("\n")[:-1]]
