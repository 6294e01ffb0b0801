"""`explain` prints a check's docstring, and docs/checks.md is made of the same; `UPDATE=1 pytest` writes it anew."""

import os
from pathlib import Path

import pytest

from kubectl_caps.core.podsecurity.registry import CHECKS
from kubectl_caps.main import main
from kubectl_caps.report.manual import markdown

PAGE = Path(__file__).parents[2] / "docs" / "checks.md"


def test_the_page_in_the_docs_says_what_the_docstrings_say() -> None:
    wanted = markdown(CHECKS)
    if os.environ.get("UPDATE"):
        PAGE.write_text(wanted)
    assert PAGE.read_text() == wanted


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_every_check_is_explained_with_fields_values_and_examples(
    check: object, capsys: pytest.CaptureFixture[str]
) -> None:
    name = getattr(check, "id", "")
    assert main(["explain", name]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"{name}: ")
    assert [heading for heading in ("Fields:", "Allowed:", "Passes:", "Fails:") if heading not in out] == []


def test_without_a_name_the_checks_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain"]) == 0
    listed = [line.split()[0] for line in capsys.readouterr().out.splitlines()[1:]]
    assert listed == [check.id for check in CHECKS]


def test_an_unknown_check_is_refused_with_the_nearest_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "hostPort"]) == 2
    assert capsys.readouterr().err == 'error: unknown check "hostPort", did you mean hostPorts?\n'
