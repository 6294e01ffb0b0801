"""Tables: aligned by what a terminal shows, stable when piped, and nothing in a cell can break out of it."""

import pytest

from kubectl_caps.report.table import table


@pytest.mark.parametrize(
    ("cell", "columns"),
    [
        ("plain", 5),
        ("é", 1),
        ("e\u0301", 1),
        ("漢字", 4),
        ("\u2764\ufe0f", 1),
        ("a\tb", 4),
        ("a\nb", 4),
        ("\x1b[31m", 8),
        ("", 6),
    ],
    ids=ascii,
)
def test_the_next_column_begins_where_the_terminal_shows_it(cell: str, columns: int) -> None:
    _, row = table(["A", "B"], [[cell, "x"]])
    shown, x = row[:-1].rstrip(" "), row[-1]
    assert (x, len(row) - 1 - len(shown)) == ("x", 3)
    wide, _ = table(["A", "B"], [[cell, ""]])
    assert wide == "A" + " " * (columns - 1 + 3) + "B"


def test_no_line_ends_in_blanks() -> None:
    lines = list(table(["NAME", "LONG"], [["a", "b"], ["a", "much longer"]]))
    assert lines == ["NAME   LONG", "a      b", "a      much longer"]
