"""Tables: aligned by what a terminal shows, stable when piped, and nothing in a cell can break out of it."""

import pytest

from kubectl_caps.report.table import Column, table
from kubectl_caps.report.terminal import Screen
from kubectl_caps.report.width import width_of, wrapped


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
def test_columns_are_aligned_by_their_width_on_the_terminal(cell: str, columns: int) -> None:
    _, row = table(["A", "B"], [[cell, "x"]])
    shown, x = row[:-1].rstrip(" "), row[-1]
    assert (x, len(row) - 1 - len(shown)) == ("x", 3)
    wide, _ = table(["A", "B"], [[cell, ""]])
    assert wide == "A" + " " * (columns - 1 + 3) + "B"


def test_no_line_ends_in_blanks() -> None:
    lines = list(table(["NAME", "LONG"], [["a", "b"], ["a", "much longer"]]))
    assert lines == ["NAME   LONG", "a      b", "a      much longer"]


HEADERS = [Column("NAME"), Column("ADD", leaves=2), Column("IMAGE", leaves=1), Column("RISK", colours={"high": "31"})]
ROWS = [
    ["deployment.apps/web", "NET_ADMIN,NET_RAW", "registry.example.com/shop/web:1.2.3", "high"],
    ["deployment.apps/漢字", "", "a", "low"],
]
SCREENS = {
    100: """
        NAME                   ADD                 IMAGE                                 RISK
        deployment.apps/web    NET_ADMIN,NET_RAW   registry.example.com/shop/web:1.2.3   high
        deployment.apps/漢字   <none>              a                                     low
    """,
    70: """
        NAME                  ADD                 IMAGE                   RISK
        deployment.apps/web   NET_ADMIN,NET_RAW   registry.example.com/   high
                                                  shop/web:1.2.3
        deployment.apps/      <none>              a                       low
        漢字
    """,
    40: """
        NAME               ADD          RISK
        deployment.apps/   NET_ADMIN,   high
        web                NET_RAW
        deployment.apps/   <none>       low
        漢字
        Left out, because the terminal has 40 columns: IMAGE
    """,
    20: """
        NAME  deployment.
              apps/web
        RISK  high

        NAME  deployment.
              apps/漢字
        RISK  low
        Left out, because the terminal has 20 columns: ADD, IMAGE
    """,
}


@pytest.mark.parametrize("columns", SCREENS)
def test_a_table_fits_the_screen(columns: int) -> None:
    lines = list(table(HEADERS, ROWS, Screen(columns)))
    assert lines == [line.removeprefix(" " * 8) for line in SCREENS[columns].splitlines()[1:-1]]
    assert max(width_of(line) for line in lines if not line.startswith("Left out")) <= columns


def test_colours_change_no_width() -> None:
    plain = list(table(HEADERS, ROWS, Screen(70)))
    coloured = list(table(HEADERS, ROWS, Screen(70, colours=True)))
    assert [line.replace("\x1b[31m", "").replace("\x1b[0m", "") for line in coloured] == plain
    assert sum("\x1b[31mhigh\x1b[0m" in line for line in coloured) == 1


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        ("", 3, [""]),
        ("a b", 3, ["a b"]),
        ("one two", 4, ["one", "two"]),
        ("A,B,C", 4, ["A,B,", "C"]),
        ("apps/web", 5, ["apps/", "web"]),
        ("web-frontend", 8, ["web-fron", "tend"]),
        ("shop-frontend", 8, ["shop-", "frontend"]),
        ("漢字漢", 4, ["漢字", "漢"]),
        ("漢", 1, ["漢"]),
        ("ééé", 2, ["éé", "é"]),
    ],
    ids=ascii,
)
def test_a_text_is_broken_between_words(text: str, width: int, lines: list[str]) -> None:
    assert wrapped(text, width) == lines
