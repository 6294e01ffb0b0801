"""`LogPattern`, a row of the diagnosis: the pattern of a line, and the cause of that line.

The rows are in servers.py, tools.py, kernel.py and kubernetes.py beside this file. Their lines are from
programs that ran without capabilities (Debian 12, kernel 6.18), from their sources, or from issues of their projects;
tests/core/diagnosis/test_diagnose.py holds one of each.

Patterns see hostile text. Every repetition of anything is bounded, so that a line costs time in proportion to its
length.
"""

from typing import Literal

from msgspec import Struct

from kubectl_caps.core.late_pattern import LatePattern

Certainty = Literal["certain", "likely", "possible"]
CauseKind = Literal["capability", "setting", "other"]
Setting = Literal["allowPrivilegeEscalation", "runAsUser", "seccompProfile"]
"""A field beside the capabilities that a hardening changes, and that takes something from the programs."""


class LogPattern(Struct, frozen=True):
    """A line that names a cause. A group named `capability` in the pattern stands for `capabilities`.

    `program` prints the line. `users` are the users that an added capability helps: `root` if others meet file
    permissions, `any` if it helps every user; by default it helps root, and others only in a program that has file
    capabilities. `next_command` is the command to try next, with WORKLOAD, NAMESPACE, POD, CONTAINER and IMAGE
    in it; empty if that command adds the capabilities. If there are `words`, the pattern is tried only on lines with
    one of these words. `setting` is a field that a hardening may change and that the row is about. A `vague` row only
    shows that something failed: it counts if no other row names a cause.
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
"""A port below 1024, which is where `net.ipv4.ip_unprivileged_port_start` is unless somebody changed it."""
LOW = f":{LOW_PORT}"

# After a rollback the pod and its log are gone, and its events and the workload are still there.
DESCRIBE = "kubectl get events -n NAMESPACE --field-selector involvedObject.name=POD"
INSPECT = "kubectl caps inspect WORKLOAD -n NAMESPACE"
LOGS = "kubectl caps harden WORKLOAD -n NAMESPACE --rollback=false; kubectl logs WORKLOAD -n NAMESPACE -c CONTAINER"
MOUNTS = "kubectl get WORKLOAD -n NAMESPACE -o jsonpath='{..volumeMounts}'"
SECCOMP = "kubectl get WORKLOAD -n NAMESPACE -o jsonpath='{..seccompProfile}'"
TRACE = (
    "kubectl exec WORKLOAD -n NAMESPACE -c CONTAINER -- strace -f setpriv --bounding-set=-all PROGRAM 2>&1"
    " | kubectl caps explain -"
)
"""`PROGRAM` is the program with its arguments. The image needs strace and setpriv for it."""

PORT = (
    "listening on a port below 1024 needs NET_BIND_SERVICE; "
    "a higher port or the sysctl net.ipv4.ip_unprivileged_port_start needs nothing"
)
PING = "a raw socket needs NET_RAW; ping alone also works with the sysctl net.ipv4.ping_group_range"
GROUP = "taking on the group of another user needs SETGID, and SETUID comes next"
USER = "becoming another user needs SETUID"
OWNER = (
    "giving a file to another user or group needs CHOWN, unless the volume has the right owner already; "
    "NFS with root_squash refuses it all the same"
)
