"""Limits the time of one request and the size of its answer. The sockets themselves keep the limits.

The timeout of a socket is that of one call: a server that sends a byte a second never meets it. So each call on one of
these sockets gets the time that is left to the thread's current request, and counts the bytes that arrive.
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
    """The limits of a request: the `deadline` (time.monotonic), `idle` seconds for a read or write, `size` bytes."""

    deadline: float | None
    idle: float | None
    size: int

    def left(self) -> float | None:
        """Seconds until the deadline; None without a deadline. Raises TimeoutError."""
        if self.deadline is None:
            return None
        seconds = self.deadline - time.monotonic()
        if seconds <= 0:
            raise TimeoutError("the deadline is over")
        return seconds

    def patience(self) -> float | None:
        """Seconds that the next read or write may take. Raises TimeoutError; AnswerTooLarge where no byte is left."""
        if self.size <= 0:
            raise AnswerTooLarge("the answer is too long")
        return min((limit for limit in (self.left(), self.idle) if limit is not None), default=None)

    @contextlib.contextmanager
    def kept(self) -> Iterator[None]:
        """Inside the block, the sockets that this thread uses keep the limit."""
        token = _PRESENT.set(self)
        try:
            yield
        finally:
            _PRESENT.reset(token)


_PRESENT: ContextVar[RequestLimit | None] = ContextVar("allowance", default=None)
_Socket = TypeVar("_Socket", bound=type)


def patience() -> float | None:
    """Seconds that the next step of the current request may take. Raises TimeoutError, AnswerTooLarge."""
    present = _PRESENT.get()
    return None if present is None else present.patience()


def _limited(kind: _Socket) -> _Socket:
    for name in ("do_handshake", "recv", "recv_into", "send", "sendall"):
        if method := getattr(kind, name, None):
            setattr(kind, name, _within(method, counted=name.startswith("recv")))
    return kind


def _within(method: Callable[..., Any], *, counted: bool) -> Callable[..., Any]:
    def call(self: socket.socket, *args: Any, **options: Any) -> Any:
        present = _PRESENT.get()
        if present is None:
            return method(self, *args, **options)
        self.settimeout(present.patience())
        result = method(self, *args, **options)
        if counted:
            present.size -= result if isinstance(result, int) else len(result)
        return result

    return call


@_limited
class LimitedSocket(socket.socket):
    """A socket that keeps to the allowance of the request that uses it."""


@_limited
class LimitedTLSSocket(ssl.SSLSocket):
    """A TLS socket that keeps to the allowance; for `SSLContext.sslsocket_class`."""
