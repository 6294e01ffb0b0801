"""Explains why a process holds other capabilities than predicted for its container's first process.

How the kernel changes the sets of a process is in capabilities(7): "Transformation of capabilities during execve()",
"Effect of user ID changes on capabilities", "Capability bounding set", and in user_namespaces(7), "Capabilities".
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Literal

from msgspec import Struct

from kubectl_caps.core.assess.processes import Process
from kubectl_caps.core.linux.sets import CapabilitySet, ProcessSets

SetName = Literal["effective", "permitted", "bounding", "inheritable", "ambient"]
SET_NAMES: tuple[SetName, ...] = ("effective", "permitted", "bounding", "inheritable", "ambient")


class Difference(Struct, frozen=True):
    """Capabilities of one set (or no_new_privs) that a process lost or gained; `reason` is None if nothing explains it.

    `cause` names the origin: the runtime that started the container, or the process itself.
    """

    name: SetName | Literal["noNewPrivs"]
    change: Literal["lost", "gained"]
    capabilities: CapabilitySet
    cause: Literal["runtime", "process"]
    reason: str | None


class Expected(Struct, frozen=True):
    """The prediction: the sets, the user (None: not known, judged as root), and other facts of the start.

    `alternatives` are the sets that other container runtimes would have given, by the runtimes' names. `granted` is a
    process that the runtime started and that was read: its sets are the sets that the runtime gives.
    """

    sets: ProcessSets
    uid: int | None
    runtime: str
    configurable: bool = False
    alternatives: Mapping[str, ProcessSets] = {}
    granted: Process | None = None


class _Case(Struct, frozen=True):
    """Capabilities of one set that a process lost or gained, and the cause."""

    expected: Expected
    process: Process
    name: SetName
    change: Literal["lost", "gained"]
    capabilities: CapabilitySet
    cause: Literal["runtime", "process"]

    @property
    def first_uid(self) -> int:
        """The user that the process was started as. An unknown user is judged as root."""
        return self.expected.granted.uid if self.expected.granted else self.expected.uid or 0

    @property
    def user_unknown(self) -> bool:
        return self.expected.granted is None and self.expected.uid is None

    @property
    def rights(self) -> bool:
        return self.name in ("effective", "permitted")

    def within(self, name: SetName) -> bool:
        """Whether the process has these capabilities in another of its sets."""
        held: CapabilitySet = getattr(self.process.sets, name)
        return not self.capabilities - held

    def is_(self, cause: str, change: str, *names: SetName) -> bool:
        return (self.cause, self.change) == (cause, change) and (not names or self.name in names)


_OLD = (
    "by an old container runtime (CVE-2022-24769 and its like), or one that is configured so: inheritable capabilities "
    "reach programs with inheritable file capabilities"
)
_IN_RESERVE = "lowered by itself: still permitted, so it can raise it again"

# The first entry that fits counts. `_runtime_reason` has the reasons for differences that the runtime caused.
_BY_ITSELF: tuple[tuple[Callable[[_Case], bool], str], ...] = (
    (
        lambda case: case.user_unknown and case.is_("process", "lost") and case.rights and case.process.uid != 0,
        "it runs as user {uid}: the image's own, which was not known and judged as root, or one that it changed to",
    ),
    (
        lambda case: case.is_("process", "lost") and case.rights and case.first_uid == 0 and case.process.uid != 0,
        "dropped by itself: it changed from root to user {uid}",
    ),
    (lambda case: case.is_("process", "lost", "effective") and case.within("permitted"), _IN_RESERVE),
    (lambda case: case.is_("process", "lost", "bounding"), "taken out of its bounding set by itself"),
    (lambda case: case.is_("process", "lost"), "dropped by itself"),
    (
        lambda case: in_own_namespace(case.expected, case.process),
        "held only in a user namespace of its own, not in the container",
    ),
    (
        lambda case: case.rights and case.within("bounding") and case.process.uid != 0,
        "gained by a program with file capabilities, from the bounding set",
    ),
    (
        lambda case: case.rights and case.within("bounding") and case.first_uid != 0,
        "gained by a setuid program that made it root, from the bounding set",
    ),
    (lambda case: case.name == "inheritable" and case.expected.granted is None and case.within("bounding"), _OLD),
    (lambda case: case.name == "inheritable" and case.within("bounding"), "raised by itself"),
    (
        lambda case: case.name == "ambient" and case.within("permitted") and case.within("inheritable"),
        "raised by itself, so that the programs that it starts keep it",
    ),
)


def differences(expected: Expected, process: Process) -> tuple[Difference, ...]:
    """The differences between a process and the prediction; empty if the prediction was right."""
    return (*(_explained(case) for case in _cases(expected, process)), *_no_new_privs(expected, process))


def in_own_namespace(expected: Expected, process: Process) -> bool:
    """Whether a process is in a user namespace of its own, where it holds more capabilities than in the container.

    Only a new user namespace can make a bounding set grow (user_namespaces(7)).
    """
    return expected.granted is not None and bool(process.sets.bounding - expected.granted.sets.bounding)


def _cases(expected: Expected, process: Process) -> Iterator[_Case]:
    for name in SET_NAMES:
        predicted: CapabilitySet = getattr(expected.sets, name)
        observed: CapabilitySet = getattr(process.sets, name)
        granted: CapabilitySet = getattr(expected.granted.sets, name) if expected.granted else predicted
        parts: tuple[tuple[Literal["lost", "gained"], CapabilitySet, CapabilitySet], ...] = (
            ("lost", predicted - observed, predicted - granted),
            ("gained", observed - predicted, granted - predicted),
        )
        for change, all_of_it, at_start in parts:
            if by_runtime := all_of_it & at_start:
                yield _Case(expected, process, name, change, by_runtime, "runtime")
            if by_itself := all_of_it - at_start:
                yield _Case(expected, process, name, change, by_itself, "process")


def _explained(case: _Case) -> Difference:
    reason = _runtime_reason(case) if case.cause == "runtime" else _own_reason(case)
    return Difference(case.name, case.change, case.capabilities, case.cause, reason)


def _own_reason(case: _Case) -> str | None:
    if case.expected.granted is None and case.name == "bounding":
        return _bounding_reason(case)
    reason = next((text for fits, text in _BY_ITSELF if fits(case)), None)
    return reason and reason.format(uid=case.process.uid)


def _bounding_reason(case: _Case) -> str | None:
    """The reason for a bounding set if nobody knows whether the runtime or the process made it."""
    for name, sets in case.expected.alternatives.items():
        if sets.bounding == case.process.sets.bounding:
            return f"the node's runtime seems to behave like {name}, not like {case.expected.runtime}"
    return "taken out of its bounding set by itself, or never given by the runtime" if case.change == "lost" else None


def _runtime_reason(case: _Case) -> str | None:
    expected, granted = case.expected, case.expected.granted
    like = next((name for name, sets in expected.alternatives.items() if granted and sets == granted.sets), None)
    if like:
        return f"the node's runtime behaves like {like}, not like {expected.runtime}"
    if case.is_("runtime", "gained", "inheritable") and case.within("bounding"):
        return _OLD
    if expected.configurable and case.name != "ambient":
        return f"the configuration of the node's {expected.runtime} gives other defaults"
    return None


def _no_new_privs(expected: Expected, process: Process) -> Iterator[Difference]:
    before, after = expected.sets.no_new_privs, process.sets.no_new_privs
    if before is None or after is None or before == after:
        return
    start = expected.granted.sets.no_new_privs if expected.granted else before
    by_itself = after and not start  # a process can set no_new_privs at any time, and never unset it (prctl(2))
    yield Difference(
        "noNewPrivs",
        "gained" if after else "lost",
        CapabilitySet(),
        "process" if by_itself or start == before else "runtime",
        "set by itself" if by_itself else None,
    )
