"""A command on a terminal of a given size: what a person would see, as text."""

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence

LIMIT = 60.0
"""Seconds until a command that does not end fails its test."""


def on_terminal(command: Sequence[str], columns: int, env: Mapping[str, str] | None = None, cwd: str = ".") -> str:
    """What a command writes to a terminal with so many columns, both streams together."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")}
    environment |= {"TERM": "xterm-256color", **(env or {})}
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, cwd=cwd) as process:
        os.close(theirs)
        text = _read(ours)
        process.wait(LIMIT)
    os.close(ours)
    return text.replace("\r\n", "\n")


def _read(terminal: int) -> str:
    """All that is written until the last writer has gone."""
    parts: list[bytes] = []
    end = time.monotonic() + LIMIT
    while time.monotonic() < end:
        if not select.select([terminal], [], [], 1)[0]:
            continue
        try:
            part = os.read(terminal, 1 << 16)
        except OSError:  # Linux: the other side is closed
            break
        if not part:
            break
        parts.append(part)
    return b"".join(parts).decode()


class Shell:
    """An interactive shell on a terminal, which prints its command line between marks when Ctrl-G is typed."""

    def __init__(self, command: Sequence[str], env: Mapping[str, str], cwd: str) -> None:
        self._terminal, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 60, 160, 0, 0))
        self._process = subprocess.Popen(
            command, stdin=theirs, stdout=theirs, stderr=theirs, env=env, cwd=cwd, start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )  # fmt: skip
        os.close(theirs)
        self.read_until("READY>")

    def read_until(self, mark: str) -> str:
        """What the shell writes until the mark. Fails after a minute."""
        text, end = b"", time.monotonic() + LIMIT
        while mark.encode() not in text:
            assert time.monotonic() < end, f"no {mark!r} in {text!r}"
            if select.select([self._terminal], [], [], 1)[0]:
                part = os.read(self._terminal, 1 << 16)
                text += part
                if b"\x1b[c" in part or b"\x1b[0c" in part:  # fish asks which terminal this is
                    os.write(self._terminal, b"\x1b[?62;c")
        return text.decode(errors="replace")

    def completed(self, typed: str, tabs: int = 1) -> tuple[str, str]:
        """The command line after some text and Tabs, and what was written meanwhile; the line is then erased."""
        os.write(self._terminal, typed.encode())
        for _ in range(tabs):
            os.write(self._terminal, b"\t")
        os.write(self._terminal, b"\x07")
        shown = self.read_until(">ENIL")
        line = shown.rpartition("LINE<")[2].partition(">ENIL")[0]
        os.write(self._terminal, b"\x15")
        return line, shown

    def close(self) -> None:
        """End the shell."""
        self._process.kill()
        self._process.wait()
        os.close(self._terminal)
