"""Waits for a change whose answer was lost: reads the object again until it has the change, for ten seconds."""

import time
from collections.abc import Callable
from threading import Event
from typing import TypeVar

from kubectl_caps.cluster.http.errors import ConnectionRefused
from kubectl_caps.errors import ApiError, CapsError, Unreachable

LATE = 10.0
"""Seconds for which an object is read again after a patch without an answer."""
_PAUSE = 0.5
_REQUEST_TIMEOUT = 408

T = TypeVar("T")


class Unanswered(CapsError):
    """A patch got no answer, and the object did not have the change within LATE seconds. The change may still come."""


def is_refusal(error: CapsError) -> bool:
    """Whether the error of a patch proves that the patch was not applied.

    A 5xx or 408 is no proof: a proxy may have answered, or the server may go on with the patch. An error with a 2xx has
    an unreadable body, which is no proof either.
    """
    if isinstance(error, ApiError):
        return 300 <= error.code < 500 and error.code != _REQUEST_TIMEOUT
    return isinstance(error, ConnectionRefused)


def wait_for_change(error: CapsError, look: Callable[[], T | None], stop: Event) -> T:
    """Call `look` until its result is not None, and return the result. `error` is the error of the patch.

    `look` is called again after an ApiError or Unreachable. Raises Unanswered after LATE seconds or when `stop` is set,
    and other errors of `look`.
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
