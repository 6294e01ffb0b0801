"""Pages of help at 80 columns: word for word those of tests/cli/help; `UPDATE=1 pytest` writes them anew."""

import os
from pathlib import Path

import pytest

from kubectl_caps import main
from kubectl_caps.cli.commands import COMMANDS
from kubectl_caps.cli.flags import COMMON, program_name
from kubectl_caps.cli.help import page

PAGES = Path(__file__).parent / "help"
TOPICS = ["", *COMMANDS]


@pytest.fixture(autouse=True)
def _as_kubectl_runs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["kubectl-caps"])
    monkeypatch.setenv("COLUMNS", "80")


@pytest.mark.parametrize("topic", TOPICS)
def test_the_page_at_80_columns(topic: str) -> None:
    file = PAGES / f"{topic or 'all'}.txt"
    if os.environ.get("UPDATE"):
        file.write_text(page(topic))
    assert page(topic) == file.read_text()


@pytest.mark.parametrize("topic", TOPICS)
def test_a_page_fits_60_lines_of_80_columns(topic: str) -> None:
    lines = page(topic).splitlines()
    assert len(lines) <= 60
    assert [line for line in lines if len(line) > 80] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_every_flag_stands_on_the_page_of_its_command_or_of_the_options(name: str) -> None:
    shown = page(name) + page("options")
    flags = [flag.names[-1] for flag in COMMANDS[name].flags() if flag.names[0].startswith("-")]
    assert [flag for flag in flags if f" {flag}" not in shown] == []


def test_the_flags_of_the_cluster_stand_on_no_page_of_a_command() -> None:
    cluster = [flag.names[-1] for group in COMMON for flag in group.flags]
    assert [(name, flag) for name in COMMANDS for flag in cluster if name != "options" and flag in page(name)] == []


@pytest.mark.parametrize("name", [name for name in COMMANDS if COMMANDS[name].examples])
def test_the_order_is_kubectls_examples_flags_usage(name: str) -> None:
    titles = [line for line in page(name).splitlines() if line.endswith(":") and not line.startswith(" ")]
    groups = [f"{group.title}:" for group in COMMANDS[name].groups if group.title]
    assert titles == ["Examples:", *groups, "Usage:"]


@pytest.mark.parametrize(("columns", "longest"), [("40", 60), ("80", 80), ("300", 100), ("0", 80), ("many", 80)])
def test_texts_wrap_at_the_width_of_the_terminal_up_to_a_readable_maximum(
    columns: str, longest: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    texts = [line for line in page("harden").splitlines() if line.startswith(" " * 33)]
    assert longest - 40 < max(map(len, texts)) <= longest


@pytest.mark.parametrize(
    ("argv", "topic"),
    [
        ([], ""),
        (["-h"], ""),
        (["--help"], ""),
        (["help"], ""),
        (["help", "harden"], "harden"),
        (["harden", "--help"], "harden"),
        (["harden", "web", "--add", "CHOWN", "-h"], "harden"),
        (["options"], "options"),
        (["help", "options"], "options"),
    ],
    ids=" ".join,
)
def test_every_way_to_ask_for_a_page_prints_the_page(
    argv: list[str], topic: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        status = main.main(argv)
    except SystemExit as end:
        status = int(end.code or 0)
    assert (status, *capsys.readouterr()) == (0, page(topic), "")


def test_the_version_can_be_asked_for_with_a_flag(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["--version"]) == 0
    text = capsys.readouterr().out
    assert main.main(["version", "--client"]) == 0
    assert capsys.readouterr().out == text


def test_examples_name_the_program_as_it_was_called(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["__main__.py"])
    assert program_name() == "python -m kubectl_caps"
    assert "  python -m kubectl_caps inspect\n" in page("inspect")
