"""Asks the kernel for one thing after another, each time in a process of its own with chosen capabilities.

    asks.py FOLDER OTHER    prints a line of JSON for each: its name, and the errno with none, with all but those that
                            are enough, and with only those that are needed (null: it worked)

Runs as uid 0. FOLDER has files of user 5, OTHER is a process of user 5. The requests are harmless: where one would
change the machine, its arguments are such that the kernel refuses them right after it has asked for the capability.
"""

import ctypes
import errno
import fcntl
import json
import os
import signal
import socket
import struct
import sys
from collections.abc import Callable
from pathlib import Path

LIBC = ctypes.CDLL(None, use_errno=True)
ALL = (1 << 41) - 1
FOLDER, OTHER = Path(sys.argv[1]), int(sys.argv[2])


def call(number: int, *arguments: object) -> None:
    """A system call of x86_64 by number. Raises OSError."""
    wide = [ctypes.c_long(item) if isinstance(item, int) else item for item in arguments]
    if LIBC.syscall(number, *wide) == -1:
        raise OSError(ctypes.get_errno(), "")


def block(form: str, *values: object, size: int = 0) -> ctypes.Array[ctypes.c_char]:
    """A struct in memory."""
    data = struct.pack(form, *values)
    return ctypes.create_string_buffer(data, max(size, len(data)))


def hold(wanted: int) -> None:
    """Have exactly these capabilities, as far as this process has them."""
    now = block("24x")
    call(125, block("II", 0x20080522, 0), now)
    permitted = struct.unpack_from("I", now, 4)[0] | struct.unpack_from("I", now, 16)[0] << 32
    low, high = wanted & permitted & 0xFFFFFFFF, (wanted & permitted) >> 32
    call(126, block("II", 0x20080522, 0), block("6I", low, low, 0, high, high, 0))


def bind(port: int) -> None:
    socket.socket().bind(("127.0.0.1", port))


def option(level: int, name: int, value: int) -> None:
    socket.socket().setsockopt(level, name, value)


def interface_flags() -> None:
    fcntl.ioctl(socket.socket(), 0x8914, b"no-such-if".ljust(16, b"\0") + bytes(24))


def write(path: str, text: bytes) -> None:
    with open(path, "wb", buffering=0) as file:  # noqa: PTH123 - unbuffered, so that the write itself fails
        file.write(text)


def lease() -> None:
    fcntl.fcntl(os.open(FOLDER / "readable", os.O_RDONLY), fcntl.F_SETLEASE, fcntl.F_RDLCK)


def credentials(pid: int, uid: int, gid: int) -> None:
    left, right = socket.socketpair()
    right.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
    left.sendmsg([b"x"], [(socket.SOL_SOCKET, 2, struct.pack("3i", pid, uid, gid))])


def timex() -> ctypes.Array[ctypes.c_char]:
    return block("IxxxxqqqqiiqqQQq", 0x4000, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, size=208)


REQUESTS: dict[str, tuple[int, int, Callable[[], object]]] = {}


def mask(numbers: str) -> int:
    """A set of capabilities."""
    return sum(1 << int(number) for number in set(numbers.split()))


def request(names: str, what: str, ask: Callable[[], object], also: str = "") -> None:
    """A row: the capabilities by number, what the operation is, how to ask, and what else would do as well."""
    REQUESTS[what] = mask(names), mask(f"{names} {also}"), ask


