"""Complaints: lines in the logs of new pods about refusals, failures and warnings that the old pods did not log.

A process that stays up may have lost something all the same: nginx keeps its port when its workers die, and a program
that catches a PermissionError logs it and goes on. Such a line counts only where the old pods do not log it too.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec import Struct

from kubectl_caps.core.diagnosis.attribution import Loss
from kubectl_caps.core.diagnosis.diagnose import diagnose
from kubectl_caps.core.diagnosis.error_texts import in_english
from kubectl_caps.core.diagnosis.failure_words import CHILD_ENDED, FAILED, NAMES, NOTED, OTHER_REASON, may_tell
from kubectl_caps.core.diagnosis.line_cause import Evidence, LineCause
from kubectl_caps.core.diagnosis.patterns.words import WORTH_TRYING

_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_VARYING = re.compile(r"0x[0-9a-f]+|\b[0-9a-f]{8,}\b|[0-9]+", re.IGNORECASE)
_LONGEST_LINE = 4096
_SHOWN = 3


class Line(Struct, frozen=True):
    """A line of a container's log."""

    pod: str
    container: str
    text: str


class Complaint(Struct, frozen=True):
    """A line in which a container of a new pod logs a refusal, or that a child process died.

    `cause` is the cause that the line names, None if it names no known cause. A doubtful line (`is_doubtful`) tells of
    a failure or a warning that may or may not be a refusal.
    """

    line: Line
    cause: LineCause | None
    is_doubtful: bool = False

    @property
    def capabilities(self) -> tuple[str, ...]:
        """The capabilities that the line names as missing."""
        return self.cause.capabilities if self.cause else ()

    @property
    def is_certain(self) -> bool:
        """Whether the line leaves no doubt that a capability is missing."""
        return bool(self.capabilities) and self.cause is not None and self.cause.certainty == "certain"


def complaints(
    lines: Iterable[Line], users: Mapping[str, int | None], losses: Mapping[str, Loss]
) -> Iterator[Complaint]:
    """The complaints among log lines: each wording of a container once.

    `users` are the users that the containers run as, `losses` what a change takes from each container. A line is no
    complaint if its cause is not a capability (a database's own permissions), or is a capability that the change left
    as it was.
    """
    seen: set[tuple[str, str]] = set()
    for line in lines:
        if (words := wording(line)) in seen:
            continue
        seen.add(words)
        found = _judged(line, users.get(line.container), losses.get(line.container))
        if found:
            yield found


def doubts(doubtful: Sequence[Complaint]) -> str | None:
    """A sentence about the doubtful lines: their number and the first three; None if there are none."""
    if not doubtful:
        return None
    shown = "; ".join(f"container {item.line.container}: {item.line.text.strip()}" for item in doubtful[:_SHOWN])
    more = f"; and {len(doubtful) - _SHOWN} more" if len(doubtful) > _SHOWN else ""
    count = len(doubtful)
    return f"only the new pods log this, and the change may or may not be the cause ({count}): {shown}{more}"


def _judged(line: Line, uid: int | None, loss: Loss | None) -> Complaint | None:
    text = line.text[:_LONGEST_LINE]
    is_telling = may_tell(text)
    is_refusal = WORTH_TRYING.search(in_english(text)) or (is_telling and CHILD_ENDED.search(text))
    has_failed = is_telling and FAILED.search(text)
    if not is_refusal and not has_failed and not (is_telling and (NOTED.search(text) or NAMES.search(text))):
        return None
    cause = _cause(text, uid, loss)
    if is_refusal:
        return None if cause and _is_something_else(cause, text, uid, loss) else Complaint(line, cause)
    if cause and (cause.kind == "capability" or (cause.kind == "setting" and cause.certainty == "certain")):
        return Complaint(line, cause)
    if has_failed and not OTHER_REASON.search(text) and _is_of_what_was_lost(text, uid, loss):
        return Complaint(line, None)
    return Complaint(line, None, is_doubtful=True) if not cause or not cause.is_told else None


def _cause(text: str, uid: int | None, loss: Loss | None) -> LineCause | None:
    return next(iter(diagnose([Evidence("log", text)], uid=uid, loss=loss)), None)


def _is_something_else(cause: LineCause, text: str, uid: int | None, loss: Loss | None) -> bool:
    """Whether a refusal has another cause than a capability that the change took."""
    if cause.kind != "other":
        return False
    if cause.certainty != "possible":
        return True
    named = _cause(text, uid, None)
    return loss is not None and not loss.settings and named is not None and named.kind == "capability"


def _is_of_what_was_lost(text: str, uid: int | None, loss: Loss | None) -> bool:
    """Whether a line tells of a failed operation that needs a lost capability, without the kernel's reason.

    The line is read as if the kernel's reason stood behind it. That is a guess, so no capability is named.
    """
    guess = _cause(f"{text}: Operation not permitted: Permission denied", uid, loss)
    return guess is not None and guess.kind == "capability"


def wording(line: Line) -> tuple[str, str]:
    """The container and the wording of a line, without what differs from pod to pod: numbers, ids, the pod's name."""
    text = _ANSI.sub("", line.text[:_LONGEST_LINE]).replace(line.pod, "POD")
    return line.container, " ".join(_VARYING.sub("#", text).split()).lower()
