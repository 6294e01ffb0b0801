"""How the tests compare what a page shows with what a command prints."""

import shutil
import sys
from pathlib import Path

import pytest
from sessions import Step, first_missing, run, steps

ROOT = Path(__file__).parents[2]
OUTPUT = "one\n\ntwo web-5d8f-x2\nthree\n"


@pytest.mark.parametrize(
    ("shown", "missing"),
    [
        ((), None),
        (("one", "two web-5d8f-x2", "three"), None),
        (("one", "two web-…", "three"), None),
        (("...", "three"), None),
        (("one", "..."), None),
        (("one", "three"), "three"),
        (("one", "two"), "two"),
        (("one", "...", "two…"), "the end, but three"),
        (("...", "three", "...", "one"), "one"),
    ],
)
def test_a_line_that_is_not_printed_is_found(shown: tuple[str, ...], missing: str | None) -> None:
    assert first_missing(shown, OUTPUT) == missing


def test_the_commands_print_the_samples_of_the_readme(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    samples = steps(ROOT / "README.md", "sample")
    assert len(samples) > 1
    for step in samples:
        ours = step._replace(command=step.command.replace("kubectl caps", "kubectl-caps"))
        run(ours, tmp_path, {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"})


def test_a_block_is_read_as_commands_with_output_and_status(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "```console story\n$ cat <<E\n> x\n> E\nx\n\n$ false\n(exit status 1)\n$ true\n```\n```console\n$ no\n```\n"
    )
    assert steps(page, "story") == [Step("cat <<E\nx\nE", ("x",), 0), Step("false", (), 1), Step("true", (), 0)]
    assert [run(step, tmp_path, {"PATH": "/usr/bin:/bin"}) for step in steps(page, "story")] == ["x\n", "", ""]


@pytest.mark.parametrize("step", [Step("false", (), 0), Step("echo x", ("y",), 0)])
def test_another_status_or_output_fails(step: Step, tmp_path: Path) -> None:
    with pytest.raises(AssertionError):
        run(step, tmp_path, {"PATH": "/usr/bin:/bin"})
