"""Renders pages of help in kubectl's order: the summary, examples, flags by group, usage."""

import os
from collections.abc import Iterator

from kubectl_caps.cli.commands import COMMANDS
from kubectl_caps.cli.flags import ACCEPTED, CHANGED, COMMON, Flag, Group, program_name

_FLAGS_END = 33
"""The column where the texts of flags begin. The text of a longer flag begins on the next line."""
_NARROWEST, _WIDEST = 60, 100


def page(command: str) -> str:
    """The help of one command. For "" the list of all commands, for `options` the flags of the cluster."""
    lines = _all_commands() if not command else _options() if command == "options" else _command(command)
    return "".join(f"{line}\n" for line in lines)


def _all_commands() -> Iterator[str]:
    yield "See, drop and enforce Linux capabilities of Kubernetes workloads."
    yield ""
    yield "Commands:"
    for name, command in COMMANDS.items():
        yield from _entry(f"  {name}", command.summary, 14)
    yield ""
    yield "Usage:"
    yield f"  {program_name()} COMMAND [TYPE [NAME…] | TYPE/NAME… | -f FILE] [options]"
    yield ""
    yield f'Use "{program_name()} COMMAND --help" for more information about a command.'
    yield _more()


def _options() -> Iterator[str]:
    yield "These options can be passed to inspect, harden, label-ns, fit and policy:"
    for group in (*COMMON, ACCEPTED, CHANGED):
        yield from _group(group)


def _command(name: str) -> Iterator[str]:
    command = COMMANDS[name]
    yield from _wrapped(f"{command.summary}.", "")
    if command.examples:
        yield ""
        yield "Examples:"
        for comment, line in command.examples:
            yield f"  # {comment}"
            yield f"  {line.format(program=program_name())}"
    for group in command.groups:
        yield from _group(group)
    yield ""
    yield "Usage:"
    yield f"  {program_name()} {name} {command.usage}".rstrip()
    if command.common:
        yield ""
        yield _more()


def _more() -> str:
    return f'Use "{program_name()} options" for the flags of the cluster and of custom kinds.'


def _group(group: Group) -> Iterator[str]:
    flags = [flag for flag in group.flags if flag.names[0].startswith("-")]
    if flags:
        yield ""
        yield f"{group.title}:"
    for flag in flags:
        yield from _entry(_label(flag), flag.help, _FLAGS_END)


def _label(flag: Flag) -> str:
    """The label of a flag, such as `  -n, --namespace NAMESPACE`. An optional value stands in brackets."""
    short = f"  {flag.names[0]}, " if len(flag.names) > 1 else "      "
    shown = "|".join(flag.values) if flag.value == "VALUE" else flag.value
    value = f"[={shown}]" if flag.alone else f" {shown}" if shown else ""
    return f"{short}{flag.names[-1]}{value}"


def _entry(label: str, text: str, column: int) -> Iterator[str]:
    """The lines of a label with its text in a column. A label that is too long has its own line."""
    lines = list(_wrapped(text, " " * column))
    if len(label) + 2 > column:
        yield label
        yield from lines
    else:
        yield f"{label:<{column}}{lines[0][column:]}"
        yield from lines[1:]


def _wrapped(text: str, indent: str) -> Iterator[str]:
    """The text in lines that fit the terminal."""
    line = ""
    for word in text.split():
        if line and len(indent) + len(line) + 1 + len(word) > _width():
            yield indent + line
            line = ""
        line = f"{line} {word}".lstrip()
    yield indent + line


def _width() -> int:
    """The number of columns of a page: of the terminal, or of $COLUMNS, between _NARROWEST and _WIDEST."""
    named = os.environ.get("COLUMNS", "")
    try:
        columns = int(named) if named.isdecimal() else os.get_terminal_size(1).columns
    except OSError:  # standard output is not a terminal
        columns = 0
    return max(_NARROWEST, min(columns or 80, _WIDEST))
