"""What reaches the terminal: escaped text, warnings once each, progress, and the question."""

import os
import sys
import threading
from typing import TextIO

_SEEN: set[str] = set()
_LOCK = threading.RLock()


def escaped(text: str) -> str:
    """Text from a cluster or a file, safe to print: control, bidirectional and line-breaking characters as escapes."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(character if character.isprintable() else _escape(character) for character in text)


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def say(*messages: str) -> None:
    """Lines of progress or news, on stderr; those of one call stay together, whoever else prints."""
    with _LOCK:
        clear_progress()
        for message in messages:
            print(escaped(message), file=sys.stderr, flush=True)


def warn(message: str) -> None:
    """An API server's warning, as kubectl prints it: on stderr, each text once."""
    if message not in _SEEN:
        _SEEN.add(message)
        say(f"Warning: {message}")


def is_interactive() -> bool:
    """Whether there is somebody who can answer a question."""
    return sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()


def confirm(question: str) -> bool:
    """Ask on the terminal; only `y` and `yes` are a yes."""
    clear_progress()
    print(f"{question} [y/N]: ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def progress(message: str) -> None:
    """A line that the next one replaces; only on a terminal."""
    if sys.stderr.isatty():
        width = (os.get_terminal_size(sys.stderr.fileno()).columns or 80) - 1  # some terminals do not tell
        with _LOCK:
            print(f"\r\x1b[K{escaped(message)[:width]}", end="", file=sys.stderr, flush=True)


def clear_progress() -> None:
    """Take the line of `progress` away."""
    if sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def painted(text: str, risk: str, stream: TextIO) -> str:
    """The text in the colour of a risk, where the stream is a terminal and NO_COLOR is not set."""
    code = {"critical": "1;31", "high": "31", "medium": "33", "unknown": "35"}.get(risk)
    if code is None or not stream.isatty() or os.environ.get("NO_COLOR"):
        return text
    return f"\x1b[{code}m{text}\x1b[0m"
