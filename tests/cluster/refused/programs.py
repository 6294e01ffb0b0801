"""The programs, what each needs, and what `harden` has to make of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

LOW_PORTS = {"securityContext": {"sysctls": [{"name": "net.ipv4.ip_unprivileged_port_start", "value": "1024"}]}}
"""containerd 2 lets a pod listen on every port, unless the pod says something else."""

Seen = Literal["named", "refused", "doubtful", "not seen"]
"""`named`: rolled back, and all that is missing is named. `refused`: rolled back, and nothing is named. `doubtful`: it
is said that it cannot be judged. `not seen`: it leaves no line while it is watched."""


@dataclass(frozen=True)
class Program:
    """A program that needs capabilities.

    `given` are those of `needs` that it gets at the first try. `added` ones are not in the default set of a runtime, so
    the container adds them. One that `stays` goes on without. `named` are the capabilities that the first try names.
    """

    name: str
    language: str
    image: str
    command: Sequence[str]
    needs: Sequence[str]
    seen: Seen
    stays: bool = True
    given: Sequence[str] = ()
    added: Sequence[str] = ()
    locale: str = ""
    named: Sequence[str] = ()
    flags: Sequence[str] = ()
    pod: dict[str, Any] = field(default_factory=dict)
    probe: str = ""


def _sh(name: str, needs: str, seen: Seen, **more: Any) -> Program:
    return Program(name, "shell", "small", ("sh", f"/opt/{name}.sh"), needs.split(), seen, **more)


def _c(name: str, needs: str, seen: Seen, **more: Any) -> Program:
    return Program(name, "C", "small", (f"/opt/{name}",), needs.split(), seen, **more)


def _go(name: str, needs: str, seen: Seen, *, called: str = "", **more: Any) -> Program:
    return Program(called or name, "Go", "small", ("/opt/six", name), needs.split(), seen, **more)


def _python(name: str, needs: str, seen: Seen, **more: Any) -> Program:
    return Program(name, "Python", "python", ("python3", "-u", f"/opt/{name}.py"), needs.split(), seen, **more)


def _node(name: str, needs: str, seen: Seen, **more: Any) -> Program:
    return Program(name, "Node.js", "node", ("node", f"/opt/{name}.js"), needs.split(), seen, **more)


def _perl(name: str, needs: str, seen: Seen, **more: Any) -> Program:
    return Program(name, "Perl", "small", ("perl", f"/opt/{name}.pl"), needs.split(), seen, **more)


def _tcl(name: str, needs: str, seen: Seen, **more: Any) -> Program:
    return Program(name, "Tcl", "small", ("tclsh8.6", f"/opt/{name}.tcl"), needs.split(), seen, **more)


SWITCH = ("SETGID", "SETUID")
PROGRAMS: tuple[Program, ...] = (
    # takes longest
    _go("curfew", "CHOWN", "named", called="curfew-watched", named=("CHOWN",), flags=("--settle", "40s")),
    _c("spoolkeeper", "CHOWN", "refused"),
    _c("uhrwerk", "SYS_NICE", "refused", added=("SYS_NICE",), locale="de"),
    _c("strongroom", "IPC_LOCK", "named", named=("IPC_LOCK",), added=("IPC_LOCK",)),
    _c("oubliette", "SYS_CHROOT", "refused", stays=False),
    _c("ledger", "AUDIT_WRITE", "refused"),
    _c("ratchet", "SETPCAP", "refused"),
    _go("turnstile", "NET_BIND_SERVICE", "named", named=("NET_BIND_SERVICE",), pod=LOW_PORTS),
    _go("warden", "KILL SETGID SETUID", "refused", given=SWITCH),
    _go("devsmith", "MKNOD", "refused", stays=False),
    _go("ward", "SETGID SETUID", "refused"),
    _go("echolot", "NET_RAW", "not seen"),
    _go("echolot", "NET_RAW", "named", called="echolot-probed", named=("NET_RAW",), probe="/measure"),
    _go("curfew", "CHOWN", "not seen"),
    _python("ferry", "DAC_OVERRIDE", "named", named=("DAC_OVERRIDE",)),
    _python("mailroom", "SETGID SETUID", "refused"),
    _python("nightwatch", "FOWNER", "refused"),
    _python("cave", "CHOWN", "refused", locale="fr"),
    _node("postbox", "SETGID", "named", named=("SETGID",)),
    _node("tollbooth", "NET_BIND_SERVICE", "named", named=("NET_BIND_SERVICE",), stays=False, pod=LOW_PORTS),
    _node("foreman", "SETGID SETUID", "refused"),
    _node("lantern", "NET_BIND_SERVICE", "refused", pod=LOW_PORTS),
    _perl("chameleon", "SETUID", "refused"),
    _perl("anchorite", "SYS_CHROOT", "refused", stays=False, locale="es"),
    _perl("verger", "CHOWN", "doubtful"),
    _sh("janitor", "FOWNER", "refused"),
    _sh("bellboy", "KILL SETGID SETUID", "named", named=("KILL",), given=SWITCH),
    _sh("switchman", "NET_ADMIN", "named", named=("NET_ADMIN",), added=("NET_ADMIN",)),
    _sh("mime", "CHOWN", "not seen"),
    _tcl("harbour", "NET_BIND_SERVICE", "refused", pod=LOW_PORTS),
    _tcl("curator", "CHOWN", "named", named=("CHOWN",), stays=False),
)
