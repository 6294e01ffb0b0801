"""Sessions in pages: the commands of fenced blocks with their output, run as they stand."""

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

_STATUS = re.compile(r"\(exit status (\d+)\)")


class Step(NamedTuple):
    """A command, what the page shows of its output, and its exit status."""

    command: str
    shown: tuple[str, ...]
    status: int


def steps(page: Path, kind: str) -> list[Step]:
    """The commands of the page's blocks of this kind, in order.

    `$ ` begins a command and `> ` continues it; the lines below are its output, and `(exit status N)` its status.
    """
    found: list[Step] = []
    for block in re.findall(rf"^```console {kind}\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            found.append(_step(part.splitlines()))
    return found


def _step(lines: list[str]) -> Step:
    more = 1
    while lines[more:] and lines[more].startswith("> "):
        more += 1
    command = "\n".join([lines[0], *(line.removeprefix("> ") for line in lines[1:more])])
    shown = [line for line in lines[more:] if line]
    said = _STATUS.fullmatch(shown[-1]) if shown else None
    return Step(command, tuple(shown[:-1] if said else shown), int(said[1]) if said else 0)


def run(step: Step, folder: Path, environment: Mapping[str, str]) -> str:
    """The step's output, when it ended as the page says and printed what the page shows; else an AssertionError."""
    command = ["bash", "-c", f"exec 2>&1\n{step.command}"]
    done = subprocess.run(
        command,
        cwd=folder,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert done.returncode == step.status, f"$ {step.command}\n{done.stdout}(exit status {done.returncode})"
    missing = first_missing(step.shown, done.stdout)
    assert missing is None, f"$ {step.command}\nprints no line: {missing}\n{done.stdout}"
    return done.stdout


def first_missing(shown: tuple[str, ...], output: str) -> str | None:
    """The first line that is not there, of those that a page shows: a line `...` stands for lines, `…` for a text."""
    lines = [line.rstrip() for line in output.splitlines() if line.strip()]
    at, skips = 0, False
    for wanted in shown:
        if wanted == "...":
            skips = True
            continue
        pattern = re.compile(".*".join(re.escape(part) for part in wanted.rstrip().split("…")))
        places = range(at, len(lines)) if skips else range(at, min(at + 1, len(lines)))
        place = next((place for place in places if pattern.fullmatch(lines[place])), None)
        if place is None:
            return wanted
        at, skips = place + 1, False
    return f"the end, but {lines[at]}" if shown and at < len(lines) and not skips else None
