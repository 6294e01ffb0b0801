"""Presses Tab again, as a user does on a busy machine: names come within 0.7 seconds of a Tab, or not at all."""

import time
from collections.abc import Callable
from typing import TypeVar

LIMIT = 20.0
"""Seconds after which nobody tries again."""

_Answer = TypeVar("_Answer")


def tab_again(press: Callable[[], _Answer], nothing: Callable[[_Answer], bool] = lambda answer: not answer) -> _Answer:
    """The first answer that is not nothing; the last one where all are nothing. A wrong answer is not asked again."""
    end = time.monotonic() + LIMIT
    while nothing(answer := press()) and time.monotonic() < end:
        time.sleep(0.2)
    return answer
