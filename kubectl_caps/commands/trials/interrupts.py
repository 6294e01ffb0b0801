"""Defers signals during a block that must not be left half done, until the end of the block."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread
from types import FrameType

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")


@contextmanager
def signals_deferred() -> Iterator[None]:
    """Let the block end before a signal interrupts; the second signal interrupts the block itself.

    A terminal that closes sends SIGHUP twice: once from the kernel, once from the shell. Other threads than the main
    one get no signals. Raises KeyboardInterrupt at the end of the block.
    """
    if current_thread() is not main_thread():
        yield
        return
    came: list[int] = []
    numbers = [getattr(signal, name) for name in _NAMES if hasattr(signal, name)]
    # A signal that is ignored (nohup), or that ends the process without us, stays so.
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
