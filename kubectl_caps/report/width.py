"""Measures the columns of a text on a terminal, and wraps texts to a width.

The widths are those of Unicode's East_Asian_Width (UAX #11): wide and fullwidth characters take two columns, and
combining marks take none.
"""

import re
import unicodedata

_PIECE = re.compile(r"[^ ,/]*[,/]* *")
"""A word with the blanks after it. Commas and slashes end a word."""

_SHORT = 4
"""A word is not broken at a dash or a dot after so few characters."""


def width_of(text: str) -> int:
    """The number of columns that a text takes on a terminal."""
    if text.isascii():
        return len(text)
    return sum(map(_columns, text))


def _columns(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def words_of(text: str) -> list[str]:
    """The words of a text. A word also ends after a comma or a slash."""
    return [piece.rstrip() for piece in _PIECE.findall(text)]


def wrapped(text: str, width: int) -> list[str]:
    """A text in lines of at most `width` columns, at least one. Lines break between words; a longer word is cut."""
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
    """The start of a text that fits, at least one character. It ends after a dash or a dot, if it has one."""
    end = 1
    while end < len(text) and width_of(text[: end + 1]) <= width:
        end += 1
    soft = max(text.rfind(mark, 0, end) for mark in "-.") + 1
    return text[:soft] if soft > _SHORT else text[:end]
