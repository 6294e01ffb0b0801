"""One object after the other, or a few at a time: the first failure stops the rest, and an interrupt leaves a word."""

import threading
from collections import deque
from collections.abc import Callable, Sequence

from kubectl_caps.commands.harden_object import Live
from kubectl_caps.commands.harden_watch import Stopped
from kubectl_caps.core.outcome import Result
from kubectl_caps.errors import CapsError
from kubectl_caps.report.terminal import clear_progress, progress

_GRACE = 5.0
"""Seconds that the other threads are given to end when the run is interrupted."""


class Run:
    """Does `act` with every object; `stop` is the event that the objects look at."""

    def __init__(self, lives: Sequence[Live], act: Callable[[Live], Result], stop: threading.Event) -> None:
        self.lives, self.act, self.stop = lives, act, stop
        self._waiting = deque(lives)
        self._active: list[Live] = []
        self._failed = ""
        self._keep_going = False
        self._bug: Exception | None = None

    def run(self, *, parallel: int, keep_going: bool) -> bool:
        """Do it, and return whether somebody interrupted it. Every job has its result afterwards."""
        self._keep_going = keep_going
        interrupted = False
        threads = [threading.Thread(target=self._work, daemon=True) for _ in range(min(parallel, len(self.lives)))]
        try:
            if len(threads) == 1:
                self._work()
            else:
                for thread in threads:
                    thread.start()
                for thread in threads:
                    while thread.is_alive():
                        thread.join(0.2)  # a join without a limit would not notice Ctrl-C
        except KeyboardInterrupt:
            interrupted = True
            self.stop.set()
            for thread in threads if len(threads) > 1 else ():
                thread.join(_GRACE)
        clear_progress()
        for live in list(self._active):
            live.interrupted()
        if self._bug:
            raise self._bug
        for live in self.lives:
            if live.job.result == "planned":
                live.job.result = "skipped"
                live.job.message = "interrupted" if interrupted else f"{self._failed} failed"
        return interrupted

    def _work(self) -> None:
        while not self.stop.is_set() and (self._keep_going or not self._failed):
            try:
                live = self._waiting.popleft()
            except IndexError:
                return
            self._active.append(live)
            try:
                live.job.result = self.act(live)
            except CapsError as error:
                live.job.result, live.job.message = "failed", error.words
            except Stopped:
                return  # `run` says how it was left
            except Exception as error:  # `run` raises it where it is seen; a thread would only die of it
                self._bug = error
                self.stop.set()
                return
            self._active.remove(live)
            if live.job.is_not_done:
                self._failed = self._failed or live.reference
            if len(self.lives) > 1:
                progress(f"{len(self.lives) - len(self._waiting) - len(self._active)} of {len(self.lives)} done")
