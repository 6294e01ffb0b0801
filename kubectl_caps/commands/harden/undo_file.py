"""Writes the file of `--undo-to FILE`: the patches that undo a run, and the state of each object during the run."""

import os
import shlex
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from pathlib import Path
from threading import Event, Lock

from kubectl_caps.cli.flags import program_name
from kubectl_caps.core.harden.decide import while_changed
from kubectl_caps.core.harden.progress import Progress
from kubectl_caps.core.harden.result import HardenOutcome, HardenResult
from kubectl_caps.core.label.plan_labels import SYSTEM_NAMESPACES
from kubectl_caps.errors import InputError, UsageError, os_words
from kubectl_caps.report import json
from kubectl_caps.report.documents.hardening import frame_of_items, hardened_item
from kubectl_caps.report.terminal import say

_PAUSE = 0.1
"""Seconds between two writings of a run that does not wait for them."""
_LOOK = 0.002
"""Seconds between two checks whether the last writing is done."""


def check_unused(file: str | None) -> None:
    """Raise UsageError if the file exists, because it may have the only undo of an earlier run."""
    if file and Path(file).exists():
        raise UsageError(f"--undo-to: {file} exists already, and may be needed to undo another run")


class UndoFile:
    """The file of a saved undo. It is written before the run, and after each change of an object.

    Objects without a change are left out, because they need no undo. A run that `watches` its rollouts goes on when the
    file is written. Any other run goes on at once, and the file is written at most ten times a second: each writing
    takes the time of all objects. `error` is the error of the last writing.
    """

    def __init__(self, path: str, jobs: Sequence[HardenResult], *, watches: bool) -> None:
        self.path = Path(path)
        self.error: InputError | None = None
        changed = {at: job for at, job in enumerate(jobs) if job.patch.changes}
        self._items = {at: _item(job) for at, job in changed.items()}
        self._force = any(job.workload.namespace in SYSTEM_NAMESPACES for job in changed.values())
        self._lock = Lock()
        self._writer = ThreadPoolExecutor(1)
        self._last: Future[None] | None = None
        self._is_due = False
        self._at_once = Event()
        if watches:
            self._at_once.set()

    def begin(self, flags: str) -> None:
        """Write the file before anything is sent, and print the command that undoes the run. Raises InputError."""
        try:
            self._write(list(self._items.values()))
        except OSError as error:
            raise InputError(f"{self.path}: {os_words(error)}; nothing was changed") from error
        command = f"{program_name()} harden --undo {shlex.quote(str(self.path))}{' --force' if self._force else ''}"
        say(f"to undo this run: {command}{flags}")

    def update(self, at: int, progress: Progress) -> None:
        """Write the current state of the object at this index. Several threads may call `update`.

        An object that is being changed is marked in the file, in case the run is killed.
        """
        job = progress.job
        if at not in self._items:
            return
        if job.result == "planned":
            mark = while_changed(progress.states)
            job = job.ended(mark.result, mark.words)
        with self._lock:
            self._items[at] = _item(job)
            if not self._is_due:
                self._is_due, self._last = True, self._writer.submit(self._write_changes)
        if self._at_once.is_set():
            self._await_writing()

    def close(self) -> None:
        """Wait until the file has the last state of every object."""
        self._at_once.set()
        self._await_writing()

    def _await_writing(self) -> None:
        while self._last and not self._last.done():
            time.sleep(_LOOK)  # no waiting for a lock, in which a signal would be lost
        if self._last:
            self._last.result()

    def _write_changes(self) -> None:
        with self._lock:
            self._is_due, items = False, list(self._items.values())
        try:
            self._write(items)
            self.error = None
        except OSError as error:
            words = f"{os_words(error)}; the file does not say how every object ended"
            self.error = InputError(f"{self.path}: {words}")
        self._at_once.wait(_PAUSE)

    def _write(self, made: Sequence[Callable[[], tuple[HardenOutcome, str]]]) -> None:
        """Replace the whole file in one step, and sync it to the disk. Raises OSError."""
        items = [item() for item in made]
        text = "".join(json.with_items(frame_of_items([result for result, _ in items]), [text for _, text in items]))
        with tempfile.NamedTemporaryFile(dir=self.path.parent, prefix=f".{self.path.name}.", delete=False) as out:
            try:
                out.write(text.encode())
                out.flush()
                os.fsync(out.fileno())
                Path(out.name).replace(self.path)
            except BaseException:
                Path(out.name).unlink(missing_ok=True)
                raise


def _item(job: HardenResult) -> Callable[[], tuple[HardenOutcome, str]]:
    """A function that returns the result of an object, and the text of its item in the document.

    The text is made when the file is written, once: two states of an object may come between two writings.
    """
    return cache(lambda: (job.result, json.item_text(hardened_item(job))))
