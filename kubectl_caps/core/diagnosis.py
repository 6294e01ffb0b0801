"""From what a failed container left behind to its cause: log line, exit state, event -> the capability, or not.

A cause is a guess with a reason. Whatever merely looks like a missing capability (seccomp, AppArmor, a device cgroup,
a read-only file system, a database's own permissions) is said to be something else, or that it cannot be told.
"""

from collections.abc import Iterator, Sequence
from typing import Literal

from msgspec import Struct

from kubectl_caps.core.linux.refusals import HINT, REFUSALS
from kubectl_caps.core.linux.symptoms import EPERM, PROGRAMS, Certainty, Kind, Symptom, elsewhere

Source = Literal["log", "termination", "state", "event"]


class Evidence(Struct, frozen=True):
    """Text that a container, the kubelet or a controller left: one line or many."""

    source: Source
    text: str


class Cause(Struct, frozen=True):
    """Why a container failed. `capabilities` (short names) are what to add; empty where none helps or none is told.

    `kind` is `capability`, `setting` (a field of the pod or a label of the namespace) or `other`; `evidence_text` is
    the line as it was found, control characters included.
    """

    capabilities: tuple[str, ...]
    explanation: str
    evidence_text: str
    source: Source
    certainty: Certainty
    kind: Kind


# Texts: k8s.io/kubernetes pkg/kubelet, pkg/scheduler and plugin/pkg/admission, runc, crun, CRI-O and moby; those of
# Kubernetes 1.37 with containerd 2.2.5 and runc 1.1.5 were seen on a real node.
# fmt: off
PLATFORM: tuple[Symptom, ...] = (
    elsewhere("setting", "runAsNonRoot", r"container has runAsNonRoot and image will run as root",
              "the image's user is root: name another one in runAsUser"),
    elsewhere("setting", "runAsNonRoot", r"container has runAsNonRoot and image has non-numeric user",
              "the image names its user: give that user's number in runAsUser"),
    elsewhere("setting", "runAsNonRoot", r"container's runAsUser breaks non-root policy",
              "runAsUser is 0: name another user"),
    elsewhere("setting", "Pod Security", r"violates PodSecurity \"",
              "the namespace enforces a level that this pod violates"),
    elsewhere("setting", "capabilities", r"(?:unknown|invalid) capability:? [\"`]?(?i:CAP_)",
              "a name in capabilities is misspelt; this runtime refuses it"),
    elsewhere("setting", "capabilities", rf"unable to apply caps: {EPERM}|capability not supported by your kernel",
              "the node itself lacks a capability that the container asks for"),
    elsewhere("setting", "privileged", r"no privileged container allowed in sandbox",
              "its pod was made without privileged containers"),
    elsewhere("other", "image", r"ErrImage(?:Never)?Pull|ImagePullBackOff|Failed to pull image|InvalidImageName",
              "the image cannot be pulled"),
    elsewhere("other", "quota", r"exceeded quota: ", "the namespace's ResourceQuota is used up"),
    elsewhere("other", "scheduler", r"\d{1,6}/\d{1,6} nodes are available: ", "no node takes the pod"),
    elsewhere("other", "memory", r"OOMKilled", "it used more memory than its limit"),
    elsewhere("other", "configuration", r"(?:configmap|secret) \"[^\"]{1,253}\" not found",
              "a volume or a variable of the container needs it"),
    elsewhere("other", "RBAC", r" is forbidden: User \"", "Kubernetes refused it: a Role or RoleBinding is missing"),
)
SETTINGS: tuple[Symptom, ...] = (
    elsewhere("setting", "sudo", r"sudo: The \"no new privileges\" flag is set",
              "allowPrivilegeEscalation=false keeps sudo from becoming root"),
    elsewhere("setting", "sudo, su", r"sudo: effective uid is not 0|must be suid to work properly",
              "allowPrivilegeEscalation=false keeps setuid programs from becoming root"),
    elsewhere("other", "sysctl", r"sysctl: [^\n]{1,200}: Read-only file system",
              "/proc/sys is read-only in a container: use securityContext.sysctls of the pod"),
    elsewhere("setting", "files", r"[Rr]ead-only file system(?!\?)",
              "readOnlyRootFilesystem, or a volume that is mounted read-only: give it a writable volume there",
              "likely"),
)
# fmt: on

_LONGEST_TEXT = 1 << 20
_LONGEST_LINE = 4096
_CERTAINTY: tuple[Certainty, ...] = ("certain", "likely", "possible")
_KIND: tuple[Kind, ...] = ("capability", "setting", "other")


def diagnose(evidence: Sequence[Evidence], *, uid: int | None = None) -> tuple[Cause, ...]:
    """The causes that the evidence points to, best first, each once; empty where it says nothing.

    `uid` is the user that the container runs as, None where it is not known. Of each text the last MiB is read, and
    of each line the first 4,096 characters.
    """
    causes: dict[object, Cause] = {}
    for item in evidence:
        for line in _lines(item.text):
            cause = _cause(line, item.source, uid)
            if cause is None:
                continue
            subject = cause.kind, cause.capabilities or cause.explanation
            if _rank(cause) < _rank(causes.setdefault(subject, cause)):
                causes[subject] = cause
    return tuple(sorted(causes.values(), key=_rank))


def _lines(text: str) -> Iterator[str]:
    lines = (line.strip()[:_LONGEST_LINE] for line in text[-_LONGEST_TEXT:].splitlines())
    return iter(dict.fromkeys(line for line in lines if line))


def _rank(cause: Cause) -> tuple[int, int]:
    return _CERTAINTY.index(cause.certainty), _KIND.index(cause.kind)


def _cause(line: str, source: Source, uid: int | None) -> Cause | None:
    for symptom in _symptoms(line, source):
        match = symptom.pattern.search(line)
        if match and symptom.users == "root" and uid:
            return Cause((), f"{symptom.program}: user {uid} may not use them", line, source, "likely", "other")
        if match:
            named = match.groupdict().get("capability")
            capabilities = (named,) if named else symptom.capabilities
            certainty, explanation = _for_user(symptom, uid)
            return Cause(capabilities, explanation, line, source, certainty, symptom.kind)
    return None


def _symptoms(line: str, source: Source) -> Iterator[Symptom]:
    """The rows that may apply, the most specific first. What a program logs of other pods is not about its own."""
    if source != "log":
        yield from PLATFORM
    yield from SETTINGS
    yield from PROGRAMS
    if HINT.search(line):
        yield from REFUSALS


def _for_user(symptom: Symptom, uid: int | None) -> tuple[Certainty, str]:
    explanation = f"{symptom.program}: {symptom.note}" if symptom.program else symptom.note
    if symptom.kind != "capability" or symptom.users == "any":
        return symptom.certainty, explanation
    if uid:
        return "possible", f"{explanation}; as user {uid} only a program with file capabilities can use it"
    return ("possible" if symptom.users == "root" and uid is None else symptom.certainty), explanation
