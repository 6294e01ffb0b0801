"""Opens a connection to the server: direct or through a proxy, with TLS, within the time limit of the request.

urllib3 and websocket-client have proxy support of their own, which is not used. urllib3 needs PySocks for SOCKS.
websocket-client needs python-socks, and knows no https proxies. Both exceed the deadline while they talk to a proxy.
"""

import base64
import http.client
import queue
import socket
import ssl
import threading
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from kubectl_caps.cluster.http.errors import ConnectionRefused, connection_error, not_connected
from kubectl_caps.cluster.http.request_limit import LimitedSocket, next_timeout
from kubectl_caps.cluster.http.socks import connect_through_socks as socks_connect
from kubectl_caps.errors import Unreachable

CONNECT_TIMEOUT = 30.0
"""Seconds for a connection, as in Go's dialer."""
PORTS = {"http": 80, "https": 443}
"""The port of a server whose URL names none."""


def dial(server: str, proxy: str, tls: ssl.SSLContext, server_name: str, *, tunnel: bool = True) -> Any:
    """A socket to the server, or an object with the methods of a socket. Raises Unreachable.

    `server_name` is the name in the server's certificate, if it is not the host. To a server without TLS, an HTTP proxy
    opens a tunnel (CONNECT) only with `tunnel`. Without `tunnel` the socket leads to the proxy, as in Go's HTTP client.
    """
    to, via = urlsplit(server), urlsplit(proxy)
    host, port = to.hostname or "", to.port or PORTS[to.scheme]
    secure = to.scheme == "https"
    sock = _to_proxy(via, tls) if proxy else _tcp(host, port, to.netloc)
    try:
        if proxy:
            _through(sock, via, host, port, tunnel=secure or tunnel)
        return _secured(sock, tls, server_name or host) if secure else sock
    except OSError as error:
        sock.close()
        raise connection_error(error, server, server_name) from error
    except Unreachable:
        sock.close()
        raise


def authorization(proxy: str) -> str:
    """The value of the Proxy-Authorization header; empty if the proxy's URL has no user."""
    user, password = _login(urlsplit(proxy))
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}" if user else ""


def _login(proxy: SplitResult) -> tuple[str, str]:
    return unquote(proxy.username or ""), unquote(proxy.password or "")


def _to_proxy(via: SplitResult, tls: ssl.SSLContext) -> Any:
    host, port = via.hostname or "", via.port or 0
    what = "socks connect tcp" if via.scheme.startswith("socks") else "proxyconnect tcp"
    try:
        sock = _tcp(host, port, f"{host}:{port}")
    except Unreachable as error:
        words = (
            f"dial tcp {host}:{port}: connect: connection refused"
            if isinstance(error, ConnectionRefused)
            else error.args[0]
        )
        raise Unreachable(f"{what}: {words}") from error
    if via.scheme != "https":
        return sock
    try:  # the cluster's certificate authorities count for the proxy, too, as in Go
        return _secured(sock, tls, host)
    except OSError as error:
        sock.close()
        raise Unreachable(f"{what}: {connection_error(error, f'https://{host}').args[0]}") from error


def _through(sock: Any, via: SplitResult, host: str, port: int, *, tunnel: bool) -> None:
    _check_name(host)
    if via.scheme.startswith("socks"):
        socks_connect(sock, host, port, *_login(via))
    elif tunnel:
        _connect(sock, f"[{host}]:{port}" if ":" in host else f"{host}:{port}", authorization(via.geturl()))


def _connect(sock: Any, target: str, login: str) -> None:
    who = f"Proxy-Authorization: {login}\r\n" if login else ""
    sock.sendall(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{who}\r\n".encode())
    answer = http.client.HTTPResponse(sock, method="CONNECT")
    try:
        answer.begin()
    except http.client.HTTPException as error:
        raise Unreachable("proxyconnect tcp: the proxy's answer to CONNECT is no HTTP") from error
    finally:
        answer.close()
    if answer.status != 200:
        raise Unreachable(f"proxyconnect tcp: the proxy answered CONNECT with {answer.status} {answer.reason[:100]}")


def _secured(sock: Any, tls: ssl.SSLContext, name: str) -> Any:
    name = name.rstrip(".")
    _check_name(name)
    if isinstance(sock, ssl.SSLSocket):
        from urllib3.util.ssltransport import SSLTransport

        return SSLTransport(sock, tls, name)
    return tls.wrap_socket(sock, server_hostname=name)


def _check_name(name: str) -> None:
    """Raise Unreachable for a name that IDNA cannot encode, because TLS and proxies refuse such a name."""
    try:
        usable = name.encode("idna") and "\0" not in name
    except UnicodeError:
        usable = False
    if not usable:
        raise Unreachable(f"{name!a} is not a valid host name")


def _tcp(host: str, port: int, shown: str) -> LimitedSocket:
    """A socket to one of the host's addresses. Raises Unreachable, whose text calls the host `shown`."""
    last: OSError = OSError("no address")
    try:
        addresses = _addresses(host, port)
        for index, (family, kind, protocol, _, address) in enumerate(addresses):
            sock = LimitedSocket(family, kind, protocol)
            try:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                _connect_within(sock, address, len(addresses) - index)
                return sock
            except OSError as error:
                sock.close()
                last = error
    except OSError as error:
        last = error
    raise not_connected(last, shown, host) from last


def _connect_within(sock: LimitedSocket, address: Any, addresses: int) -> None:
    """Connect to an address. With several `addresses` each gets an equal part of the time, so that all are tried."""
    limit = min(next_timeout() or CONNECT_TIMEOUT, CONNECT_TIMEOUT) / addresses
    sock.settimeout(limit)
    socket.socket.connect(sock, address)


def _addresses(host: str, port: int) -> list[Any]:
    """The addresses of a name. A resolver has no timeout, so a daemon thread calls it. Raises TimeoutError, OSError."""
    answers: queue.Queue[list[Any] | OSError] = queue.Queue()

    def ask() -> None:
        try:
            answers.put(socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            answers.put(error if isinstance(error, OSError) else socket.gaierror(str(error)))

    threading.Thread(target=ask, daemon=True).start()
    try:
        found = answers.get(timeout=min(next_timeout() or CONNECT_TIMEOUT, CONNECT_TIMEOUT))
    except queue.Empty:
        raise TimeoutError("the resolver does not answer") from None
    if isinstance(found, OSError):
        raise found
    return found
