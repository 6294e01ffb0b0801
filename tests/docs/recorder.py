"""Commands in a real terminal, and what stands in it afterwards as an SVG."""

import os
import pty
import re
import struct
import subprocess
import termios
from collections.abc import Mapping, Sequence
from fcntl import ioctl
from html import escape

COLUMNS = 132
_PROGRESS = re.compile(r"^.*\r\x1b\[K", re.DOTALL)
_COLOUR = re.compile(r"\x1b\[(\d*)m")
_CHANGING = (
    (re.compile(r"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d"), "2026/11/29 09:00:00"),
    (re.compile(r"\d+#\d+: "), "7#7: "),
    (re.compile(r"\(trial \d+\)"), "(trial 5)"),
    (re.compile(r"\d+ trials, \d+ s of pods"), "8 trials, 20 s of pods"),
    (re.compile(r"\b(web|report)-[a-z0-9]{8,10}(-[a-z0-9]{5})?\b"), r"\1-7d4f9c6b8d-x2x9k"),
)
_INK = {"31": "#ff7b72", "1;31": "#ff7b72", "33": "#e3b341", "32": "#7ee787", "35": "#d2a8ff", "36": "#79c0ff"}
_WIDTH, _LINE, _EDGE = 8.43, 19, 16


def terminal(command: str, environment: Mapping[str, str]) -> list[str]:
    """The lines that a command leaves in a terminal of COLUMNS columns. Its status has to be 0 or 1."""
    reader, writer = pty.openpty()
    ioctl(writer, termios.TIOCSWINSZ, struct.pack("HHHH", 50, COLUMNS, 0, 0))
    with subprocess.Popen(
        ["bash", "-c", command], stdin=writer, stdout=writer, stderr=writer, env=dict(environment)
    ) as run:
        os.close(writer)
        written = b"".join(iter(lambda: _read(reader), b""))
    os.close(reader)
    text = written.decode().replace("\r\n", "\n")
    assert run.returncode in (0, 1), f"$ {command}\n{text}"
    return [_PROGRESS.sub("", line) for line in text.rstrip("\n").split("\n")]


def _read(reader: int) -> bytes:
    try:
        return os.read(reader, 65536)
    except OSError:  # Linux' way to say that nobody has the other end any more
        return b""


def steady(line: str) -> str:
    """The line with the names and times of this run replaced, and cut where the terminal ends."""
    for pattern, text in _CHANGING:
        line = pattern.sub(text, line)
    bare = _COLOUR.sub("", line)
    return f"{bare[: COLUMNS - 1]}…" if len(bare) > COLUMNS else line


def svg(title: str, lines: Sequence[str]) -> str:
    """A terminal with these lines. Lines that begin with `$ ` are commands."""
    width, height = round(COLUMNS * _WIDTH) + 2 * _EDGE, len(lines) * _LINE + 2 * _EDGE
    rows = "\n".join(
        f'<text x="{_EDGE}" y="{_EDGE + _LINE * row + 14}">{_spans(line)}</text>'
        for row, line in enumerate(lines)
        if line
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'role="img" aria-label="{escape(title)}">\n'
        "<style>text{font:14px ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace;fill:#e6edf3;white-space:pre}"
        ".c{fill:#7ee787;font-weight:bold}</style>\n"
        f'<rect width="{width}" height="{height}" rx="8" fill="#0d1117"/>\n{rows}\n</svg>\n'
    )


def _spans(line: str) -> str:
    if line.startswith("$ "):
        return f'<tspan class="c">{escape(line)}</tspan>'
    parts = _COLOUR.split(line)  # text, code, text, code, text
    spans = [escape(parts[0], quote=False)]
    for code, text in zip(parts[1::2], parts[2::2], strict=True):
        ink, shown = _INK.get(code), escape(text, quote=False)
        spans.append(f'<tspan fill="{ink}">{shown}</tspan>' if ink and text else shown)
    return "".join(spans)
