"""Limits the time of one request and the size of its answer. The sockets apply the limits.

The timeout of a socket is for one call, so a server that sends a byte a second never exceeds the timeout. A socket of
this module gives each call only the time that is left to the thread's current request, and counts the received bytes.
"""

import contextlib
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any, TypeVar

import msgspec


class AnswerTooLarge(OSError):
    """The answer has more bytes than are allowed."""


class RequestLimit(msgspec.Struct):
    """The limits of a request: `deadline` (time.monotonic), `idle` seconds for one read or write, `size` bytes left."""

    deadline: float | None
    idle: float | None
    size: int

    def left(self) -> float | None:
        """Seconds until the deadline; None without a deadline. Raises TimeoutError after the deadline."""
        if self.deadline is None:
            return None
        seconds = self.deadline - time.monotonic()
        if seconds <= 0:
            raise TimeoutError("the deadline is over")
        return seconds

    def next_timeout(self) -> float | None:
        """Seconds that the next read or write may take; None without a limit.

        Raises TimeoutError after the deadline, and AnswerTooLarge if no byte is left.
        """
        if self.size <= 0:
            raise AnswerTooLarge("the answer is too long")
        return min((limit for limit in (self.left(), self.idle) if limit is not None), default=None)

    @contextlib.contextmanager
    def applied(self) -> Iterator[None]:
        """Apply the limit to the sockets of this module that the thread uses inside the block."""
        token = _CURRENT.set(self)
        try:
            yield
        finally:
            _CURRENT.reset(token)


_CURRENT: ContextVar[RequestLimit | None] = ContextVar("request_limit", default=None)
_Socket = TypeVar("_Socket", bound=type)


def next_timeout() -> float | None:
    """Seconds that the next step of the thread's current request may take; None without a limit.

    Raises TimeoutError, AnswerTooLarge.
    """
    current = _CURRENT.get()
    return None if current is None else current.next_timeout()


def _limited(kind: _Socket) -> _Socket:
    for name in ("do_handshake", "recv", "recv_into", "send", "sendall"):
        if method := getattr(kind, name, None):
            setattr(kind, name, _within(method, counted=name.startswith("recv")))
    return kind


def _within(method: Callable[..., Any], *, counted: bool) -> Callable[..., Any]:
    def call(self: socket.socket, *args: Any, **options: Any) -> Any:
        current = _CURRENT.get()
        if current is None:
            return method(self, *args, **options)
        self.settimeout(current.next_timeout())
        result = method(self, *args, **options)
        if counted:
            current.size -= result if isinstance(result, int) else len(result)
        return result

    return call


@_limited
class LimitedSocket(socket.socket):
    """A socket that applies the limit of the thread's current request."""


@_limited
class LimitedTLSSocket(ssl.SSLSocket):
    """A TLS socket that applies the limit of the thread's current request; for `SSLContext.sslsocket_class`."""
