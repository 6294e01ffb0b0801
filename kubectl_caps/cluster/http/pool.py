"""Makes a connection pool, with connections that `dial` opens."""

import http.client
import logging
import ssl
from typing import Any

import urllib3
from urllib3.connection import HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.util import parse_url

from kubectl_caps.cluster.config.connection import Connection
from kubectl_caps.cluster.http.dial import PORTS, authorization, dial

CONNECTIONS = 16
"""The most connections to the server that are kept open: one for each thread of `inspect --live`."""


def connection_pool(connection: Connection, tls: ssl.SSLContext) -> HTTPConnectionPool:
    """A connection pool for the server. The pool knows no token, certificate or proxy."""
    _silence_urllib3()
    server, proxy, name = connection.server, connection.proxy, connection.trust.server_name
    # For a server without TLS an HTTP proxy forwards the request, and needs the whole URL in it.
    passed_on = proxy.startswith("http") and not connection.secure

    class DialedConnection(HTTPSConnection):
        is_verified = True  # the TLS context verifies, or the user has turned it off: urllib3 must not warn

        def connect(self) -> None:
            self.sock = dial(server, proxy, tls, name, tunnel=False)

        def putrequest(self, method: str, url: str, *args: Any, **options: Any) -> None:
            origin = f"http://{self.host}:{self.port}" if passed_on else ""
            super().putrequest(method, f"{origin}{url}", *args, **options)
            if passed_on and (login := authorization(proxy)):
                self.putheader("Proxy-Authorization", login)

    class Plain(HTTPConnectionPool):
        ConnectionCls = DialedConnection

    class Secure(HTTPSConnectionPool):
        ConnectionCls = DialedConnection

    place, kind = parse_url(server), Secure if connection.secure else Plain
    return kind(str(place.host), place.port or PORTS[str(place.scheme)], maxsize=CONNECTIONS)


def _silence_urllib3() -> None:
    """Turn off urllib3's messages, because `connection_error` words each error once, and allow many headers."""
    logging.getLogger("urllib3").setLevel(logging.CRITICAL)
    # The answer to a namespace's new label may have a Warning header for each pod that violates the level. http.client
    # raises an error at the hundredth header, when the server has already made the change.
    http.client._MAXHEADERS = max(http.client._MAXHEADERS, 10_000)  # type: ignore[attr-defined]
    urllib3.disable_warnings()
