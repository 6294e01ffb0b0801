"""Tables of kubectl's kind: upper-case headers, columns three blanks apart, no borders, no trailing blanks."""

import unicodedata
from collections.abc import Iterator, Sequence

from kubectl_caps.report.terminal import escaped

GAP = 3


def table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """The lines of a table; cells are escaped, an empty one is printed as `<none>`."""
    cells = [[escaped(cell) or "<none>" for cell in row] for row in rows]
    widths = [max(map(_width, column)) for column in zip(headers, *cells, strict=True)]
    for row in [list(headers), *cells]:
        padded = (cell + " " * (width - _width(cell) + GAP) for cell, width in zip(row, widths, strict=True))
        yield "".join(padded).rstrip()


def _width(text: str) -> int:
    """How many columns a terminal needs for it."""
    if text.isascii():
        return len(text)
    return sum(map(_columns, text))


def _columns(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
