"""docs/troubleshooting.md: our messages are in the code; the lines of other programs have the causes named there."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from kubectl_caps.main import main

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "troubleshooting.md").read_text()


def rows(first: str, after: str) -> list[tuple[str, str]]:
    """The first cell, bare, and the second of the rows between two headings."""
    part = PAGE.partition(first)[2].partition(after)[0] if after else PAGE.partition(first)[2]
    return re.findall(r"^\| `([^`]*)`(?: \(\w+\))? \| ([^|]*) \|", part, re.MULTILINE)


PROGRAMS = rows("## Lines of programs", "## Lines that only")
OTHERS = rows("## Lines that only", "## Messages of kubectl caps")
OURS = [message for message, _ in rows("## Messages of kubectl caps", "")]


@cache
def texts() -> list[str]:
    """Every text of the code; an f-string has `…` for what it fills in."""
    return [text for path in (ROOT / "kubectl_caps").rglob("*.py") for text in _texts(ast.parse(path.read_text()))]


def _texts(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)


def test_the_page_has_rows() -> None:
    assert (len(PROGRAMS) > 8, len(OTHERS) > 6, len(OURS) > 25) == (True, True, True)


@pytest.mark.parametrize("message", OURS)
def test_our_messages_are_in_the_code(message: str) -> None:
    pattern = re.compile(".*".join(re.escape(part) for part in message.split("…")), re.DOTALL)
    assert any(pattern.search(text) for text in texts()), message


@pytest.mark.parametrize(("line", "cause"), PROGRAMS)
def test_a_line_of_a_program_has_the_capability_that_the_page_names(
    line: str, cause: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", line]) == 0
    (capability,) = re.findall(r"^([A-Z_]{4,}) is missing", cause)
    assert re.search(rf"\b{capability}\b", capsys.readouterr().out)


@pytest.mark.parametrize("line", [line for line, _ in OTHERS])
def test_a_lookalike_line_is_explained_without_a_missing_capability(
    line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", line]) == 0
    assert "missing" not in capsys.readouterr().out.lower()
