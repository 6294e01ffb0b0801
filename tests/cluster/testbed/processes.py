"""The programs of a cluster as child processes: started with a log each, watched, and gone with us."""

import contextlib
import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

_PR_SET_PDEATHSIG = 1  # include/uapi/linux/prctl.h


class Failed(Exception):
    """A cluster that does not come up. The text ends with what its programs said last."""


class Processes:
    """Started programs by name. As a context manager it kills them all: nothing here outlives the test."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        logs.mkdir(parents=True, exist_ok=True)

    def __enter__(self) -> "Processes":
        return self

    def __exit__(self, *_: object) -> None:
        # The API server takes over ten seconds to stop when it is asked nicely.
        for process in self._running.values():
            process.kill()
        for process in self._running.values():
            process.wait()

    def start(self, name: str, command: Sequence[str | Path], cwd: Path, env: Mapping[str, str] | None = None) -> None:
        """Starts `command` with its output in `<name>.log`. It dies when this process does."""
        with (self._logs / f"{name}.log").open("wb") as log:
            self._running[name] = subprocess.Popen(
                list(command),
                cwd=cwd,
                env={**os.environ, **(env or {})},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=_die_with_parent,
            )

    def wait_until(self, what: str, ready: Callable[[], bool], seconds: float = 60) -> None:
        """Returns once `ready()` is true. Raises Failed when time is up or a program has ended."""
        deadline = time.monotonic() + seconds
        while not ready():
            ended = [name for name, process in self._running.items() if process.poll() is not None]
            if ended or time.monotonic() > deadline:
                why = f"{', '.join(ended)} ended" if ended else f"gave up after {seconds:.0f} s"
                raise Failed(f"waiting for {what}: {why}\n{self._last_words()}")
            time.sleep(0.05)

    def _last_words(self) -> str:
        ends = {log.stem: log.read_text(errors="replace").splitlines()[-5:] for log in sorted(self._logs.glob("*.log"))}
        return "\n".join(f"{name}: {line}" for name, lines in ends.items() for line in lines)


def _die_with_parent() -> None:
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
