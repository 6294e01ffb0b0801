"""Reads a stack trace: the name of a frame's function tells the system call that was refused."""

import re
from collections.abc import Iterator

_CALLED = re.compile(r"([A-Za-z_]\w{1,60}?)(?:Sync|Async|0)?=?(?: ?\(|'$|`$)")
_CONSTANT = re.compile(r"\b(?:[SAP][A-Z]{1,4}_[A-Z_]{2,30}|SOCK_RAW|security\.capability)\b")
_PORT = re.compile(r"[,(]\s*(\d{1,5})\s*[),]")
_STARTS = re.compile(
    r"\b(?:run|Popen|call|check_call|check_output|spawn|exec)\([^\n]*\b(?:user|group|extra_groups|uid|gid)\s?[=:]"
)
_SERVERS = re.compile(
    r"\b(?:TCPServer|UDPServer|HTTPServer|start_server|create_server|ServerSocket\w*|DatagramChannel\w*)\b"
)

# A language's name for a system call -> its name in the table of system calls.
_ALIASES = {
    "setOwners": "chown",
    "setOwner": "chown",
    "setMode": "chmod",
    "setTimes": "utimes",
    "nice": "setpriority",
    "setPriority": "setpriority",
    "killpg": "kill",
    "send_signal": "kill",
    "server_bind": "bind",
    "remove": "unlink",
}


def spoken(frames: tuple[str, ...], error: str) -> Iterator[str]:
    """Each frame, the innermost first, as a line that a program might print: `chown: Operation not permitted`."""
    is_server = any(_SERVERS.search(frame) for frame in frames)
    for frame in frames:
        if _STARTS.search(frame):
            yield f"cannot change to uid and gid: {error}"
        names = [_ALIASES.get(name, name) for name in _CALLED.findall(frame)]
        constants = _CONSTANT.findall(frame)
        if "bind" in names:
            port = _PORT.search(frame)
            yield f"bind() to port {port[1] if port else ('of a server' if is_server else '')}: {error}"
        if names or constants:
            yield f"{' '.join((*names, *constants))}: {error}"
