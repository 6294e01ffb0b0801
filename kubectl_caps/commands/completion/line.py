"""Reads the command line up to the cursor: the command, the flag or argument that is typed, and the words before."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from kubectl_caps.cli.commands import COMMANDS
from kubectl_caps.cli.flags import Flag


class Cursor(NamedTuple):
    """The word at the cursor, and the words before it.

    `typed` is the word up to the cursor. `flag` is the flag whose value is typed, or the argument of the command; None
    if a command or a flag is typed. `arguments` are the arguments before the word. `given` are the values of the flags
    before the word, by the flag's last name.
    """

    command: str
    typed: str
    flag: Flag | None = None
    arguments: tuple[str, ...] = ()
    given: Mapping[str, tuple[str, ...]] = {}

    def value(self, name: str) -> str:
        """The last value of a flag before the cursor; empty if there is none."""
        return (self.given.get(name) or ("",))[-1]


_UNKNOWN = Flag(("",), "")
"""The flag for a word without known candidates."""


def read_line(words: Sequence[str]) -> Cursor:
    """The cursor at the end of the last word. The first word is the command."""
    typed = words[-1] if words else ""
    if len(words) < 2:
        return Cursor("", typed)
    if words[0] not in COMMANDS:
        return Cursor(words[0], typed, _UNKNOWN)
    flags = {name: flag for flag in COMMANDS[words[0]].flags() for name in flag.names if name.startswith("-")}
    given: dict[str, tuple[str, ...]] = {}
    arguments: list[str] = []
    pending: Flag | None = None
    only_arguments = False
    for word in words[1:-1]:
        if pending:
            _add(given, pending, word)
            pending = None
        elif word == "--" and not only_arguments:
            only_arguments = True
        elif word.startswith("-") and word != "-" and not only_arguments:
            pending = _read_flag(word, flags, given)
        else:
            arguments.append(word)
    before = (tuple(arguments), given)
    if pending:
        return Cursor(words[0], typed, pending, *before)
    if typed.startswith("-") and not only_arguments:
        name, equals, value = typed.partition("=")
        if not equals:
            return Cursor(words[0], typed, None, *before)
        return Cursor(words[0], value, flags.get(name) if name in flags and flags[name].value else _UNKNOWN, *before)
    expected = [flag for flag in COMMANDS[words[0]].flags() if not flag.names[0].startswith("-")]
    at = 0 if expected and expected[0].repeated else len(arguments)
    return Cursor(words[0], typed, expected[at] if at < len(expected) else _UNKNOWN, *before)


def _read_flag(word: str, flags: Mapping[str, Flag], given: dict[str, tuple[str, ...]]) -> Flag | None:
    """Add the flags of a word to `given`, or return the flag whose value is the next word. `-Rn shop` is -R and -n."""
    name, equals, value = word.partition("=")
    flag = flags.get(name)
    if not flag and not word.startswith("--"):
        flag, value, equals = flags.get(word[:2]), word[2:], word[2:]
        if flag and not flag.value and value:
            _add(given, flag, "true")
            return _read_flag(f"-{value}", flags, given)
    if not flag:
        return None
    if flag.value and not equals and not flag.alone:
        return flag
    _add(given, flag, value or flag.alone or "true")
    return None


def _add(given: dict[str, tuple[str, ...]], flag: Flag, value: str) -> None:
    given[flag.names[-1]] = (*given.get(flag.names[-1], ()), value)
