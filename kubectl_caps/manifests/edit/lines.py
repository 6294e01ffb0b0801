"""Finds starts, ends and indentation of lines in a text; `Splice`: the replacement of a part of the text."""

import re
from collections.abc import Sequence

from msgspec import Struct

_BLANKS = re.compile(r"[ \t]*")


class Splice(Struct, frozen=True):
    """The text between `start` and `end` becomes `text`. `indent` orders insertions at the same index."""

    start: int
    end: int
    text: str
    indent: int = 0


def splices_in_order(found: Sequence[Splice]) -> list[Splice]:
    """The splices from the start of the text on. Of two insertions at the same index, the deeper one comes first."""
    backwards = sorted(found, key=lambda splice: (splice.start, splice.end, -splice.indent), reverse=True)
    return backwards[::-1]


def lines_after(text: str, index: int, lines: Sequence[str], indent: int) -> Splice:
    """Insert lines below the line of `index`, with the line end of that line.

    Comments that are indented deeper than the new lines belong to the text above them, so the lines go below them.
    """
    at, newline = next_line(text, index), newline_at(text, index)
    while len(blanks := blanks_at(text, at)) > indent and text[at + len(blanks) : at + len(blanks) + 1] == "#":
        at = next_line(text, at + len(blanks) + 1)
    return Splice(at, at, "".join(line + newline for line in lines), indent)


def next_line(text: str, index: int) -> int:
    """The start of the line below the line of `index`. An index just after a line end belongs to the line before it."""
    if index and text[index - 1] == "\n":
        return index
    end = text.find("\n", index)
    return len(text) if end < 0 else end + 1


def line_end(text: str, index: int) -> int:
    """The index of the line end of the line of `index`."""
    end = text.find("\n", index)
    end = len(text) if end < 0 else end
    return end - 1 if text[end - 1 : end] == "\r" else end


def line_start(text: str, index: int) -> int:
    """The index of the first character of the line of `index`."""
    return text.rfind("\n", 0, index) + 1


def blanks_at(text: str, index: int) -> str:
    """The blanks and tabs that begin at `index`."""
    match = _BLANKS.match(text, index)
    return match[0] if match else ""


def newline_at(text: str, index: int) -> str:
    """The line end of the line of `index`, or of the first line if that line has none."""
    end = text.find("\n", index)
    if end < 0:
        end = text.find("\n")
    return "\r\n" if end > 0 and text[end - 1] == "\r" else "\n"
