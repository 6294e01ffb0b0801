"""Writes the file of `--undo-to FILE`: the patches that undo a run, and the state of each object during the run."""

import os
import shlex
import tempfile
import textwrap
from collections.abc import Sequence
from pathlib import Path
from threading import Lock

from kubectl_caps.cli.flags import program_name
from kubectl_caps.core.harden.decide import while_changed
from kubectl_caps.core.harden.progress import Progress
from kubectl_caps.core.harden.result import HardenOutcome, HardenResult
from kubectl_caps.core.label.plan_labels import SYSTEM_NAMESPACES
from kubectl_caps.errors import InputError, UsageError, os_words
from kubectl_caps.report import json
from kubectl_caps.report.documents.hardening import frame_of_items, hardened_item
from kubectl_caps.report.terminal import say

_NO_ITEMS = '"items": []'


def check_unused(file: str | None) -> None:
    """Raise UsageError if the file exists, because it may have the only undo of an earlier run."""
    if file and Path(file).exists():
        raise UsageError(f"--undo-to: {file} exists already, and may be needed to undo another run")


class UndoFile:
    """The file of a saved undo. It is written before the run, and after each change of an object.

    Objects without a change are left out, because they need no undo. `error` is the error of the last update.
    """

    def __init__(self, path: str, jobs: Sequence[HardenResult]) -> None:
        self.path = Path(path)
        self.error: InputError | None = None
        changed = {at: job for at, job in enumerate(jobs) if job.patch.changes}
        self._items = {at: _item(job) for at, job in changed.items()}
        self._force = any(job.workload.namespace in SYSTEM_NAMESPACES for job in changed.values())
        self._lock = Lock()

    def begin(self, flags: str) -> None:
        """Write the file before anything is sent, and print the command that undoes the run. Raises InputError."""
        try:
            self._write()
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
        item = _item(job)
        with self._lock:
            self._items[at] = item
            try:
                self._write()
                self.error = None
            except OSError as error:
                words = f"{os_words(error)}; the file does not say how every object ended"
                self.error = InputError(f"{self.path}: {words}")

    def _write(self) -> None:
        """Replace the whole file in one step, and sync it to the disk. Raises OSError."""
        frame = json.text(frame_of_items([result for result, _ in self._items.values()]), "json")
        head, tail = frame.split(_NO_ITEMS, 1)
        items = ",\n".join(text for _, text in self._items.values())
        with tempfile.NamedTemporaryFile("w", dir=self.path.parent, prefix=f".{self.path.name}.", delete=False) as out:
            try:
                out.write(f'{head}"items": [\n{items}\n  ]{tail}')
                out.flush()
                os.fsync(out.fileno())
                Path(out.name).replace(self.path)
            except BaseException:
                Path(out.name).unlink(missing_ok=True)
                raise


def _item(job: HardenResult) -> tuple[HardenOutcome, str]:
    """The result of an object, and the text of its item in the document."""
    return job.result, textwrap.indent(json.text(hardened_item(job), "json").rstrip("\n"), "    ")
