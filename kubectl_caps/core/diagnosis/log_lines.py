"""Reads the lines of a log as English texts: takes JSON apart, translates errors, joins stack traces to their lines.

A stack trace belongs to the line of its exception. Python prints the trace before that line; Java, Node.js, Ruby and
.NET print the trace after that line.
"""

import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from kubectl_caps.core.diagnosis.error_texts import in_english

LONGEST_LINE = 4096
"""So many characters of a line are read. Twelve times as many are read of a line of JSON, which may hold a trace."""

_LONGEST_JSON = 12 * LONGEST_LINE
_FRAMES = 24
"""So many frames of a stack trace are kept, the innermost ones."""

_PYTHON_TRACE = re.compile(r"Traceback \(most recent call last\):\s*$")
_UNDERLINE = re.compile(r"\s*[\^~][\^~ ]*")
_FRAME_BEHIND = re.compile(r"\s+(?:at|from|in) \S|\s*#\d{1,4} |\s+(?:errno|code|syscall|path|dest|address|port): ")
"""A frame after the line of its exception, or a field of an error that Node.js prints after the stack trace."""
_PARTS = 64
"""So many texts of a line of JSON are read."""
_DEPTH = 8
"""Objects in a line of JSON are read down to this depth."""


class Said(Struct, frozen=True):
    """A line as it was found, and one of its texts in English. `frames` is its stack trace, innermost frame first."""

    line: str
    text: str
    number: int = 0
    frames: tuple[str, ...] = ()


class LogReader:
    """Reads a log line by line. The texts of a line are returned with the next line, once its trace is complete."""

    def __init__(self) -> None:
        self._before: list[str] | None = None
        self._open: Said | None = None

    def read(self, line: str, number: int = 0) -> Iterator[Said]:
        """Read the next line; return the texts of earlier lines."""
        if _PYTHON_TRACE.search(line):
            yield from self.close()
            self._before = []
        elif self._before is not None and line[:1].isspace():
            self._remember(line)
        elif self._open and _FRAME_BEHIND.match(line):
            if len(self._open.frames) < _FRAMES:
                self._open = replace(self._open, frames=(*self._open.frames, line.strip()))
        else:
            frames = tuple(reversed(self._before or ()))
            yield from self.close()
            yield from self._begin(line, number, frames)

    def close(self) -> Iterator[Said]:
        """End the log; return the texts of the last line."""
        if self._open:
            yield self._open
        self._open, self._before = None, None

    def _remember(self, line: str) -> None:
        if self._before is not None and not _UNDERLINE.fullmatch(line):
            self._before = [*self._before, line.strip()][-_FRAMES:]

    def _begin(self, line: str, number: int, frames: tuple[str, ...]) -> Iterator[Said]:
        fields = _fields(line)
        if fields is not None:
            yield from _of_json({"": line[: line.index("{")].strip(), **fields}, line[:LONGEST_LINE].strip(), number)
            return
        short = line.strip()[:LONGEST_LINE]
        self._open = Said(short, in_english(short), number, frames) if short else None


def _fields(line: str) -> dict[str, Any] | None:
    """The fields of a JSON line. A collector of logs may have written text before the JSON."""
    start = line.find("{")
    if start < 0 or not line.rstrip().endswith("}") or len(line) > _LONGEST_JSON:
        return None
    try:
        fields = msgspec.json.decode(line[start:].encode(errors="replace"))
    except (msgspec.DecodeError, RecursionError):
        return None
    return fields if isinstance(fields, dict) else None


def _of_json(fields: dict[str, Any], line: str, number: int) -> Iterator[Said]:
    """The texts of the fields: all texts of one line together, then each text of several lines."""
    parts = list(islice(_parts(fields, "", _DEPTH), _PARTS))
    together = " ".join(f"{name}={text}" if name else text for name, text in parts if "\n" not in text)
    yield Said(line, in_english(together[:LONGEST_LINE]), number)
    for _, text in parts:
        if "\n" in text:
            inner = LogReader()
            for row in text.splitlines():
                yield from (_standing_for(said, line, number) for said in inner.read(row))
            yield from (_standing_for(said, line, number) for said in inner.close())


def _standing_for(said: Said, line: str, number: int) -> Said:
    return replace(said, line=line, number=number)


def _parts(value: Any, name: str, depth: int) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict) and depth:
        for key, item in value.items():
            yield from _parts(item, str(key), depth - 1)
    elif isinstance(value, list) and depth:
        for item in value:
            yield from _parts(item, name, depth - 1)
    elif isinstance(value, str):
        yield name, value
    elif value is not None and not isinstance(value, dict | list):
        yield name, str(value)
