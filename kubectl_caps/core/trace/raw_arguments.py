"""Finds the capabilities that a failed system call needs, from its raw arguments and the table of `explain`.

The table matches arguments as strace prints them. The trace has numbers, so this module translates the constants that
decide (include/uapi/linux: prctl.h, sched.h, in.h; asm-generic: socket.h, ioctls.h).
"""

import re
from collections.abc import Iterator

from kubectl_caps.core.diagnosis.syscalls import BY_CALL

_HEXADECIMAL = re.compile(r"[0-9a-f]{1,16}")
_PRCTL = {
    22: "PR_SET_SECCOMP", 24: "PR_CAPBSET_DROP", 28: "PR_SET_SECUREBITS", 35: "PR_SET_MM", 47: "PR_CAP_AMBIENT",
}  # fmt: skip
_SOCKET_OPTIONS = {
    (1, 1): "SO_DEBUG", (1, 12): "SO_PRIORITY", (1, 25): "SO_BINDTODEVICE", (1, 32): "SO_SNDBUFFORCE",
    (1, 33): "SO_RCVBUFFORCE", (1, 36): "SO_MARK", (0, 19): "IP_TRANSPARENT", (41, 75): "IPV6_TRANSPARENT",
    (0, 64): "IPT_SO_SET_REPLACE", (6, 19): "TCP_REPAIR",
}  # fmt: skip
_NAMESPACES = {
    0x00020000: "CLONE_NEWNS", 0x02000000: "CLONE_NEWCGROUP", 0x04000000: "CLONE_NEWUTS", 0x08000000: "CLONE_NEWIPC",
    0x10000000: "CLONE_NEWUSER", 0x20000000: "CLONE_NEWPID", 0x40000000: "CLONE_NEWNET", 0x00000080: "CLONE_NEWTIME",
}  # fmt: skip
_IOCTLS = {0x5412: "TIOCSTI", 0x541D: "TIOCCONS", 0x40086602: "FS_IOC_SETFLAGS", 0x4024700A: "RTC_SET_TIME"}
_FAMILIES = {2: "AF_INET", 10: "AF_INET6", 16: "AF_NETLINK", 17: "AF_PACKET"}
_ADDRESSES = {16: "sin_port=htons(1)", 28: "sin6_port=htons(1)", 12: "AF_NETLINK"}
"""The text for an address, by its length, because the event has no address.

EACCES for an IP address means a low port.
"""
_SOCK_RAW, _ICMP = 3, 1
_DEVICES = {0x2000: "S_IFCHR", 0x6000: "S_IFBLK"}


def operation_needs(call: str, error: str, arguments: str) -> tuple[tuple[str, ...], ...]:
    """The alternative sets of capabilities that a failed call may lack; empty if the table names none.

    `arguments` are the words of the event `raw_syscalls:sys_enter`, such as `(1, 24, 7ffd, 4, 0, 0)`; empty if they are
    not known.
    """
    text = _as_strace(call, arguments)
    for row in BY_CALL.get(call, ()):
        if call in row.calls and error in row.errors and (row.when is None or row.when.search(text)):
            return row.needs
    return ()


def _as_strace(call: str, arguments: str) -> str:
    words = arguments.strip("() ").split(", ")
    if not all(map(_HEXADECIMAL.fullmatch, words)):
        return ""
    return ", ".join(_constants(call, [int(word, 16) for word in words]))


def _constants(call: str, words: list[int]) -> Iterator[str]:
    padded = [*words, 0, 0, 0, 0]
    if call == "prctl":
        yield _PRCTL.get(padded[0], "")
    elif call == "setsockopt":
        yield _SOCKET_OPTIONS.get((padded[1], padded[2]), "")
    elif call in ("unshare", "clone"):
        yield "|".join(name for bit, name in _NAMESPACES.items() if padded[0] & bit)
    elif call == "ioctl":
        yield "SIOC" + "X" if 0x8900 <= padded[1] <= 0x89FF else _IOCTLS.get(padded[1], "")
    elif call == "bind":
        yield _ADDRESSES.get(padded[2], "")
    elif call == "socket":
        kind = padded[1] & 0xF
        yield _FAMILIES.get(padded[0], "")
        yield "SOCK_RAW" if kind == _SOCK_RAW else "SOCK_DGRAM" if kind == 2 else ""
        yield "IPPROTO_ICMP" if padded[2] == _ICMP else ""
    elif call in ("mknod", "mknodat"):
        yield _DEVICES.get(padded[1 if call == "mknod" else 2] & 0xF000, "")
