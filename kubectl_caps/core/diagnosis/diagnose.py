"""Finds the cause of a container's failure in log lines, exit states and events: a missing capability, or another one.

A cause is a guess with a reason. Refusals that only look like a missing capability (seccomp, AppArmor, a device cgroup,
a read-only file system, a database's own permissions) get another cause, or none.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from msgspec.structs import replace

from kubectl_caps.core.diagnosis.attribution import Loss, attributed
from kubectl_caps.core.diagnosis.line_cause import Evidence, LineCause, Source
from kubectl_caps.core.diagnosis.log_lines import LogReader, Said
from kubectl_caps.core.diagnosis.patterns.kernel import HINT, NAMED, REFUSALS, UNTOLD
from kubectl_caps.core.diagnosis.patterns.kubernetes import PLATFORM, SETTINGS
from kubectl_caps.core.diagnosis.patterns.lookalikes import LOOKALIKES
from kubectl_caps.core.diagnosis.patterns.pattern import INSPECT, CauseKind, Certainty, LogPattern
from kubectl_caps.core.diagnosis.patterns.servers import SERVERS
from kubectl_caps.core.diagnosis.patterns.tools import TOOLS
from kubectl_caps.core.diagnosis.patterns.words import WORDS, WORTH_TRYING
from kubectl_caps.core.diagnosis.stack_traces import spoken

_PREFILTER = (
    "permi", "denied", "failed", "cannot", "can't", "unable", "missing", "not found", "no such file", "not present",
    "must be", "privileg", "cap_", "capability", "image", "quota", "usage per", "nodes are available", "oom", "evicted",
    "low on resource", "forbidden", "exited with code", "sigsys", "read-only file system", "avc:", "apparmor=",
    "type=1326", "type=seccomp", "bad system call", "exec format", "invalid argument", "no space left", "not locked",
    "non-root", "runasnonroot", "could not", "couldn't", "spawn e", "accessdenied", "lock jvm", "not available",
    "failure", "fatal", "insmod", "eperm", "eacces", "creating ipv", "effective uid",
)  # fmt: skip
"""A line without any of these words, in lower case, matches no pattern. This skips most lines of a log quickly."""

ADD = "kubectl caps harden WORKLOAD -n NAMESPACE --add"
"""The command to try next if capabilities are missing. Their names follow."""

_PROBED = re.compile(r"(?:Readiness|Liveness|Startup) probe (?:failed|errored[^:]{0,80}): ?")
_WORD = re.compile(r"\w+")
_PLACES = re.compile(r"\b(?:WORKLOAD|NAMESPACE|POD|CONTAINER|IMAGE)\b")
_LONGEST_TEXT = 1 << 20
_CERTAINTY: tuple[Certainty, ...] = ("certain", "likely", "possible")
_KIND: tuple[CauseKind, ...] = ("capability", "setting", "other")

UNKNOWN = LineCause((), UNTOLD.note, "", "state", UNTOLD.certainty, UNTOLD.kind, UNTOLD.next_command)
"""The cause if no evidence names one. Its `next_command` traces the program."""


def diagnose(
    evidence: Sequence[Evidence], *, uid: int | None = None, loss: Loss | None = None
) -> tuple[LineCause, ...]:
    """The causes in the evidence, best first, each once; empty without a known cause.

    `uid` is the user that the container runs as, None if it is not known. `loss` is the loss of a change, None if there
    was no change; with a loss, only lost capabilities are named. Only the last MiB of each text is read, and the first
    4,096 characters of each line.
    """
    causes: dict[object, LineCause] = {}
    vague: dict[object, LineCause] = {}
    for source, texts in _lines(evidence):
        cause, is_vague = _best(texts, source, uid, loss)
        if cause is None:
            continue
        subject, found = (cause.kind, cause.capabilities or cause.explanation), vague if is_vague else causes
        if _rank(cause) < _rank(found.setdefault(subject, cause)):
            found[subject] = cause
    if not any(cause.is_told for cause in causes.values()):
        causes |= vague
    return tuple(sorted(causes.values(), key=_rank))


def cause_of(texts: Sequence[Said]) -> LineCause | None:
    """The best cause in the texts of one line. The line may be from a program or from Kubernetes."""
    return _best(texts, "event", None, None)[0]


def next_command(cause: LineCause, **names: str) -> str:
    """The next command with the known names filled in (`workload`, `namespace`, `pod`, `container`, `image`)."""
    known = {name.upper(): text for name, text in names.items()}
    return _PLACES.sub(lambda match: known.get(match[0], match[0]), cause.next_command)


def _lines(evidence: Sequence[Evidence]) -> Iterator[tuple[Source, list[Said]]]:
    """The texts of each line, with the source of the line. A repeated line is left out."""
    seen: set[object] = set()
    for source, items in groupby(evidence, key=lambda item: item.source):
        for _, texts in groupby(_said(items), key=lambda said: said.number):
            new = [said for said in texts if (source, said.text, said.frames) not in seen]
            seen.update((source, said.text, said.frames) for said in new)
            if new:
                yield source, new


def _said(items: Iterable[Evidence]) -> Iterator[Said]:
    reader = LogReader()
    lines = (line for item in items for line in item.text[-_LONGEST_TEXT:].splitlines())
    for number, line in enumerate(lines):
        yield from reader.read(line, number)
    yield from reader.close()


def _rank(cause: LineCause) -> tuple[int, int]:
    return _CERTAINTY.index(cause.certainty), _KIND.index(cause.kind)


def _best(
    texts: Sequence[Said], source: Source, uid: int | None, loss: Loss | None
) -> tuple[LineCause | None, bool]:  # fmt: skip
    """The best cause of one line, and whether its pattern is vague."""
    found = [
        (_caused(pattern, said, source), pattern.vague)
        for said in texts
        if (pattern := _pattern_of(said, source, uid, loss))
    ]
    return min(found, key=lambda pair: (not pair[0].is_told, _rank(pair[0])), default=(None, False))


def _pattern_of(said: Said, source: Source, uid: int | None, loss: Loss | None) -> LogPattern | None:
    """The most specific pattern for a line, or for the stack trace that belongs to the line."""
    found = _matching(said.text, source)
    probed = _PROBED.match(said.text) if source == "event" else None
    if probed and (answered := _matching(said.text[probed.end() :], "log")) and answered != UNTOLD:
        found = answered
    if found == UNTOLD:
        spoken_of = (_matching(text, "log") for text in spoken(said.frames, _error(said.text)))
        found = next((pattern for pattern in spoken_of if pattern and pattern != UNTOLD), UNTOLD)
    return attributed(found, uid, loss) if found else None


def _error(text: str) -> str:
    match = WORTH_TRYING.search(text)
    return match[0] if match else ""


def _matching(text: str, source: Source) -> LogPattern | None:
    """The first pattern that matches, with the capability that the text itself names."""
    lowered = text.lower()
    if not any(word in lowered for word in _PREFILTER):
        return None
    for pattern in _patterns(text, source):
        if match := pattern.pattern.search(text):
            named = match.groupdict().get("capability")
            return replace(pattern, capabilities=(named,)) if named else pattern
    return None


def _patterns(text: str, source: Source) -> Iterator[LogPattern]:
    """The patterns that may match, the most specific first. A program's log has no messages of Kubernetes."""
    if source != "log":
        yield from PLATFORM
    yield from SETTINGS
    yield from LOOKALIKES
    yield from SERVERS
    yield from TOOLS
    if "CAP_" in text:
        yield from NAMED
    if HINT.search(text):
        words = set(_WORD.findall(text))
        yield from (row for row in REFUSALS if not row.words or not row.words.isdisjoint(words))
    if WORTH_TRYING.search(text):
        yield from WORDS
        yield UNTOLD


def _caused(pattern: LogPattern, said: Said, source: Source) -> LineCause:
    explanation = f"{pattern.program}: {pattern.note}" if pattern.program else pattern.note
    then = pattern.next_command or (f"{ADD} {','.join(pattern.capabilities)}" if pattern.capabilities else INSPECT)
    return LineCause(pattern.capabilities, explanation, said.line, source, pattern.certainty, pattern.kind, then)
