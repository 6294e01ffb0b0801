"""`LogPattern`, a row of the diagnosis: the pattern of a line, and the cause of that line.

The other modules of this folder hold the rows. Their lines are from programs that ran without capabilities (Debian 12,
kernel 6.18), from the programs' sources, or from issues of their projects. tests/core/diagnosis/test_diagnose.py holds
a line for each row.

Patterns read hostile text. Every repetition is bounded, so that the time for a line grows in proportion to its length.
"""

from typing import Literal

from msgspec import Struct

from kubectl_caps.core.late_pattern import LatePattern

Certainty = Literal["certain", "likely", "possible"]
CauseKind = Literal["capability", "setting", "other"]
Setting = Literal["allowPrivilegeEscalation", "runAsUser", "seccompProfile"]
"""A field that a hardening changes besides the capabilities, and whose change can make a program fail."""


class LogPattern(Struct, frozen=True):
    """A line that names a cause. A group named `capability` in the pattern stands for `capabilities`.

    `program` prints the line. `users` are the users whom an added capability helps: `root` if file permissions stop
    every other user, `any` if it helps every user, `usual` if it helps root, and other users only in a program with
    file capabilities. `next_command` is the command to try next, with placeholders WORKLOAD, NAMESPACE, POD, CONTAINER
    and IMAGE; empty if the next command adds the capabilities. If there are `words`, the pattern is tried only on lines
    with one of these words. `setting` is the field that caused the refusal, if a hardening may change that field. A
    `vague` row only shows that a program failed: it counts if no other row names a cause.
    """

    pattern: LatePattern
    program: str
    capabilities: tuple[str, ...]
    certainty: Certainty
    note: str
    kind: CauseKind = "capability"
    users: Literal["root", "usual", "any"] = "usual"
    next_command: str = ""
    words: frozenset[str] = frozenset()
    setting: Setting | None = None
    vague: bool = False


def needs(capabilities: str, certainty: Certainty, program: str, pattern: str, note: str) -> LogPattern:
    """A row for missing capabilities (short names in one text)."""
    return LogPattern(LatePattern(pattern), program, tuple(capabilities.split()), certainty, note)


def not_a_capability(
    kind: Literal["setting", "other"],
    program: str,
    pattern: str,
    note: str,
    next_command: str,
    certainty: Certainty = "certain",
    *,
    setting: Setting | None = None,
    vague: bool = False,
) -> LogPattern:
    """A row for a cause that no capability fixes."""
    found = LatePattern(pattern)
    return LogPattern(
        found, program, (), certainty, note, kind, next_command=next_command, setting=setting, vague=vague
    )


EPERM = r"[Oo]peration not permitted"
EACCES = r"[Pp]ermission denied"
LOW_PORT = r"(?:\d{1,3}|10[01]\d|102[0-3])(?!\d)"
"""A port below 1024, the default of `net.ipv4.ip_unprivileged_port_start`."""
LOW = f":{LOW_PORT}"

# After a rollback the pod and its log are gone. The events of the pod and the workload still exist.
DESCRIBE = "kubectl get events -n NAMESPACE --field-selector involvedObject.name=POD"
INSPECT = "kubectl caps inspect WORKLOAD -n NAMESPACE"
LOGS = "kubectl caps harden WORKLOAD -n NAMESPACE --rollback=false; kubectl logs WORKLOAD -n NAMESPACE -c CONTAINER"
MOUNTS = "kubectl get WORKLOAD -n NAMESPACE -o jsonpath='{..volumeMounts}'"
SECCOMP = "kubectl get WORKLOAD -n NAMESPACE -o jsonpath='{..seccompProfile}'"
TRACE = (
    "kubectl exec WORKLOAD -n NAMESPACE -c CONTAINER -- strace -f setpriv --bounding-set=-all PROGRAM 2>&1"
    " | kubectl caps explain -"
)
"""`PROGRAM` is the program with its arguments. The image must have strace and setpriv."""

PORT = (
    "listening on a port below 1024 needs NET_BIND_SERVICE; "
    "a higher port, or the sysctl net.ipv4.ip_unprivileged_port_start, needs no capability"
)
PING = "a raw socket needs NET_RAW; ping alone also works with the sysctl net.ipv4.ping_group_range"
GROUP = "taking on the group of another user needs SETGID, and SETUID comes next"
USER = "becoming another user needs SETUID"
OWNER = (
    "giving a file to another user or group needs CHOWN, unless the volume already has the right owner; "
    "NFS with root_squash refuses it even with CHOWN"
)
