"""Runs a command in a container by `exec` over a websocket, and reads its output (KEP-4006, v4 and v5.channel.k8s.io).

The kubernetes client's `exec` is not used. It replaces a method of the client during the call, so several threads must
not use it. It sends no Impersonate headers: with `--as`, the command would run as the real user.
"""

import re
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct

from kubectl_caps.cluster.http.deep_json import UNREADABLE, decode_deep
from kubectl_caps.cluster.http.errors import Interrupted, connection_error, timed_out
from kubectl_caps.cluster.http.request_limit import AnswerTooLarge, RequestLimit
from kubectl_caps.errors import CapsError

PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")
OUTPUT_LIMIT = 16 << 20
"""The most bytes that are read, frames included. The rest of the output is not read."""

_STDOUT, _STDERR, _STATUS = 1, 2, 3


class HandshakeRefused(Exception):
    """The server answered the handshake with something other than a websocket."""

    def __init__(self, status: int, headers: tuple[tuple[str, str], ...], body: bytes) -> None:
        super().__init__(status)
        self.status, self.headers, self.body = status, headers, body


class Outcome(Struct, frozen=True):
    """The output and the end of a command.

    `failure` is the server's message; it is empty after success. `code` is the exit status, None if it is not known.
    `cut` says that the command wrote more than OUTPUT_LIMIT.
    """

    stdout: str
    stderr: str = ""
    failure: str = ""
    code: int | None = None
    cut: bool = False


class _Cause(Struct, frozen=True):
    reason: str = ""
    message: str = ""


class _Details(Struct, frozen=True):
    causes: list[_Cause] | None = None


class _Status(Struct, frozen=True):
    status: str = ""
    message: str = ""
    details: _Details | None = None


_CODE = re.compile(r"[0-9]{1,9}")
_ENDED = msgspec.json.Decoder(_Status)


def run_command(url: str, headers: Sequence[tuple[str, str]], sock: Any, request_limit: RequestLimit) -> Outcome:
    """Open a websocket over the connected socket `sock`, and read until the command has ended.

    `request_limit` is the limit that the caller has applied. Raises HandshakeRefused, Unreachable.
    """
    import websocket

    try:
        connection = websocket.create_connection(
            "ws" + url.removeprefix("http"),
            socket=sock,
            header=[f"{name}: {value}" for name, value in headers],
            subprotocols=list(PROTOCOLS),
            suppress_origin=True,
            redirect_limit=0,
            skip_utf8_validation=True,
            enable_multithread=False,
        )
    except websocket.WebSocketBadStatusException as error:
        body = error.resp_body if isinstance(error.resp_body, bytes) else b""
        raise HandshakeRefused(error.status_code, tuple((error.resp_headers or {}).items()), body) from error
    except Exception as error:  # a malformed answer also raises IndexError, CookieError and others
        raise _explained(error, url) from error
    request_limit.size = OUTPUT_LIMIT
    try:
        parts, cut = _read(connection, url)
    finally:
        connection.shutdown()  # type: ignore[no-untyped-call]
    channels = {channel: b"".join(data) for channel, data in parts.items()}
    if cut:
        return Outcome(channels[_STDOUT].decode("utf-8", "replace"), cut=True, failure="too much output")
    return _outcome(channels)


def _read(connection: Any, url: str) -> tuple[dict[int, list[bytes]], bool]:
    """The bytes of each channel until the server closed the websocket, and whether the output was cut."""
    from websocket import ABNF

    parts: dict[int, list[bytes]] = {_STDOUT: [], _STDERR: [], _STATUS: []}
    while True:
        try:
            opcode, frame = connection.recv_data_frame(True)
        except AnswerTooLarge:
            return parts, True
        except Exception as error:  # a malformed frame raises other exceptions than WebSocketException, too
            raise _explained(error, url) from error
        if opcode == ABNF.OPCODE_CLOSE:
            return parts, False
        if opcode in (ABNF.OPCODE_BINARY, ABNF.OPCODE_TEXT) and frame.data:
            parts.get(frame.data[0], []).append(frame.data[1:])


def _outcome(channels: dict[int, bytes]) -> Outcome:
    stdout, stderr = (channels[channel].decode("utf-8", "replace") for channel in (_STDOUT, _STDERR))
    try:
        status = decode_deep(_ENDED, channels[_STATUS])
    except UNREADABLE:
        return Outcome(stdout, stderr, "the connection ended before the command did")
    if status.status == "Success":
        return Outcome(stdout, stderr, code=0)
    causes = (status.details.causes if status.details else None) or []
    codes = [int(cause.message) for cause in causes if cause.reason == "ExitCode" and _CODE.fullmatch(cause.message)]
    return Outcome(stdout, stderr, status.message or "failed", codes[0] if codes else None)


def _explained(error: Exception, url: str) -> CapsError:
    import websocket

    if isinstance(error, (websocket.WebSocketTimeoutException, TimeoutError)):
        return timed_out("awaiting the command's output")
    if isinstance(error, websocket.WebSocketException):
        return Interrupted(" ".join(str(error)[:300].split()) or type(error).__name__)
    return connection_error(error, url)
