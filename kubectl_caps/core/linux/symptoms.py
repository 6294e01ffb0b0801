"""What a row of the diagnosis is: the text of one line, and what is behind it.

The rows are in servers.py, tools.py and refusals.py beside this file, and in core/platform.py. Their lines are from
programs that ran without capabilities (Debian 12, kernel 6.18), from their sources, or from issues of their projects;
tests/core/test_diagnosis.py holds one of each.

Patterns see hostile text. Every repetition of anything is bounded, so that a line costs time in proportion to its
length.
"""

import re
from typing import Literal

from msgspec import Struct

Certainty = Literal["certain", "likely", "possible"]
Kind = Literal["capability", "setting", "other"]


class Symptom(Struct, frozen=True):
    """A text that says what is missing. A group named `capability` in the pattern stands for `capabilities`.

    `program` says whose words they are. `users` says for whom: `root` where others meet file permissions instead,
    `any` where an added capability works for every user; usually it works for root, and for others only in a program
    that has file capabilities. `then` is the command to try next, with WORKLOAD, NAMESPACE, POD, CONTAINER and IMAGE
    in it; empty where adding the capabilities is. Where there are `words`, the line has one of them, or the pattern
    need not be tried.
    """

    pattern: re.Pattern[str]
    program: str
    capabilities: tuple[str, ...]
    certainty: Certainty
    note: str
    kind: Kind = "capability"
    users: Literal["root", "usual", "any"] = "usual"
    then: str = ""
    words: frozenset[str] = frozenset()


def needs(capabilities: str, certainty: Certainty, program: str, pattern: str, note: str) -> Symptom:
    """A symptom of missing capabilities (short names in one text)."""
    return Symptom(re.compile(pattern), program, tuple(capabilities.split()), certainty, note)


def elsewhere(
    kind: Literal["setting", "other"],
    program: str,
    pattern: str,
    note: str,
    then: str,
    certainty: Certainty = "certain",
) -> Symptom:
    """A symptom of something that no capability mends."""
    return Symptom(re.compile(pattern), program, (), certainty, note, kind, then=then)


EPERM = r"[Oo]peration not permitted"
EACCES = r"[Pp]ermission denied"
LOW_PORT = r"(?:\d{1,3}|10[01]\d|102[0-3])(?!\d)"
"""A port below 1024, which is where `net.ipv4.ip_unprivileged_port_start` is unless somebody changed it."""
LOW = f":{LOW_PORT}"

DESCRIBE = "kubectl describe pod POD -n NAMESPACE"
INSPECT = "kubectl caps inspect WORKLOAD -n NAMESPACE"
LOGS = "kubectl logs POD -n NAMESPACE -c CONTAINER --previous"
MOUNTS = "kubectl get pod POD -n NAMESPACE -o jsonpath='{.spec.containers[*].volumeMounts}'"

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
