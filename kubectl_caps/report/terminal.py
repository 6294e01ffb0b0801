"""Prints to stdout and stderr: escaped text, each warning once, progress, and questions."""

import os
import re
import sys
import threading
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from kubectl_caps.report.width import width_of, wrapped

_SEEN: set[str] = set()
_LOCK = threading.RLock()


def escaped(text: str) -> str:
    """Text from a cluster or a file, with control, bidirectional and line-breaking characters as escapes."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(character if character.isprintable() else _escape(character) for character in text)


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def say(*messages: str) -> None:
    """Print lines of progress or news on stderr. The lines of one call stay together, even if other threads print."""
    if not messages:
        return
    with _LOCK:
        clear_progress()
        for message in messages:
            print(escaped(message), file=sys.stderr, flush=True)


def log(*lines: str) -> None:
    """Print the lines of one entry of `-v` on stderr. A tab at the start of a line stays a tab."""
    with _LOCK:
        clear_progress()
        for line in lines:
            indent = "\t" if line.startswith("\t") else ""
            print(f"{indent}{escaped(line.removeprefix(indent))}", file=sys.stderr, flush=True)


def print_lines(lines: Iterable[str]) -> None:
    """Print results on stdout, line by line."""
    sys.stdout.writelines(f"{line}\n" for line in lines)


def warn(message: str) -> None:
    """Print an API server's warning as kubectl does: on stderr, each text once."""
    with _LOCK:
        if message not in _SEEN:
            _SEEN.add(message)
            say(f"Warning: {message}")


def is_interactive() -> bool:
    """Whether a person can answer a question on the terminal."""
    return sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()


def confirm(question: str) -> bool:
    """Ask a question on the terminal. Only the answers `y` and `yes` give True."""
    clear_progress()
    print(f"{question} [y/N]: ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def is_terminal() -> bool:
    """Whether standard error is a terminal, so that progress is shown."""
    return sys.stderr.isatty()


def progress(message: str) -> None:
    """Print a line that the next one replaces; only on a terminal."""
    if is_terminal():
        width = (os.get_terminal_size(sys.stderr.fileno()).columns or 80) - 1  # some terminals report 0 columns
        with _LOCK:
            print(f"\r\x1b[K{escaped(message)[:width]}", end="", file=sys.stderr, flush=True)


def clear_progress() -> None:
    """Erase the line of `progress`."""
    if sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)


class Screen(NamedTuple):
    """The target of printed text: the columns of a terminal (0 is no limit, a pipe), and whether it has colours."""

    columns: int = 0
    colours: bool = False


def screen() -> Screen:
    """The screen of standard output. NO_COLOR and TERM=dumb switch colours off. COLUMNS overrides the terminal."""
    if not sys.stdout.isatty():
        return Screen()
    named = os.environ.get("COLUMNS", "")
    columns = int(named) if named.isdecimal() else os.get_terminal_size(sys.stdout.fileno()).columns
    return Screen(columns, not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb")


def fitted(line: str) -> list[str]:
    """A sentence in lines that fit the screen of standard output. Further lines are indented to the start of the text.

    A line with a command is not broken, so that the command can be copied.
    """
    columns = screen().columns
    if not columns or width_of(line) <= columns or "kubectl" in line or "\x1b" in line:
        return [line]
    label = re.match(r" *(?:[A-Z][A-Za-z -]*: +)?", line)
    indent = min(len(label[0]) if label else 0, columns // 2)
    hanging = indent if label and label[0].strip() else min(indent + 2, columns // 2)
    first, *others = wrapped(line[indent:], columns - hanging)
    return [line[:indent] + first, *(" " * hanging + other for other in others)]


RISK_COLOURS: Mapping[str, str] = {
    "critical": "1;31", "high": "31", "medium": "33", "unknown": "35", "none": "32",
}  # fmt: skip
LEVEL_COLOURS: Mapping[str, str] = {"privileged": "31", "baseline": "33", "restricted": "32", "unknown": "35"}


def coloured(text: str, colour: str) -> str:
    """The text in a colour; unchanged if the colour is empty."""
    return f"\x1b[{colour}m{text}\x1b[0m" if colour and text else text


def painted(word: str, colours: Mapping[str, str], shown_on: Screen) -> str:
    """A word in its colour; unchanged on a screen without colours."""
    return coloured(word, colours.get(word, "") if shown_on.colours else "")
