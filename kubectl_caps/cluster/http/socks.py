"""Opens a connection through a SOCKS5 proxy (RFC 1928), with user and password if the proxy asks (RFC 1929)."""

import ipaddress
from typing import Any

from kubectl_caps.errors import Unreachable

_FAILURES = {
    1: "general SOCKS server failure", 2: "connection not allowed by ruleset", 3: "network unreachable",
    4: "host unreachable", 5: "connection refused", 6: "TTL expired", 7: "command not supported",
    8: "address type not supported",
}  # fmt: skip
_NO_LOGIN, _PASSWORD = 0, 2


def connect_through_socks(sock: Any, host: str, port: int, user: str, password: str) -> None:
    """Make the proxy behind `sock` connect to a host. The proxy resolves the name. Raises Unreachable, OSError."""
    methods = bytes([_NO_LOGIN, _PASSWORD] if user else [_NO_LOGIN])
    sock.sendall(bytes([5, len(methods)]) + methods)
    version, method = _exactly(sock, 2)
    if version != 5:
        raise _failed("the proxy does not speak SOCKS5")
    if method not in methods:
        raise _failed("the proxy accepts none of the ways to log in")
    if method == _PASSWORD:
        sock.sendall(b"\x01" + _counted(user.encode()) + _counted(password.encode()))
        if _exactly(sock, 2)[1]:
            raise _failed("the proxy refused the name and password")
    sock.sendall(b"\x05\x01\x00" + _address(host) + port.to_bytes(2, "big"))
    version, reply, _, kind = _exactly(sock, 4)
    if version != 5 or reply:
        raise _failed(_FAILURES.get(reply, f"unknown reply {reply}"))
    _exactly(sock, {1: 4, 4: 16}.get(kind) or _exactly(sock, 1)[0])
    _exactly(sock, 2)


def _address(host: str) -> bytes:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return b"\x03" + _counted(host.encode("idna"))
    return (b"\x01" if address.version == 4 else b"\x04") + address.packed


def _counted(data: bytes) -> bytes:
    if len(data) > 255:
        raise _failed("a name is longer than 255 bytes")
    return bytes([len(data)]) + data


def _exactly(sock: Any, count: int) -> bytes:
    data = b""
    while len(data) < count:
        part = sock.recv(count - len(data))
        if not part:
            raise _failed("EOF")
        data += part
    return data


def _failed(words: str) -> Unreachable:
    return Unreachable(f"socks connect tcp: {words}")
