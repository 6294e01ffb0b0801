"""Defers signals to the end of a block that must not be interrupted."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread
from types import FrameType

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")


@contextmanager
def signals_deferred() -> Iterator[None]:
    """Defer the first signal to the end of the block. A second signal interrupts the block itself.

    Raises KeyboardInterrupt at the end of the block after a signal. Python handles signals only in the main thread, so
    nothing is deferred in other threads.
    """
    if current_thread() is not main_thread():
        yield
        return
    came: list[int] = []
    numbers = [getattr(signal, name) for name in _NAMES if hasattr(signal, name)]
    # Signals without a Python handler keep their action: ignored (nohup), or the default action.
    handlers = {number: handler for number in numbers if callable(handler := signal.getsignal(number))}

    def restore() -> None:
        for number, handler in handlers.items():
            signal.signal(number, handler)

    def note(number: int, _: FrameType | None) -> None:
        came.append(number)
        restore()

    for number in handlers:
        signal.signal(number, note)
    try:
        yield
    finally:
        restore()
        if came:
            raise KeyboardInterrupt
