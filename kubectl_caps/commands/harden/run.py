"""Hardens objects one by one, or a few at a time. The first failure or an interrupt stops the run."""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress

from msgspec import Struct

from kubectl_caps.commands.harden.send import HardenSteps
from kubectl_caps.commands.harden.watch import WatchStopped
from kubectl_caps.commands.harden.workload import WorkloadHardening
from kubectl_caps.core.harden.decide import not_begun
from kubectl_caps.core.harden.progress import Progress
from kubectl_caps.core.harden.result import HardenResult
from kubectl_caps.errors import CapsError
from kubectl_caps.report.terminal import clear_progress, progress

_GRACE = 5.0
"""Seconds to wait for the threads after an interrupt, so that they can remove a canary pod."""
_LOOK = 0.02
"""Seconds between two checks of the main thread whether the threads are done."""

Act = Callable[[WorkloadHardening, Progress], HardenSteps[Progress]]
"""The steps of one object: `WorkloadHardening.harden`, `WorkloadHardening.undo`."""
Record = Callable[[int, Progress], None]
"""A function that gets the index and the state of an object, after each change of the object and its last step."""


class RunResult(Struct, frozen=True):
    """The result of each object, in the given order, and whether the run was interrupted."""

    jobs: tuple[HardenResult, ...]
    is_interrupted: bool


class HardenRun:
    """Runs the steps of every object. `_progress` has the latest state of each object. `stop` stops the steps."""

    def __init__(
        self,
        works: Sequence[WorkloadHardening],
        jobs: Sequence[HardenResult],
        act: Act,
        stop: threading.Event,
        record: Record,
    ) -> None:
        self.works, self.act, self.stop, self.record = works, act, stop, record
        self._progress = [Progress(job) for job in jobs]
        self._waiting = deque(range(len(works)))
        self._active: list[int] = []
        self._failed = ""
        self._keep_going = False
        self._bug: Exception | None = None

    def run(self, *, parallel: int, keep_going: bool) -> RunResult:
        """Run all steps, and return the result of each object."""
        self._keep_going = keep_going
        is_interrupted = self._is_interrupted(min(parallel, len(self.works)))
        clear_progress()
        for at in list(self._active):
            self._keep(at, self.works[at].interrupted(self._progress[at]), is_last=True)
        if self._bug:
            raise self._bug
        for at, found in enumerate(self._progress):
            if found.job.result == "planned":
                words = not_begun(self._failed, is_interrupted=is_interrupted)
                self._keep(at, found.ended("skipped", words), is_last=True)
        return RunResult(tuple(found.job for found in self._progress), is_interrupted)

    def _is_interrupted(self, count: int) -> bool:
        """Run the steps of all objects in threads. Returns whether a signal interrupted the run.

        The main thread runs no steps. A signal while the main thread is in `Event.wait` can leave the event's lock
        taken, and then `stop.set` waits for the lock forever. `Thread.join` has the same problem.
        """
        running = list(range(count))
        try:
            for _ in range(count):
                threading.Thread(target=self._thread, args=(running,), daemon=True).start()
            while running:
                time.sleep(_LOOK)
        except KeyboardInterrupt:
            self.stop.set()
            with suppress(KeyboardInterrupt):  # a second signal ends the waiting
                end = time.monotonic() + _GRACE
                while running and time.monotonic() < end:
                    time.sleep(_LOOK)
            return True
        return False

    def _thread(self, running: list[int]) -> None:
        try:
            self._work()
        finally:
            running.pop()

    def _work(self) -> None:
        while not self.stop.is_set() and (self._keep_going or not self._failed):
            try:
                at = self._waiting.popleft()
            except IndexError:
                return
            self._active.append(at)
            try:
                self._run_steps(at)
            except WatchStopped:
                return  # `run` prints the state of the object
            except Exception as error:  # `run` raises the error in the main thread
                self._bug = error
                self.stop.set()
                return
            self._active.remove(at)
            if self._progress[at].job.is_not_done:
                self._failed = self._failed or self.works[at].reference
            if len(self.works) > 1:
                progress(f"{len(self.works) - len(self._waiting) - len(self._active)} of {len(self.works)} done")

    def _run_steps(self, at: int) -> None:
        """Run all steps of one object. Each yielded progress is stored at once, because a signal may come next."""
        steps = self.act(self.works[at], self._progress[at])
        try:
            while True:
                try:
                    self._keep(at, next(steps))
                except StopIteration as end:
                    last: Progress = end.value
                    break
        except CapsError as error:
            last = self._progress[at].ended("failed", error.words)
        self._keep(at, last, is_last=True)

    def _keep(self, at: int, now: Progress, *, is_last: bool = False) -> None:
        before, self._progress[at] = self._progress[at], now
        if is_last or now.job.left is not before.job.left:
            self.record(at, now)
