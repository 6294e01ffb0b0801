"""The errors of connections and requests, in kubectl's words. Most of these words are Go's."""

import socket
import ssl
from collections.abc import Iterator
from urllib.parse import urlsplit

from kubectl_caps.cluster.http.request_limit import AnswerTooLarge
from kubectl_caps.errors import ConfigError, Unreachable, os_words

_UNKNOWN_AUTHORITY = "certificate signed by unknown authority"

# X509_V_ERR_*: openssl/x509_vfy.h. Go's words: crypto/x509/verify.go.
_CERTIFICATE = {
    9: "certificate is not yet valid",
    10: "certificate has expired",
    18: _UNKNOWN_AUTHORITY,
    19: _UNKNOWN_AUTHORITY,
    20: _UNKNOWN_AUTHORITY,
    21: _UNKNOWN_AUTHORITY,
}


class ConnectionRefused(Unreachable):
    """No program listens on the server's port."""

    def __str__(self) -> str:
        return f"The connection to the server {self.args[0]} was refused - did you specify the right host or port?"


class Interrupted(Unreachable):
    """The connection broke before the answer was complete. A GET may be sent again."""


class TooLong(Unreachable):
    """The answer has more bytes than any answer of an API server. The rest of the answer was not read."""

    def __str__(self) -> str:
        return f"error: the answer of the server {self.args[0]} is too long to be one of a Kubernetes API server"


class UnreadableAnswer(Unreachable):
    """The server answered a change with success, but without the object: the change may have been made or not."""

    def __str__(self) -> str:
        return str(self.args[0])


def timed_out(what: str) -> Unreachable:
    """The error for a request that exceeded its limit of time; `what` is the interrupted step."""
    return Unreachable(f"context deadline exceeded (Client.Timeout exceeded while {what})")


def connection_error(
    error: Exception, server: str, name: str = "", stage: str = "awaiting headers"
) -> ConfigError | Unreachable:
    """The error for a failure of urllib3, a socket or TLS, as one line.

    `name` is the name in the server's certificate, if it is not the server's host. `stage` is the interrupted step.
    """
    from urllib3 import exceptions as urllib3

    url = urlsplit(server)
    chain = list(_chain(error))
    for cause in chain:
        if isinstance(cause, AnswerTooLarge):
            return TooLong(url.netloc)
        if isinstance(cause, (TimeoutError, urllib3.ReadTimeoutError)):
            return timed_out(stage)
        if isinstance(cause, ssl.SSLError):
            return Unreachable(_tls_words(cause, name or url.hostname or url.netloc))
    if isinstance(error, urllib3.LocationValueError):
        return ConfigError(f"{server}: {_one_line(error)}")
    return _broken(chain)


def not_connected(error: OSError, address: str, name: str) -> Unreachable:
    """The error for an address that could not be connected to. `name` is the host name in the address."""
    if isinstance(error, ConnectionRefusedError):
        return ConnectionRefused(address)
    if isinstance(error, socket.gaierror):
        return Unreachable(f"dial tcp: lookup {name}: no such host")
    if isinstance(error, TimeoutError):
        return Unreachable(f"dial tcp {address}: i/o timeout")
    return Unreachable(f"dial tcp {address}: connect: {os_words(error)}")


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error and its causes. urllib3 passes a cause in the arguments or in `__cause__`."""
    seen: list[BaseException] = []
    while error is not None and error not in seen:
        seen.append(error)
        yield error
        inner = next((part for part in reversed(error.args) if isinstance(part, BaseException)), None)
        error = inner or error.__cause__ or error.__context__


def _broken(chain: list[BaseException]) -> Unreachable:
    for cause in chain:
        if isinstance(cause, ConnectionResetError):
            # A subclass (http.client's RemoteDisconnected) means an orderly end before any answer.
            return Interrupted("EOF" if type(cause) is not ConnectionResetError else "read: connection reset by peer")
        if isinstance(cause, BrokenPipeError):
            return Interrupted("write: broken pipe")
        if type(cause).__name__ in ("IncompleteRead", "InvalidChunkLength"):
            return Interrupted("unexpected EOF")
    return Interrupted(_one_line(chain[-1]))


def _one_line(error: BaseException) -> str:
    return " ".join(str(error)[:300].split()) or type(error).__name__


def _tls_words(error: ssl.SSLError, host: str) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        words = _CERTIFICATE.get(error.verify_code)
        if words is None and error.verify_code in (62, 64):  # hostname, IP address
            words = f"certificate is not valid for {host}"
        return f"tls: failed to verify certificate: x509: {words or error.verify_message}"
    if error.reason in ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG"):
        return "tls: first record does not look like a TLS handshake"
    if isinstance(error, ssl.SSLEOFError):
        return "EOF"
    return f"tls: {(error.reason or error.strerror or str(error)).lower().replace('_', ' ')}"
