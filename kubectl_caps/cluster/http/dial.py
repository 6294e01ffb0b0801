"""Opens the connection to the server for every transport: direct or through a proxy, with TLS, within the time limit.

The libraries' own proxies differ from each other: urllib3 needs PySocks for SOCKS, websocket-client needs python-socks
and has no https proxies; neither keeps to a deadline while it talks to one.
"""

import base64
import http.client
import queue
import socket
import ssl
import threading
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from kubectl_caps.cluster.http.allowance import LimitedSocket, patience
from kubectl_caps.cluster.http.errors import ConnectionRefused, connection_error, not_connected
from kubectl_caps.cluster.http.socks import connect_through_socks as socks_connect
from kubectl_caps.errors import Unreachable

CONNECT_TIMEOUT = 30.0
"""Seconds; Go's dialer waits as long."""
_PORTS = {"http": 80, "https": 443}


def dial(server: str, proxy: str, tls: ssl.SSLContext, server_name: str, *, tunnel: bool = True) -> Any:
    """A socket to the server, or an object that is used like a socket. Raises Unreachable.

    Without `tunnel` an HTTP proxy passes on requests to a server without TLS, as Go's HTTP client does.
    """
    to, via = urlsplit(server), urlsplit(proxy)
    host, port = to.hostname or "", to.port or _PORTS[to.scheme]
    secure = to.scheme == "https"
    line = _to_proxy(via, tls) if proxy else _tcp(host, port, to.netloc)
    try:
        if proxy:
            _through(line, via, host, port, tunnel=secure or tunnel)
        return _secured(line, tls, server_name or host) if secure else line
    except OSError as error:
        line.close()
        raise connection_error(error, server, server_name) from error
    except Unreachable:
        line.close()
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
        line = _tcp(host, port, f"{host}:{port}")
    except Unreachable as error:
        words = (
            f"dial tcp {host}:{port}: connect: connection refused"
            if isinstance(error, ConnectionRefused)
            else error.args[0]
        )
        raise Unreachable(f"{what}: {words}") from error
    if via.scheme != "https":
        return line
    try:  # with the cluster's own authorities, as Go does
        return _secured(line, tls, host)
    except OSError as error:
        line.close()
        raise Unreachable(f"{what}: {connection_error(error, f'https://{host}').args[0]}") from error


def _through(line: Any, via: SplitResult, host: str, port: int, *, tunnel: bool) -> None:
    _check_name(host)
    if via.scheme.startswith("socks"):
        socks_connect(line, host, port, *_login(via))
    elif tunnel:
        _connect(line, f"[{host}]:{port}" if ":" in host else f"{host}:{port}", authorization(via.geturl()))


def _connect(line: Any, target: str, login: str) -> None:
    who = f"Proxy-Authorization: {login}\r\n" if login else ""
    line.sendall(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{who}\r\n".encode())
    answer = http.client.HTTPResponse(line, method="CONNECT")
    try:
        answer.begin()
    except http.client.HTTPException as error:
        raise Unreachable("proxyconnect tcp: the proxy's answer to CONNECT is no HTTP") from error
    finally:
        answer.close()
    if answer.status != 200:
        raise Unreachable(f"proxyconnect tcp: the proxy answered CONNECT with {answer.status} {answer.reason[:100]}")


def _secured(line: Any, tls: ssl.SSLContext, name: str) -> Any:
    name = name.rstrip(".")
    _check_name(name)
    if isinstance(line, ssl.SSLSocket):
        from urllib3.util.ssltransport import SSLTransport

        return SSLTransport(line, tls, name)
    return tls.wrap_socket(line, server_hostname=name)


def _check_name(name: str) -> None:
    """Raises Unreachable for a name that IDNA cannot encode: TLS and proxies take no other names."""
    try:
        usable = name.encode("idna") and "\0" not in name
    except UnicodeError:
        usable = False
    if not usable:
        raise Unreachable(f"{name!a} is not a valid host name")


def _tcp(host: str, port: int, shown: str) -> LimitedSocket:
    """A socket to one of the host's addresses; errors call the host `shown`."""
    last: OSError = OSError("no address")
    try:
        addresses = _addresses(host, port)
        for index, (family, kind, protocol, _, address) in enumerate(addresses):
            line = LimitedSocket(family, kind, protocol)
            try:
                line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                _connect_within(line, address, len(addresses) - index)
                return line
            except OSError as error:
                line.close()
                last = error
    except OSError as error:
        last = error
    raise not_connected(last, shown, host) from last


def _connect_within(line: LimitedSocket, address: Any, addresses: int) -> None:
    """Each address gets its part of the time, so that one that never answers leaves some to the next."""
    limit = min(patience() or CONNECT_TIMEOUT, CONNECT_TIMEOUT) / addresses
    line.settimeout(limit)
    socket.socket.connect(line, address)


def _addresses(host: str, port: int) -> list[Any]:
    """The addresses of a name. A resolver has no timeout, so a thread asks, which may be left behind."""
    answers: queue.Queue[list[Any] | OSError] = queue.Queue()

    def ask() -> None:
        try:
            answers.put(socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            answers.put(error if isinstance(error, OSError) else socket.gaierror(str(error)))

    threading.Thread(target=ask, daemon=True).start()
    try:
        found = answers.get(timeout=min(patience() or CONNECT_TIMEOUT, CONNECT_TIMEOUT))
    except queue.Empty:
        raise TimeoutError("the resolver does not answer") from None
    if isinstance(found, OSError):
        raise found
    return found
