"""Reads strace output for refused system calls: `[pid 7] chown("/data", 33, 33) = -1 EPERM (Operation …)`.

Output of -f, -o, -t, -tt, -ttt, -r, -T, -y and -i is read alike: text before the call's name and after the error is
skipped. A call that another thread interrupts is joined again, at most `_WAITING` calls at a time.
"""

import re

from msgspec import Struct

from kubectl_caps.core.diagnosis.syscalls import BY_CALL, Needs, Operation

_LONGEST = 1 << 16
"""So many characters of a call's arguments are matched."""

_WAITING = 4096

_REFUSED = re.compile(r"(EPERM|EACCES|EROFS|ENOMEM) \([^()]{3,100}\)(?: \(INJECTED\))?(?: <\d+\.\d+>)?")
_BEFORE = r" *(?:\[pid +(\d+)\] +|(\d+) +)?(?:[\d:.]+ +)?(?:\[[0-9a-f?]+\] +)?"
_CALL = re.compile(rf"{_BEFORE}([a-z_][a-z0-9_]*)\((.*)", re.DOTALL)
_RESUMED = re.compile(rf"{_BEFORE}<\.\.\. ([a-z_][a-z0-9_]*) resumed>(.*)", re.DOTALL)
_RESULT = re.compile(r"(?:-?\d+|0x[0-9a-f]+|\?)(?: .*)?", re.DOTALL)
_UNFINISHED = " <unfinished ...>"
_WRITES = re.compile(rf"{_BEFORE}(?:write|writev|pwrite64|sendto|sendmsg)\(\d")
_REPORTED = re.compile(r"error=-(EPERM|EACCES)\b")
_NAMED = re.compile(r"\bCAP_([A-Z_]{3,30})\b")


class Refusal(Struct, frozen=True):
    """A system call that failed with EPERM, EACCES or EROFS (mlock: ENOMEM), or a netlink answer with such an error."""

    call: str
    arguments: str
    error: str


class Trace:
    """Reads an strace output line by line."""

    def __init__(self) -> None:
        self._unfinished: dict[tuple[str, str], str] = {}

    def read(self, line: str) -> Refusal | None:
        """The refusal in a line, or None. `line` is one line without its end."""
        if line.endswith(_UNFINISHED):
            self._remember(line.removesuffix(_UNFINISHED))
            return None
        head, found, tail = line.rpartition(" = -1 ")
        error = _REFUSED.fullmatch(tail) if found else None
        return self._refusal(head.rstrip(), error[1]) if error else _answer(line)

    def _remember(self, text: str) -> None:
        match = _CALL.match(text)
        if match and len(self._unfinished) < _WAITING:
            self._unfinished[match[1] or match[2] or "", match[3]] = match[4]

    def _refusal(self, head: str, error: str) -> Refusal | None:
        begun, match = "", _CALL.match(head) if head.endswith(")") else None
        if match is None:
            match = _RESUMED.match(head)
            if match is None:
                return None
            begun = self._unfinished.pop((match[1] or match[2] or "", match[3]), "")
        if error == "ENOMEM" and not match[3].startswith("mlock"):
            return None
        return Refusal(match[3], f"{begun}{match[4]}"[:-1].strip(), error)


def is_traced(line: str) -> bool:
    """Whether a line is a traced system call, and not the program's own output.

    A write call shows the program's output as an argument. On a terminal and in a pipe the output itself follows at
    once, before the call's result, so a line that begins a write call counts without a result.
    """
    head, found, tail = line.rpartition(" = ")
    done = found and head.rstrip().endswith(")") and _RESULT.fullmatch(tail)
    if done or line.endswith(_UNFINISHED):
        return bool(_CALL.match(line) or _RESUMED.match(line))
    return _WRITES.match(line) is not None


def _answer(text: str) -> Refusal | None:
    """The kernel answers netlink messages with an error inside a call that succeeds."""
    reported = _REPORTED.search(text)
    match = _CALL.match(text) if reported else None
    return Refusal(match[3], match[4], "netlink") if match and match[3].startswith("recv") else None


def operation_of(refusal: Refusal) -> Operation | None:
    """The operation of a refused system call; None if no row of the table matches."""
    for operation in BY_CALL.get(refusal.call, ()):
        fits = operation.when is None or operation.when.search(refusal.arguments[:_LONGEST])
        if refusal.error in operation.errors and refusal.call in operation.calls and fits:
            return operation
    return None


def needs_of(refusal: Refusal, operation: Operation) -> Needs:
    """The capabilities that the operation needs. The arguments of capset name them; some of the named are missing."""
    named = tuple(dict.fromkeys(_NAMED.findall(refusal.arguments[:_LONGEST]))) if refusal.call == "capset" else ()
    return (named,) if named else operation.needs
