"""Reads several lists at a time, each in a thread. The threads wait for the reader.

The reader gets the lists in order, or reads from all of them in turns.
"""

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import chain
from queue import Empty, Queue
from typing import Generic, TypeVar

from kubectl_caps.errors import ApiError, CapsError

Page = TypeVar("Page")

AHEAD = 2
"""The number of pages that a source may be ahead of the reader, which limits the memory."""


class _End:
    """The mark of a source without more pages."""


_END = _End()


class _Source(Generic[Page]):
    """One generator and the queue that its thread fills."""

    def __init__(self, start: Callable[[], Iterator[Page]]) -> None:
        self.start = start
        self.queue: Queue[Page | BaseException | _End] = Queue(AHEAD)

    def fill(self, stopped: threading.Event, turn: AbstractContextManager[object]) -> None:
        """Read the pages into the queue, each page in a `turn`."""
        try:
            pages = self.start()
            while not stopped.is_set():
                with turn:
                    page = next(pages, _END)
                if isinstance(page, _End):
                    break
                self.queue.put(page)
        except BaseException as error:  # the reader raises the exception
            self.queue.put(error)
        self.queue.put(_END)

    def pages(self) -> Iterator[Page]:
        while not isinstance(item := self.queue.get(), _End):
            if isinstance(item, BaseException):
                self.queue.get()
                raise item
            yield item

    def discard(self) -> None:
        while not self.queue.empty():
            self.queue.get_nowait()


class _Pages(Iterator[Page]):
    """The pages of one source. They can be read only until the reader asks for the next source."""

    def __init__(self, first: Page | None, rest: Iterator[Page]) -> None:
        self._pages = rest if first is None else chain([first], rest)
        self._passed = False

    def __next__(self) -> Page:
        if self._passed:
            raise RuntimeError("these pages were passed over: read each list before asking for the next")
        return next(self._pages)

    def pass_over(self) -> None:
        """Read the rest of the pages, so that the thread of the source is free. A later `next` raises RuntimeError."""
        try:
            for _ in self._pages:
                self._passed = True
        except CapsError:
            self._passed = True


def read_in_parallel(
    starts: Sequence[Callable[[], Iterator[Page]]], workers: int
) -> Iterator[Iterator[Page] | ApiError]:
    """For each source, in order: its pages, or the ApiError of its first page. At most `workers` threads read.

    An ApiError after the first page, and any other exception, is raised by the iterator of the pages.
    """
    sources = [_Source(start) for start in starts]
    stopped = threading.Event()
    waiting: Queue[_Source[Page]] = Queue()
    for source in sources:
        waiting.put(source)
    for _ in range(min(workers, len(sources))):
        # Daemon threads, because an interrupted program must not wait for answers that it will not use.
        threading.Thread(target=_work, args=(waiting, stopped), daemon=True).start()
    try:
        for source in sources:
            answer = _opened(source)
            yield answer
            if isinstance(answer, _Pages):
                answer.pass_over()
    finally:
        stopped.set()
        for source in sources:
            source.discard()


@contextlib.contextmanager
def read_in_turns(starts: Sequence[Callable[[], Iterator[Page]]], workers: int) -> Iterator[list[Iterator[Page]]]:
    """The pages of each source. The reader may read from any source at any time; at most `workers` threads read ahead.

    Every exception is raised by the iterator of the pages. After the `with` block an unread iterator raises
    RuntimeError, so that it is not taken for an empty list.
    """
    sources = [_Source(start) for start in starts]
    stopped, turns = threading.Event(), threading.Semaphore(workers)
    try:
        for source in sources:
            threading.Thread(target=source.fill, args=(stopped, turns), daemon=True).start()
        yield [_until(stopped, source.pages()) for source in sources]
    finally:
        stopped.set()
        for source in sources:
            source.discard()


def _until(stopped: threading.Event, pages: Iterator[Page]) -> Iterator[Page]:
    while not stopped.is_set():
        page = next(pages, _END)
        if isinstance(page, _End):
            return
        yield page
    raise RuntimeError("these pages were not read in time")


def _opened(source: _Source[Page]) -> _Pages[Page] | ApiError:
    pages = source.pages()
    try:
        return _Pages(next(pages, None), pages)
    except ApiError as error:
        return error


def _work(waiting: "Queue[_Source[Page]]", stopped: threading.Event) -> None:
    # The workers take the sources in order, so that the next source of the reader always has a worker.
    with contextlib.suppress(Empty):
        while not stopped.is_set():
            waiting.get_nowait().fill(stopped, nullcontext())
