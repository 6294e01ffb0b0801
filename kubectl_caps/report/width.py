"""The columns that a text takes on a terminal, and texts in lines of a given width.

The widths are those of Unicode's East_Asian_Width (UAX #11): wide and fullwidth characters take two columns, combining
marks none.
"""

import re
import unicodedata

_PIECE = re.compile(r"[^ ,/]*[,/]* *")
"""A word, also one that ends in commas or slashes, with the blanks behind."""

_SHORT = 4
"""A word is not cut behind so few characters, where its line still has room."""


def width_of(text: str) -> int:
    """How many columns a terminal needs for a text."""
    if text.isascii():
        return len(text)
    return sum(map(_columns, text))


def _columns(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def words_of(text: str) -> list[str]:
    """The words of a text; a word also ends behind a comma or a slash."""
    return [piece.rstrip() for piece in _PIECE.findall(text)]


def wrapped(text: str, width: int) -> list[str]:
    """A text in lines of at most `width` columns, broken between words; a longer word is cut. At least one line."""
    if width_of(text) <= width:
        return [text]
    lines, line = [], ""
    for piece in _PIECE.findall(text):
        if line and width_of(line) + width_of(piece.rstrip()) > width:
            lines.append(line.rstrip())
            line = ""
        piece = piece if line else piece.lstrip()
        while width_of(piece.rstrip()) > width:
            head = _head(piece, width)
            lines.append(head)
            piece = piece[len(head) :]
        line += piece
    return [*lines, line.rstrip()] if line.strip() or not lines else lines


def _head(text: str, width: int) -> str:
    """As much of a text as fits, and at least one character; cut behind a dash or a dot if there is one."""
    end = 1
    while end < len(text) and width_of(text[: end + 1]) <= width:
        end += 1
    soft = max(text.rfind(mark, 0, end) for mark in "-.") + 1
    return text[:soft] if soft > _SHORT else text[:end]
