"""Outputs on a real terminal of 40, 80, 120 and 200 columns, and in a pipe: word for word those of screens/.

`UPDATE=1 pytest` writes the files anew: then look at them.
"""

import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from pseudo_terminal import on_terminal

from kubectl_caps.report.width import width_of

ROOT = Path(__file__).parents[2]
SCREENS = Path(__file__).parent / "screens"
COMMANDS = {
    "inspect": "inspect -f examples -R --sort-by risk",
    "detail": "inspect -f examples/nginx.yaml",
    "harden": "harden -f examples --check",
    "wide-characters": "inspect -f tests/report/screens/wide-characters.yaml",
    "label-ns": "label-ns -f examples/shop.yaml --check",
}
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
RISK = re.compile(r"\b(?:critical|high|medium|low)\b")
CURSOR = re.compile(r"\r?\x1b\[K")


def caps(line: str) -> list[str]:
    """The command line of this checkout."""
    return [sys.executable, "-m", "kubectl_caps", *line.split()]


def compare(name: str, text: str) -> None:
    """The text is that of the file."""
    file = SCREENS / f"{name}.txt"
    if os.environ.get("UPDATE"):
        file.write_text(text)
    assert text == file.read_text()


@pytest.mark.parametrize("columns", [40, 80, 120, 200])
@pytest.mark.parametrize("command", COMMANDS)
def test_the_output_on_a_terminal(command: str, columns: int) -> None:
    text = CURSOR.sub("", on_terminal(caps(COMMANDS[command]), columns, cwd=str(ROOT)))
    compare(f"{command}-{columns}", text.replace("\x1b", "<ESC>"))


@pytest.mark.parametrize("columns", [40, 80, 120, 200])
@pytest.mark.parametrize("command", ["inspect", "wide-characters"])
def test_no_line_of_a_table_is_wider_than_the_terminal_and_no_risk_is_missing(command: str, columns: int) -> None:
    shown = COLOUR.sub("", CURSOR.sub("", on_terminal(caps(COMMANDS[command]), columns, cwd=str(ROOT)))).splitlines()
    end = next(at for at, line in enumerate(shown) if re.match(r"[0-9]+ workloads?, ", line))
    table = [line for line in shown[:end] if not line.startswith("Left out")]
    assert max(map(width_of, table)) <= columns
    assert Counter(RISK.findall("\n".join(table))) == Counter(RISK.findall(piped(COMMANDS[command])))


def piped(line: str, **env: str) -> str:
    """What a command writes to a pipe."""
    environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"} | env
    done = subprocess.run(caps(line), cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    return done.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_a_pipe_gets_whole_tables_without_colours(command: str) -> None:
    text = piped(COMMANDS[command])
    compare(f"{command}-piped", text)
    assert piped(COMMANDS[command], COLUMNS="40", FORCE_COLOR="1") == text
    assert "\x1b" not in text
    assert "Left out, because the terminal" not in text


@pytest.mark.parametrize("env", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=str)
def test_a_terminal_without_colours_gets_the_same_words(env: dict[str, str]) -> None:
    coloured = on_terminal(caps(COMMANDS["inspect"]), 120, cwd=str(ROOT))
    plain = on_terminal(caps(COMMANDS["inspect"]), 120, env, cwd=str(ROOT))
    assert COLOUR.search(coloured)
    assert not COLOUR.search(plain)
    assert COLOUR.sub("", coloured) == plain


def test_the_worst_stand_last_on_a_terminal_and_first_in_a_pipe() -> None:
    shown = COLOUR.sub("", on_terminal(caps(COMMANDS["inspect"]), 200, cwd=str(ROOT))).splitlines()
    rows = [line.split() for line in shown if re.search(r"\.apps/|\.batch/|pod/", line) and "worst" not in line]
    ranks = {risk: rank for rank, risk in enumerate(("none", "low", "medium", "high", "critical"))}
    order = [max(ranks.get(word, 0) for word in row) for row in rows]
    assert order == sorted(order)
    assert len(order) == 11
    assert "pod/node-debug: critical" in next(line for line in shown if line.startswith("The worst: "))
    assert " critical " in piped(COMMANDS["inspect"]).splitlines()[1]


def test_columns_of_the_environment_count_before_those_of_the_terminal() -> None:
    as_named = on_terminal(caps(COMMANDS["inspect"]), 200, {"COLUMNS": "80"}, cwd=str(ROOT))
    assert as_named == on_terminal(caps(COMMANDS["inspect"]), 80, cwd=str(ROOT))


def test_a_terminal_loads_no_library_for_tables() -> None:
    code = "import sys, runpy; sys.argv[1:] = ['inspect', '-f', 'examples/api.yaml']\n"
    code += "try: runpy.run_module('kubectl_caps', run_name='__main__')\n"
    code += "finally: print(sorted({'rich', 'prompt_toolkit', 'wcwidth', 'kubernetes'} & set(sys.modules)))"
    assert on_terminal([sys.executable, "-c", code], 80, cwd=str(ROOT)).endswith("[]\n")
