"""Reads the object again after the answer to a patch was lost, until the patch shows up or ten seconds are over."""

import time
from collections.abc import Callable
from threading import Event
from typing import TypeVar

from kubectl_caps.cluster.http.errors import ConnectionRefused
from kubectl_caps.errors import ApiError, CapsError, Unreachable

LATE = 10.0
"""Seconds for which an object is read again to see whether an unanswered patch was applied."""
_PAUSE = 0.5
_REQUEST_TIMEOUT = 408

T = TypeVar("T")


class Unanswered(CapsError):
    """A patch got no answer and did not show up within LATE seconds. It is not known whether it will be applied."""


def is_refusal(error: CapsError) -> bool:
    """Whether an error of a patch says that the patch was not applied.

    A 5xx may come from a proxy or a server that goes on working; so may a 408. A 2xx that is an error has an unreadable
    body.
    """
    if isinstance(error, ApiError):
        return 300 <= error.code < 500 and error.code != _REQUEST_TIMEOUT
    return isinstance(error, ConnectionRefused)


def turned_up(error: CapsError, look: Callable[[], T | None], stop: Event) -> T:
    """The first answer of `look` that is not None. `error` is the error that came instead of the answer to the patch.

    Raises Unanswered after LATE seconds, or once `stop` is set. `look` is asked again after ApiError and Unreachable;
    its other errors are passed on.
    """
    end = time.monotonic() + LATE
    while True:
        try:
            found, seen = look(), "the change was not there"
            if found is not None:
                return found
        except (ApiError, Unreachable) as unread:
            seen = f"the object could not be read: {unread.words}"
        if time.monotonic() >= end or stop.wait(_PAUSE):
            break
    raise Unanswered(f"the patch may still be applied: {error.words}; {seen} within {LATE:g} s") from error
