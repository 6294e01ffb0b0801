"""Parses argv into the values of one command's flags, with kubectl's errors."""

import argparse
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NoReturn

from kubectl_caps.cli.commands import COMMANDS
from kubectl_caps.cli.flags import Flag, program_name


class InvalidCommandLine(Exception):
    """A command line that cannot be parsed. Its text is the message. The user is pointed to the help of `program`."""

    def __init__(self, message: str, program: str) -> None:
        super().__init__(message)
        self.program = program


class _Parser(argparse.ArgumentParser):
    """An argparse parser with kubectl's errors, the pages of `cli/help.py`, and without abbreviated flags."""

    def __init__(self, command: str) -> None:
        # argparse makes a formatter for each flag, and without a width each one asks the terminal.
        super().__init__(prog=f"{program_name()} {command}", allow_abbrev=False, formatter_class=_formatter)
        self.command = command

    def format_help(self) -> str:
        """The help of the command."""
        from kubectl_caps.cli.help import page

        return page(self.command)

    def error(self, message: str) -> NoReturn:
        """Raise InvalidCommandLine with kubectl's words."""
        if message.startswith("unrecognized arguments: "):
            first = message.removeprefix("unrecognized arguments: ").split()[0].partition("=")[0]
            what = "flag" if first.startswith("-") else "argument"
            message = f"unknown {what}: {first}{did_you_mean(first, self._option_string_actions, what == 'flag')}"
        elif message.startswith("argument "):
            name, _, rest = message.removeprefix("argument ").partition(": ")
            message = f"flag needs an argument: {name}" if rest == "expected one argument" else f"{name}: {rest}"
        raise InvalidCommandLine(message, self.prog)


def _formatter(prog: str) -> argparse.HelpFormatter:
    return argparse.HelpFormatter(prog, width=80)


def did_you_mean(word: str, known: Iterable[str], wanted: bool = True) -> str:
    """`, did you mean inspect?`, or an empty text."""
    from kubectl_caps.core.nearest import hint  # only for an error: it costs some milliseconds of start-up

    return hint(word, known) if wanted else ""


def parser_of(command: str) -> argparse.ArgumentParser:
    """The parser of one command's flags."""
    parser = _Parser(command)
    for flag in COMMANDS[command].flags():
        parser.add_argument(*flag.names, **_settings(flag))
    return parser


def _settings(flag: Flag) -> Mapping[str, Any]:
    """The arguments of argparse's `add_argument` for a flag."""
    argument = not flag.names[0].startswith("-")
    if argument:
        return {"nargs": "*", "default": []} if flag.repeated else {"nargs": "?", "default": flag.default}
    dest: dict[str, Any] = {"dest": flag.dest} if flag.dest else {}
    if not flag.value:
        return {"action": "store_true", "default": flag.default, **dest}
    if flag.repeated:
        return {"action": "append", "default": [], **dest}
    optional = {"nargs": "?", "const": flag.alone} if flag.alone else {}
    return {"default": flag.default, **optional, **({"type": int} if flag.number else {}), **dest}


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """The values of a command line. `command` is the subcommand, `given` are the names of the given flags.

    Without a command, `--help` is the command `help`, and `--version` is `version --client`. Raises InvalidCommandLine.
    """
    first = argv[0] if argv else "--help"
    if first == "--version":
        argv = ["version", "--client", *argv[1:]]
    first = {"-h": "help", "--help": "help", "--version": "version"}.get(first, first)
    if first.startswith("-"):
        raise InvalidCommandLine(f"flags cannot be placed before the command: {first}", program_name())
    if first not in COMMANDS:
        words = f'unknown command "{first}" for "{program_name()}"{did_you_mean(first, COMMANDS)}'
        raise InvalidCommandLine(words, program_name())
    # As in kubectl, a flag with an optional value does not take its value from the next word.
    alone = {flag.names[0]: f"{flag.names[0]}={flag.alone}" for flag in COMMANDS[first].flags() if flag.alone}
    options = _parsed(parser_of(first), [alone.get(word, word) for word in argv[1:]])
    options.command = first
    return options


def _parsed(command: argparse.ArgumentParser, words: Sequence[str]) -> argparse.Namespace:
    """The values of a command's flags. `given` has the names of the flags on the command line."""
    defaults = {action.dest: action.default for action in command._actions if action.default != argparse.SUPPRESS}
    for action in command._actions:
        action.default = argparse.SUPPRESS
    given = vars(command.parse_intermixed_args(words))
    return argparse.Namespace(**{**defaults, **given}, given=frozenset(given))