request("0", "chown", lambda: os.chown(FOLDER / "own", 5, -1))
request("0", "chown to a group", lambda: os.chown(FOLDER / "own", -1, 5))
request("1", "open for writing", lambda: os.open(FOLDER / "closed", os.O_WRONLY))
request("1", "open for reading", lambda: os.open(FOLDER / "closed", os.O_RDONLY), also="2")
request("2", "open for reading (2)", lambda: os.open(FOLDER / "closed", os.O_RDONLY), also="1")
request("1", "create in a directory of others", lambda: os.close(os.open(FOLDER / "open/new", os.O_CREAT)))
request("1", "list a directory of others", lambda: list((FOLDER / "shut").iterdir()), also="2")
request("2", "list a directory of others (2)", lambda: list((FOLDER / "shut").iterdir()), also="1")
request("2", "open by handle", lambda: call(304, os.open("/", 0), block("Ii8x", 8, 1, size=128), 0))
request("3", "chmod", lambda: (FOLDER / "readable").chmod(0o644))
request("3", "utimes", lambda: os.utime(FOLDER / "readable", (1, 1)))
request("3", "O_NOATIME", lambda: os.open(FOLDER / "readable", os.O_RDONLY | os.O_NOATIME))
request("3", "unlink in a sticky directory", lambda: (FOLDER / "sticky/file").unlink())
request("3", "hard link", lambda: os.link(FOLDER / "closed", FOLDER / "hard"), also="1")
request("5", "kill", lambda: os.kill(OTHER, 0))
request("5", "pidfd_send_signal", lambda: signal.pidfd_send_signal(os.pidfd_open(OTHER), 0))
request("6", "setgid", lambda: os.setgid(5))
request("6", "setgroups", lambda: os.setgroups([5]))
request("6", "credentials of a group", lambda: credentials(os.getpid(), 0, 5))
request("7", "setuid", lambda: os.setuid(5))
request("7", "credentials of a user", lambda: credentials(os.getpid(), 5, 0))
request("8", "PR_CAPBSET_DROP", lambda: call(157, 24, 0, 0, 0, 0))
request("8", "PR_SET_SECUREBITS", lambda: call(157, 28, 1, 0, 0, 0))
request("10", "bind", lambda: bind(81))
request("12", "SIOCSIFFLAGS", interface_flags)
request("12", "SO_RCVBUFFORCE", lambda: option(1, 33, 1))
request("12", "TCP_REPAIR", lambda: option(6, 19, 1))
request("12", "SO_MARK", lambda: option(1, 36, 1), also="13")
request("13", "SO_MARK (2)", lambda: option(1, 36, 1), also="12")
request("12", "netlink groups", lambda: socket.socket(16, 3, 12).bind((0, 1)))
request("12", "net sysctl", lambda: write("/proc/sys/net/ipv4/ip_forward", b"x"))
request("13", "SOCK_RAW", lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1))
request("13", "AF_PACKET", lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0))
request("14", "SHM_LOCK", lambda: call(31, SHARED, 11, None))
request("15", "shmget", lambda: call(29, 0x1CAB, 100, 0o600))
request("18", "chroot", lambda: os.chroot("/"))
request("19", "ptrace", lambda: call(101, 16, OTHER, 0, 0))
request("19", "process_vm_readv", lambda: call(310, OTHER, block("qq", 1, 1), 1, block("qq", 1, 1), 1, 0))
request("1 19", "/proc/PID/environ", lambda: Path(f"/proc/{OTHER}/environ").read_bytes(), also="2 38")
request("1 19", "/proc/PID/fd", lambda: list(Path(f"/proc/{OTHER}/fd").iterdir()), also="2")
request("19", "/proc/PID/exe", lambda: Path(f"/proc/{OTHER}/exe").readlink())
request("20", "acct", lambda: call(163, b"/no/such/file"))
request("21", "mount", lambda: call(165, b"none", b"/", b"no-such-fs", 0, None))
request("21", "umount2", lambda: call(166, bytes(FOLDER), 0))
request("21", "swapon", lambda: call(167, b"/no/such/file", 0))
request("21", "sethostname", lambda: call(170, b"x", -1))
request("21", "fsopen", lambda: call(430, b"no-such-fs", 0))
request("21", "unshare", lambda: call(272, 0x04000000))
request("21", "setns", lambda: call(308, os.open("/proc/self/ns/uts", os.O_RDONLY), 0))
request("18 21", "setns into a mount namespace", lambda: call(308, os.open("/proc/self/ns/mnt", os.O_RDONLY), 0))
request("21", "credentials of a process", lambda: credentials(OTHER, 0, 0))
request("21", "trusted attributes", lambda: os.removexattr(FOLDER / "own", "trusted.none"))
request("21", "IPC_RMID", lambda: call(31, SHARED, 0, None))
request("21", "BPF_PROG_GET_NEXT_ID", lambda: call(321, 11, block("III", 0, 0, 0, size=128), 12))
request("22", "reboot", lambda: call(169, 0, 0, 0, 0))
request("23", "setpriority", lambda: os.setpriority(os.PRIO_PROCESS, 0, -1))
request("23", "sched_setaffinity", lambda: os.sched_setaffinity(OTHER, os.sched_getaffinity(0)))
request("23", "move_pages of all", lambda: call(279, 0, 0, None, None, None, 4))
request("25", "clock_adjtime", lambda: call(159, timex()))
request("26", "vhangup", lambda: call(153))
request("27", "mknod", lambda: os.mknod(FOLDER / "null", 0o20600, os.makedev(1, 3)))
request("28", "F_SETLEASE", lease)
request("34", "syslog", lambda: call(103, 3, block("16x"), 16))
request("35", "timerfd_create", lambda: call(283, 8, 0))
request("38", "perf_event_open", lambda: call(298, block("IIQ", 1, 128, 0, size=128), -1, 0, -1, 0), also="21")
request("39", "BPF_MAP_CREATE", lambda: call(321, 0, block("IIII", 1, 4, 4, 1, size=128), 128), also="21")
request("40", "ns_last_pid", lambda: write("/proc/sys/kernel/ns_last_pid", b"x"), also="21")

SHARED = 0


def tried(ask: Callable[[], object], held: int) -> str:
    """The errno's name, or "" where it worked."""
    try:
        hold(held)
        ask()
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, "?")
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""


def answer(ask: Callable[[], object], held: int) -> str | None:
    """How the kernel answers a fresh process that holds these capabilities."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.setsid()
        try:
            os.write(writer, tried(ask, held).encode())
        finally:
            os._exit(0)
    os.close(writer)
    text = os.read(reader, 200).decode()
    os.close(reader)
    os.waitpid(child, 0)
    return text or None


def main() -> None:
    """Every request, three times."""
    global SHARED
    child = os.fork()
    if child == 0:
        os.setgroups([])
        os.setgid(5)
        os.setuid(5)
        os._exit(LIBC.syscall(29, 0x1CAB, 100, 0o1600) & 0)
    os.waitpid(child, 0)
    SHARED = LIBC.syscall(29, 0x1CAB, 0, 0)
    for what, (needed, enough, ask) in REQUESTS.items():
        print(json.dumps([what, answer(ask, 0), answer(ask, ALL & ~enough), answer(ask, needed)]), flush=True)


main()
