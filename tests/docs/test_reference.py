"""docs/reference/ is made of the tables of the command line; `UPDATE=1 pytest tests/docs` writes it anew."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from kubectl_caps.cli.commands import COMMANDS, Command
from kubectl_caps.cli.flags import Flag, Group

FOLDER = Path(__file__).parents[2] / "docs" / "reference"
PAGES = {name: command for name, command in COMMANDS.items() if name not in ("help", "options")}
STATUSES: dict[str, tuple[str, str, str]] = {
    "inspect": (
        "the workloads were inspected, and no gate found anything",
        "`--fail-on` or `--require` found something",
        "something could not be read or judged, or a gate had nothing to judge",
    ),
    "harden": (
        "every object is hardened, or was so before",
        "`--check` would change something, or you declined the question",
        "an object was refused, a rollout failed, or something could not be read, edited or judged",
    ),
    "label-ns": (
        "every namespace is labeled, or was so before",
        "labels would refuse something, or loosen; with `--check`: a file would change",
        "something could not be judged, or the server refused the change",
    ),
    "fit": (
        "there is a set that works",
        "you declined the question",
        "no answer: no trial may be made, today's rights do not work, or something else than a capability is missing",
    ),
    "policy": (
        "the policy was printed, applied or removed, or policy and namespace agree",
        "`--check` found a difference; with `--apply`: something would be refused, so that nothing was changed",
        "something could not be read, or the server refused the change",
    ),
    "explain": (
        "the subject was explained",
        "the line or log has no known cause",
        "an unknown word",
    ),
    "completion": ("the script was printed", "", ""),
    "version": ("the versions were printed", "", "the server did not answer"),
}
"""What the exit statuses 0, 1 and 2 of a command mean; "" where a command has none."""


def page(name: str, command: Command) -> str:
    """The page of one command."""
    lines = [
        f"# {name}",
        "",
        f"{command.summary}.",
        "",
        "```text",
        f"kubectl caps {name} {command.usage}".rstrip(),
        "```",
    ]
    if command.examples:
        lines += ["", "## Examples", "", "```sh"]
        for comment, line in command.examples:
            lines += [f"# {comment}", line.format(program="kubectl caps")]
        lines += ["```"]
    for group in command.groups:
        lines += section(group)
    if command.common:
        titles = ", ".join(f"[{group.title}](options.md#{anchor(group)})" for group in command.common)
        lines += ["", f"More flags: {titles}."]
    return "\n".join([*lines, *statuses(name), ""])


def options() -> str:
    """The page of the flags that several commands take."""
    lines = [
        "# Flags of several commands",
        "",
        "inspect, harden, label-ns, fit and policy take these flags, and version those of the cluster.",
    ]
    for group in dict.fromkeys(group for command in COMMANDS.values() for group in command.common):
        lines += section(group)
    return "\n".join([*lines, ""])


def anchor(group: Group) -> str:
    """The address of a group's heading, as Markdown makes it."""
    kept = "".join(letter for letter in group.title.lower() if letter.isalnum() or letter in " -")
    return "-".join(kept.split())


def section(group: Group) -> Iterator[str]:
    """The flags of one group as a table. Arguments, which have no dashes, stand in it, too."""
    yield from ("", f"## {group.title or 'Arguments'}", "", "| flag | value | default | meaning |", "|---|---|---|---|")
    for flag in group.flags:
        yield f"| {' | '.join(cells(flag))} |"


def cells(flag: Flag) -> tuple[str, str, str, str]:
    """The row of one flag. A value in brackets may be left out."""
    shown = "|".join(flag.values) if flag.values and flag.value in ("VALUE", "") else flag.value
    value = f"[={shown}]" if flag.alone else shown
    default = "" if flag.default in (None, False) else str(flag.default)
    names = ", ".join(code(name) for name in flag.names) if flag.names[0].startswith("-") else "*argument*"
    return names, code(value), code(default), re.sub(r"; default \d+\w?$", "", flag.help).replace("|", "\\|")


def code(text: str) -> str:
    """A text in a cell, as code."""
    escaped = text.replace("|", "\\|")
    return f"`{escaped}`" if text else ""


def statuses(name: str) -> Iterator[str]:
    """The exit statuses of a command; those of interruption are the same for all."""
    every = (
        *zip(("0", "1", "2"), STATUSES[name], strict=True),
        ("130", "interrupted"),
        ("141", "nobody reads the output"),
    )
    yield from ("", "## Exit status", "", "| status | means |", "|---|---|")
    for status, meaning in every:
        if status == "2":
            meaning = f"{meaning}; or a wrong command line" if meaning else "a wrong command line"
        if meaning:
            yield f"| {status} | {meaning} |"


WANTED = {**{name: page(name, command) for name, command in PAGES.items()}, "options": options()}


@pytest.mark.parametrize("name", WANTED)
def test_the_reference_lists_the_flags_of_the_command_line(name: str) -> None:
    path = FOLDER / f"{name}.md"
    if os.environ.get("UPDATE"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(WANTED[name])
    assert path.read_text() == WANTED[name], "UPDATE=1 pytest tests/docs/test_reference.py writes it"


def test_every_flag_is_in_the_reference_and_no_other_page_is() -> None:
    assert {path.stem for path in FOLDER.glob("*.md")} == set(WANTED)
    text = "".join(WANTED.values())
    for command in COMMANDS.values():
        for flag in command.flags():
            assert not flag.names[0].startswith("-") or f"`{flag.names[-1]}`" in text, flag.names
