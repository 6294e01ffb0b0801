"""Lines of a text: where the next one begins, how they end, how they are indented; and the replacement of a part."""

import re
from collections.abc import Sequence

from msgspec import Struct

_BLANKS = re.compile(r"[ \t]*")


class Splice(Struct, frozen=True):
    """The text between `start` and `end` becomes `text`; `indent` orders insertions at one place."""

    start: int
    end: int
    text: str
    indent: int = 0


def splices_in_order(found: Sequence[Splice]) -> list[Splice]:
    """From the start of the text; of two that insert at one place, the deeper one comes first in the text."""
    backwards = sorted(found, key=lambda splice: (splice.start, splice.end, -splice.indent), reverse=True)
    return backwards[::-1]


def lines_after(text: str, index: int, lines: Sequence[str], indent: int) -> Splice:
    """New lines below the line that `index` is on, in the line ends of that line.

    Comments that are indented deeper than the new lines belong to what stands above them.
    """
    at, newline = next_line(text, index), newline_at(text, index)
    while len(blanks := blanks_at(text, at)) > indent and text[at + len(blanks) : at + len(blanks) + 1] == "#":
        at = next_line(text, at + len(blanks) + 1)
    return Splice(at, at, "".join(line + newline for line in lines), indent)


def next_line(text: str, index: int) -> int:
    """The start of the line below the one that `index` is on; an index behind a line's end is on the next one."""
    if index and text[index - 1] == "\n":
        return index
    end = text.find("\n", index)
    return len(text) if end < 0 else end + 1


def line_end(text: str, index: int) -> int:
    """Where the line that `index` is on ends, its line end left out."""
    end = text.find("\n", index)
    end = len(text) if end < 0 else end
    return end - 1 if text[end - 1 : end] == "\r" else end


def line_start(text: str, index: int) -> int:
    """Where the line that `index` is on begins."""
    return text.rfind("\n", 0, index) + 1


def blanks_at(text: str, index: int) -> str:
    """The blanks and tabs that begin at `index`."""
    match = _BLANKS.match(text, index)
    return match[0] if match else ""


def newline_at(text: str, index: int) -> str:
    """The line end of the line that `index` is on, or of the first line where that has none."""
    end = text.find("\n", index)
    if end < 0:
        end = text.find("\n")
    return "\r\n" if end > 0 and text[end - 1] == "\r" else "\n"
