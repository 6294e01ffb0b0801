"""From what a failed container left behind to its cause: log line, exit state, event -> the capability, or not.

A cause is a guess with a reason. Whatever merely looks like a missing capability (seccomp, AppArmor, a device cgroup,
a read-only file system, a database's own permissions) is said to be something else, or that it cannot be told.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Literal

from msgspec import Struct

from kubectl_caps.core.linux.refusals import HINT, NAMED, REFUSALS
from kubectl_caps.core.linux.servers import SERVERS
from kubectl_caps.core.linux.symptoms import Certainty, Kind, Symptom
from kubectl_caps.core.linux.tools import TOOLS
from kubectl_caps.core.platform import PLATFORM, SETTINGS

Source = Literal["log", "termination", "state", "event"]


class Evidence(Struct, frozen=True):
    """Text that a container, the kubelet or a controller left: one line or many."""

    source: Source
    text: str


class Cause(Struct, frozen=True):
    """Why a container failed. `capabilities` (short names) are what to add; empty where none helps or none is told.

    `kind` is `capability`, `setting` (a field of the pod or a label of the namespace) or `other`; `evidence_text` is
    the line as it was found, control characters included. `then` is the command to try next, with WORKLOAD,
    NAMESPACE, POD, CONTAINER and IMAGE in it where they belong.
    """

    capabilities: tuple[str, ...]
    explanation: str
    evidence_text: str
    source: Source
    certainty: Certainty
    kind: Kind
    then: str = ""


_TELLING = (
    "permi", "denied", "failed", "cannot", "can't", "unable", "missing", "not found", "no such file", "not present",
    "must be", "privileg", "cap_", "capability", "image", "quota", "usage per", "nodes are available", "oom", "evicted",
    "low on resource", "forbidden", "exited with code", "sigsys", "read-only file system", "avc:", "apparmor=",
    "type=1326", "type=seccomp", "bad system call", "exec format", "invalid argument", "no space left", "not locked",
    "non-root", "runasnonroot", "could not", "spawn e", "accessdenied", "lock jvm", "not available",
    "fatal", "insmod", "eperm", "eacces", "creating ipv", "effective uid",
)  # fmt: skip
"""Words of which a line has one, in lower case, or no row matches it: most lines of a log are passed over so."""

ADD = "kubectl caps harden WORKLOAD -n NAMESPACE --add"
"""The command to try next where capabilities are missing; their names follow."""

_OWNER_OF_FILES = "kubectl get pod POD -n NAMESPACE -o jsonpath='{.spec.securityContext.fsGroup}'"
_WORD = re.compile(r"\w+")
_PLACES = re.compile(r"\b(?:WORKLOAD|NAMESPACE|POD|CONTAINER|IMAGE)\b")
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


def next_command(cause: Cause, **names: str) -> str:
    """What to try next, with the names that are known (`workload`, `namespace`, `pod`, `container`, `image`)."""
    known = {name.upper(): text for name, text in names.items()}
    return _PLACES.sub(lambda match: known.get(match[0], match[0]), cause.then)


def _lines(text: str) -> Iterator[str]:
    lines = (line.strip()[:_LONGEST_LINE] for line in text[-_LONGEST_TEXT:].splitlines())
    return iter(dict.fromkeys(line for line in lines if line))


def _rank(cause: Cause) -> tuple[int, int]:
    return _CERTAINTY.index(cause.certainty), _KIND.index(cause.kind)


def _cause(line: str, source: Source, uid: int | None) -> Cause | None:
    lowered = line.lower()
    if not any(word in lowered for word in _TELLING):
        return None
    for symptom in _symptoms(line, source):
        match = symptom.pattern.search(line)
        if match and symptom.users == "root" and uid:
            explanation = f"{symptom.program}: user {uid} may not use them"
            return Cause((), explanation, line, source, "likely", "other", _OWNER_OF_FILES)
        if match:
            named = match.groupdict().get("capability")
            capabilities = (named,) if named else symptom.capabilities
            certainty, explanation = _for_user(symptom, uid)
            then = symptom.then or f"{ADD} {','.join(capabilities)}"
            return Cause(capabilities, explanation, line, source, certainty, symptom.kind, then)
    return None


def _symptoms(line: str, source: Source) -> Iterator[Symptom]:
    """The rows that may apply, the most specific first. What a program logs of other pods is not about its own."""
    if source != "log":
        yield from PLATFORM
    yield from SETTINGS
    yield from SERVERS
    yield from TOOLS
    if "CAP_" in line:
        yield from NAMED
    if HINT.search(line):
        words = set(_WORD.findall(line))
        yield from (row for row in REFUSALS if not row.words or not row.words.isdisjoint(words))


def _for_user(symptom: Symptom, uid: int | None) -> tuple[Certainty, str]:
    explanation = f"{symptom.program}: {symptom.note}" if symptom.program else symptom.note
    if symptom.kind != "capability" or symptom.users == "any":
        return symptom.certainty, explanation
    if uid:
        return "possible", f"{explanation}; as user {uid} only a program with file capabilities can use it"
    return ("possible" if symptom.users == "root" and uid is None else symptom.certainty), explanation
