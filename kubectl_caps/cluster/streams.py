"""A command's output over a websocket: what `exec` speaks (KEP-4006, v5.channel.k8s.io and v4.channel.k8s.io).

The kubernetes client has this as well, but it swaps the client's own method for the time of the call, so it is not
for threads, and it sends no Impersonate headers: with `--as` the command would run as the real user.
"""

import socket
import ssl
import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

import msgspec
from msgspec import Struct

from kubectl_caps.cluster.failures import Interrupted, explain, timed_out
from kubectl_caps.errors import CapsError, ConfigError

PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")
OUTPUT_LIMIT = 16 << 20
"""Bytes; a command that writes more is cut off."""

_STDOUT, _STDERR, _STATUS = 1, 2, 3


class Refused(Exception):
    """The server answered the handshake with something else than a websocket."""

    def __init__(self, status: int, headers: tuple[tuple[str, str], ...], body: bytes) -> None:
        super().__init__(status)
        self.status, self.headers, self.body = status, headers, body


class Outcome(Struct, frozen=True):
    """How a command ended: `failure` is the server's message, empty after success; `code` its exit status, if any."""

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


_ENDED = msgspec.json.Decoder(_Status)


def run(
    url: str, headers: Sequence[tuple[str, str]], tls: ssl.SSLContext, server_name: str, proxy: str, limit: float
) -> Outcome:
    """Open the websocket, and read until the command has ended. `limit` is in seconds for all of it.

    Raises Refused, Unreachable, ConfigError.
    """
    import websocket

    deadline = time.monotonic() + limit
    try:
        connection = websocket.create_connection(
            "ws" + url.removeprefix("http"),
            timeout=limit,
            header=[f"{name}: {value}" for name, value in headers],
            subprotocols=list(PROTOCOLS),
            suppress_origin=True,
            redirect_limit=0,
            skip_utf8_validation=True,
            enable_multithread=False,
            sslopt={"context": tls, **({"server_hostname": server_name} if server_name else {})},
            **(_through(proxy) if proxy else {"socket": _direct(url, tls, server_name, limit)}),
        )
    except websocket.WebSocketBadStatusException as error:
        body = error.resp_body if isinstance(error.resp_body, bytes) else b""
        raise Refused(error.status_code, tuple((error.resp_headers or {}).items()), body) from error
    except (websocket.WebSocketException, OSError) as error:
        raise _explained(error, url, server_name) from error
    try:
        return _read(connection, deadline)
    except (websocket.WebSocketException, OSError) as error:
        raise _explained(error, url, server_name) from error
    finally:
        connection.shutdown()  # type: ignore[no-untyped-call]


def _read(connection: Any, deadline: float) -> Outcome:
    from websocket import ABNF

    parts: dict[int, list[bytes]] = {_STDOUT: [], _STDERR: [], _STATUS: []}
    size = 0
    while size <= OUTPUT_LIMIT:
        remaining = deadline - time.monotonic()
        if remaining <= 0:
            raise timed_out("reading the command's output")
        connection.settimeout(remaining)
        opcode, frame = connection.recv_data_frame(True)
        if opcode == ABNF.OPCODE_CLOSE:
            return _outcome({channel: b"".join(data) for channel, data in parts.items()})
        if opcode in (ABNF.OPCODE_BINARY, ABNF.OPCODE_TEXT) and frame.data:
            parts.get(frame.data[0], []).append(frame.data[1:])
            size += len(frame.data)
    return Outcome(b"".join(parts[_STDOUT]).decode("utf-8", "replace"), cut=True, failure="too much output")


def _outcome(channels: dict[int, bytes]) -> Outcome:
    stdout, stderr = (channels[channel].decode("utf-8", "replace") for channel in (_STDOUT, _STDERR))
    try:
        status = _ENDED.decode(channels[_STATUS])
    except msgspec.DecodeError:
        return Outcome(stdout, stderr, "the connection ended before the command did")
    if status.status == "Success":
        return Outcome(stdout, stderr, code=0)
    causes = (status.details.causes if status.details else None) or []
    codes = [int(cause.message) for cause in causes if cause.reason == "ExitCode" and cause.message.isdecimal()]
    return Outcome(stdout, stderr, status.message or "failed", codes[0] if codes else None)


def _explained(error: Exception, url: str, server_name: str) -> CapsError:
    import websocket

    if isinstance(error, (websocket.WebSocketTimeoutException, TimeoutError)):
        return timed_out("awaiting the command's output")
    if isinstance(error, websocket.WebSocketException):
        return Interrupted(" ".join(str(error).split()) or type(error).__name__)
    return explain(error, url, server_name)


def _direct(url: str, tls: ssl.SSLContext, server_name: str, limit: float) -> socket.socket:
    """A connection to the server. One that websocket-client opens goes through the environment's proxy, if any."""
    parts = urlsplit(url)
    secure, host = parts.scheme == "https", parts.hostname or ""
    opened = socket.create_connection((host, parts.port or (443 if secure else 80)), limit)
    try:
        return tls.wrap_socket(opened, server_hostname=server_name or host) if secure else opened
    except OSError:
        opened.close()
        raise


def _through(proxy: str) -> dict[str, Any]:
    """websocket-client's options for a proxy."""
    parts = urlsplit(proxy)
    if parts.scheme == "https":  # it would send the password to it in the open
        raise ConfigError("commands in containers cannot be run through an https proxy")
    login = (unquote(parts.username), unquote(parts.password or "")) if parts.username else None
    return {
        "http_proxy_host": parts.hostname,
        "http_proxy_port": parts.port,
        "proxy_type": parts.scheme,
        "http_proxy_auth": login,
        "http_no_proxy": ["never.invalid"],  # an empty list would be that of the environment
    }
