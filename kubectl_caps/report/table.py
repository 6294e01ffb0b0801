"""Tables like kubectl's: upper-case headers, columns three blanks apart, no borders, no trailing blanks.

A table for a pipe is as wide as its cells. A table for a terminal is made to fit: cells wrap between words, then
columns are left out in the order of `Column.leaves`, and the last line names them. A colour only repeats the meaning of
a word.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import NamedTuple

from kubectl_caps.report.terminal import Screen, coloured, escaped, screen
from kubectl_caps.report.width import width_of, words_of, wrapped

GAP = 3
_SMALL_GAP = 2
_LONGEST_WORD = 24
"""A longer word, such as the name of a pod, may be cut before a column is left out."""


class Column(NamedTuple):
    """A column: its title, and its turn to be left out on a narrow terminal: 0 is never, 1 is first.

    `colours` maps the text of a cell to its colour.
    """

    title: str
    leaves: int = 0
    colours: Mapping[str, str] = {}


class MadeAgain(Iterable[Sequence[str]]):
    """The rows of a large table: `make` makes them for each reading, because all at once would take much memory."""

    def __init__(self, make: Callable[[], Iterator[Sequence[str]]]) -> None:
        self._make = make

    def __iter__(self) -> Iterator[Sequence[str]]:
        return self._make()


class _Layout(NamedTuple):
    """The indexes of the shown columns, the width of each column, and the number of blanks between two columns."""

    shown: Sequence[int]
    widths: Mapping[int, int]
    gap: int = GAP

    @property
    def total(self) -> int:
        """The width of a line, in columns of a terminal."""
        return sum(self.widths[index] for index in self.shown) + self.gap * (len(self.shown) - 1)


def table(
    headers: Sequence[str | Column],
    rows: Sequence[Sequence[str]] | MadeAgain,
    shown_on: Screen | None = None,
    indent: int = 0,
) -> Iterator[str]:
    """The lines of a table that fits the screen, by default the screen of standard output.

    Cells are escaped, and an empty cell is printed as `<none>`. On the narrowest screens each row is a block of lines.
    """
    shown_on = screen() if shown_on is None else shown_on
    columns = [Column(header) if isinstance(header, str) else header for header in headers]
    cells = MadeAgain(lambda: map(_printed, rows))
    inner = shown_on._replace(columns=max(shown_on.columns - indent, 1) if shown_on.columns else 0)
    layout = _layout(columns, cells, inner.columns)
    shape = _rows if not inner.columns else _lines if layout.total <= inner.columns else _blocks
    for line in shape(columns, cells, layout, inner):
        yield f"{' ' * indent}{line}".rstrip()
    left = [column.title for index, column in enumerate(columns) if index not in layout.shown]
    if left:
        yield f"{' ' * indent}Left out, because the terminal has {shown_on.columns} columns: {', '.join(left)}"


def escaped_cells(row: Sequence[str]) -> Sequence[str]:
    """The cells of a row, escaped. Most rows need no escapes, and are looked at once."""
    text = "".join(row)
    return row if text.isascii() and text.isprintable() else list(map(escaped, row))


def _printed(row: Sequence[str]) -> Sequence[str]:
    return [cell or "<none>" for cell in escaped_cells(row)]


def _with_titles(columns: Sequence[Column], rows: Iterable[Sequence[str]]) -> Iterator[Sequence[str]]:
    return chain([[column.title for column in columns]], rows)


def _rows(
    columns: Sequence[Column], rows: Iterable[Sequence[str]], layout: _Layout, shown_on: Screen
) -> Iterator[str]:
    """The titles and the rows, each in one line."""
    widths = [layout.widths[index] + layout.gap for index in range(len(columns))]
    line_format = "".join(f"%-{width}s" for width in widths)
    for row in _with_titles(columns, rows):
        line = line_format % tuple(row)
        if line.isascii() and not shown_on.colours:
            yield line
            continue
        yield "".join(
            coloured(cell, _colour(column, cell, shown_on)) + " " * (width - width_of(cell))
            for column, cell, width in zip(columns, row, widths, strict=True)
        )


def _lines(
    columns: Sequence[Column], rows: Iterable[Sequence[str]], layout: _Layout, shown_on: Screen
) -> Iterator[str]:
    """The lines of the titles and of the rows. A row has as many lines as its highest cell."""
    widths = dict.fromkeys(layout.shown, 0)
    for row in _with_titles(columns, rows):
        for index, width in widths.items():
            widths[index] = max(width, *map(width_of, wrapped(row[index], layout.widths[index])))
    for row in _with_titles(columns, rows):
        cell = {index: wrapped(row[index], layout.widths[index]) for index in layout.shown}
        for number in range(max(map(len, cell.values()))):
            line = ""
            for index, parts in cell.items():
                text = parts[number] if number < len(parts) else ""
                blanks = " " * (widths[index] - width_of(text) + layout.gap)
                line += coloured(text, _colour(columns[index], row[index], shown_on)) + blanks
            yield line


def _blocks(
    columns: Sequence[Column], rows: Iterable[Sequence[str]], layout: _Layout, shown_on: Screen
) -> Iterator[str]:
    """Each row as a block: a line with title and cell for each column."""
    label = max(len(columns[index].title) for index in layout.shown) + _SMALL_GAP
    for number, row in enumerate(rows):
        yield from [""] if number else []
        for index in layout.shown:
            colour = _colour(columns[index], row[index], shown_on)
            first, *others = wrapped(row[index], max(shown_on.columns - label, 8))
            yield f"{columns[index].title:<{label}}{coloured(first, colour)}"
            yield from (" " * label + coloured(other, colour) for other in others)


def _colour(column: Column, cell: str, shown_on: Screen) -> str:
    return column.colours.get(cell, "") if shown_on.colours else ""


def _layout(columns: Sequence[Column], rows: Iterable[Sequence[str]], limit: int) -> _Layout:
    """The layout of a table of at most `limit` columns, if possible; 0 is no limit.

    Cells are wrapped first, then the gaps are narrowed, then columns are left out.
    """
    widest = [0] * len(columns)
    for row in _with_titles(columns, rows):
        widest = list(map(max, widest, map(width_of, row)))
    wanted = dict(enumerate(widest))
    found = _Layout(range(len(columns)), wanted)
    if not limit or found.total <= limit:
        return found
    floors = {index: _floor(column.title, {row[index] for row in rows}) for index, column in enumerate(columns)}
    order = sorted((index for index, column in enumerate(columns) if column.leaves), key=lambda i: columns[i].leaves)
    shown = list(range(len(columns)))
    for leaving in [None, *order]:
        shown = [index for index in shown if index != leaving]
        for gap in (GAP, _SMALL_GAP):
            found = _shrunk(_Layout(shown, wanted, gap), floors, limit)
            if found.total <= limit:
                return found
    return found


def _floor(title: str, cells: Iterable[str]) -> int:
    """The smallest width of a column: its title and its words are not cut, except very long words."""
    longest = max((width_of(piece) for cell in cells for piece in words_of(cell)), default=0)
    return max(width_of(title), min(longest, _LONGEST_WORD))


def _shrunk(layout: _Layout, floors: Mapping[int, int], limit: int) -> _Layout:
    """The layout with its widest columns narrowed until it fits. No column gets narrower than its floor."""
    widths = dict(layout.widths)
    excess = layout.total - limit
    while excess > 0:
        able = [index for index in layout.shown if widths[index] > floors[index]]
        if not able:
            break
        widths[max(able, key=widths.__getitem__)] -= 1
        excess -= 1
    return layout._replace(widths=widths)
