"""Opens a connection through a SOCKS5 proxy (RFC 1928), with name and password if the proxy asks (RFC 1929)."""

import ipaddress
from typing import Any

from kubectl_caps.errors import Unreachable

_FAILURES = {
    1: "general SOCKS server failure", 2: "connection not allowed by ruleset", 3: "network unreachable",
    4: "host unreachable", 5: "connection refused", 6: "TTL expired", 7: "command not supported",
    8: "address type not supported",
}  # fmt: skip
_NO_LOGIN, _PASSWORD = 0, 2


def connect_through_socks(line: Any, host: str, port: int, user: str, password: str) -> None:
    """Have the proxy connect the line to a host, whose name the proxy resolves. Raises Unreachable."""
    methods = bytes([_NO_LOGIN, _PASSWORD] if user else [_NO_LOGIN])
    line.sendall(bytes([5, len(methods)]) + methods)
    version, method = _exactly(line, 2)
    if version != 5:
        raise _failed("the proxy does not speak SOCKS5")
    if method not in methods:
        raise _failed("the proxy accepts none of the ways to log in")
    if method == _PASSWORD:
        line.sendall(b"\x01" + _counted(user.encode()) + _counted(password.encode()))
        if _exactly(line, 2)[1]:
            raise _failed("the proxy refused the name and password")
    line.sendall(b"\x05\x01\x00" + _address(host) + port.to_bytes(2, "big"))
    version, reply, _, kind = _exactly(line, 4)
    if version != 5 or reply:
        raise _failed(_FAILURES.get(reply, f"unknown reply {reply}"))
    _exactly(line, {1: 4, 4: 16}.get(kind) or _exactly(line, 1)[0])
    _exactly(line, 2)


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


def _exactly(line: Any, count: int) -> bytes:
    data = b""
    while len(data) < count:
        part = line.recv(count - len(data))
        if not part:
            raise _failed("EOF")
        data += part
    return data


def _failed(words: str) -> Unreachable:
    return Unreachable(f"socks connect tcp: {words}")
