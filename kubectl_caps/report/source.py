"""Prints manifests and diffs on stdout: unchanged into a pipe, escaped and with colours on a terminal."""

import os
import sys
from collections.abc import Iterable

from kubectl_caps.report.terminal import escaped

_COLOURS = {"+": "32", "-": "31", "@": "36"}


def put(text: str) -> None:
    """Print text unchanged; on a terminal, control characters are escaped. A lone surrogate is printed as its byte."""
    if sys.stdout.isatty():
        sys.stdout.write("\n".join(_escaped(line) for line in text.split("\n")))
    else:
        sys.stdout.flush()
        sys.stdout.buffer.write(text.encode("utf-8", "surrogateescape"))
        sys.stdout.buffer.flush()


def put_diff(lines: Iterable[str]) -> None:
    """Print a unified diff. On a terminal added and removed lines are coloured, unless NO_COLOR is set."""
    coloured = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    if not coloured:
        put("".join(lines))
        return
    for line in lines:
        code = "1" if line.startswith(("--- ", "+++ ")) else _COLOURS.get(line[0])
        text = _escaped(line.rstrip("\n"))
        sys.stdout.write(f"\x1b[{code}m{text}\x1b[0m\n" if code else f"{text}\n")


def _escaped(line: str) -> str:
    return "\t".join(escaped(part) for part in line.removesuffix("\r").split("\t"))
