"""What went wrong on the way to the server, in kubectl's words (which are mostly Go's)."""

import socket
import ssl
from collections.abc import Iterator
from urllib.parse import urlsplit

from kubectl_caps.errors import ConfigError, Unreachable

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


class Refused(Unreachable):
    """Nothing listens there."""

    def __str__(self) -> str:
        return f"The connection to the server {self.args[0]} was refused - did you specify the right host or port?"


class Interrupted(Unreachable):
    """The connection broke before the answer was complete. A GET may be asked again."""


def timed_out(what: str) -> Unreachable:
    """`--request-timeout`, or our own patience, is over."""
    return Unreachable(f"context deadline exceeded (Client.Timeout exceeded while {what})")


def explain(error: Exception, server: str, name: str = "") -> ConfigError | Unreachable:
    """A failure of urllib3, the socket or TLS as one line for the user; the original is for `raise ... from`.

    `name` is the one that the server's certificate should have had, where it is not the server's host.
    """
    from urllib3 import exceptions as urllib3

    url = urlsplit(server)
    host = url.netloc
    if isinstance(error, urllib3.ProxyError):
        return Unreachable(f"proxyconnect tcp: {_proxy_words(error)}")
    chain = list(_chain(error))
    for cause in chain:
        if isinstance(cause, ssl.SSLError):
            return Unreachable(_tls_words(cause, name or url.hostname or host))
    if isinstance(error, urllib3.ReadTimeoutError):
        return timed_out("awaiting headers")
    if isinstance(error, urllib3.NewConnectionError):  # a ConnectTimeoutError by inheritance, not by meaning
        return _not_connected(error, chain, host, url.hostname or host)
    if isinstance(error, urllib3.ConnectTimeoutError):
        return Unreachable(f"dial tcp {host}: i/o timeout")
    if isinstance(error, (urllib3.ProtocolError, urllib3.DecodeError, OSError)):
        return _broken(chain)
    return ConfigError(f"{type(error).__name__}: {' '.join(str(error).split())}")


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error and what caused it; urllib3 puts the cause into the arguments as often as into `__cause__`."""
    seen: list[BaseException] = []
    while error is not None and error not in seen:
        seen.append(error)
        yield error
        inner = next((part for part in reversed(error.args) if isinstance(part, BaseException)), None)
        error = inner or error.__cause__ or error.__context__


def _not_connected(error: Exception, chain: list[BaseException], host: str, name: str) -> Unreachable:
    for cause in chain:
        if isinstance(cause, ConnectionRefusedError):
            return Refused(host)
        if isinstance(cause, socket.gaierror):
            return Unreachable(f"dial tcp: lookup {name}: no such host")
        if isinstance(cause, OSError) and cause.strerror:
            return Unreachable(f"dial tcp {host}: connect: {cause.strerror.lower()}")
    return Unreachable(f"dial tcp {host}: {' '.join(str(error).split())}")


def _broken(chain: list[BaseException]) -> Unreachable:
    for cause in chain:
        if isinstance(cause, ConnectionResetError):
            # RemoteDisconnected is one, too: an orderly end before any answer.
            return Interrupted("EOF" if type(cause) is not ConnectionResetError else "read: connection reset by peer")
        if isinstance(cause, BrokenPipeError):
            return Interrupted("write: broken pipe")
        if type(cause).__name__ in ("IncompleteRead", "InvalidChunkLength"):
            return Interrupted("unexpected EOF")
    return Interrupted(" ".join(str(chain[-1]).split()) or type(chain[-1]).__name__)


def _proxy_words(error: Exception) -> str:
    for cause in _chain(error):
        if isinstance(cause, ConnectionRefusedError):
            return "connect: connection refused"
        if isinstance(cause, socket.gaierror):
            return "no such host"
    return " ".join(str(list(_chain(error))[-1]).split())


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
