"""`inspect` on files: what is printed in which order, and what it refuses."""

import json
from pathlib import Path

import pytest

from kubectl_caps.main import main

EXAMPLES = str(Path(__file__).parents[2] / "examples")


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    status = main(["inspect", *arguments])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_sort_by_risk_puts_the_worst_first_and_leaves_the_rest_in_order(capsys: pytest.CaptureFixture[str]) -> None:
    order = ["critical", "high", "medium", "low", "none"]
    plain = json.loads(run(capsys, "-f", EXAMPLES, "-o", "json")[1])["items"]
    sorted_ = json.loads(run(capsys, "-f", EXAMPLES, "-o", "json", "--sort-by", "risk")[1])["items"]
    assert plain != sorted_
    assert sorted_ == sorted(plain, key=lambda item: order.index(item["risk"]))


def test_only_risk_can_be_sorted_by(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run(capsys, "-f", EXAMPLES, "--sort-by", "name")
    assert (status, out) == (2, "")
    assert err == 'error: invalid argument "name" for "--sort-by" flag: must be risk\n'
