"""`inspect` on files: what is printed in which order, and what it refuses."""

import json
from pathlib import Path

import jsonschema
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


def test_sort_by_accepts_only_risk(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run(capsys, "-f", EXAMPLES, "--sort-by", "name")
    assert (status, out) == (2, "")
    assert err == 'error: invalid argument "name" for "--sort-by" flag: must be risk\n'


def test_the_json_conforms_to_the_schema(capsys: pytest.CaptureFixture[str]) -> None:
    schema = json.loads((Path(__file__).parents[2] / "docs" / "inspection.schema.json").read_text())
    document = json.loads(run(capsys, "-f", EXAMPLES, "-o", "json")[1])
    assert document["items"]
    jsonschema.Draft202012Validator(schema).validate(document)


LIVE_FLAGS = {
    ("-f", EXAMPLES, "--live"): "error: --live reads running containers: it does not go with -f",
    ("--live=exce",): 'error: invalid argument "exce" for "--live" flag: must be exec or ephemeral',
    ("--live=ephemeral",): "error: --live=ephemeral needs --image, an image with a shell",
    ("--live", "--image", "busybox"): "error: --image goes with --live=ephemeral",
}


@pytest.mark.parametrize(("flags", "words"), LIVE_FLAGS.items(), ids=map(" ".join, LIVE_FLAGS))
def test_flags_that_do_not_go_together(capsys: pytest.CaptureFixture[str], flags: list[str], words: str) -> None:
    assert run(capsys, *flags) == (2, "", f"{words}\n")
