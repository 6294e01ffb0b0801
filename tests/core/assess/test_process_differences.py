"""Why a process holds something else than was predicted: each way in which that happens, and what nothing explains."""

from collections.abc import Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from kubectl_caps.core.assess.process_differences import Difference, Expected, differences, in_own_namespace
from kubectl_caps.core.assess.processes import Process
from kubectl_caps.core.linux.sets import CapabilitySet, ProcessSets

DEFAULT, NINE, RAW = CapabilitySet(0xA80425FB), CapabilitySet(0x5FB), CapabilitySet(1 << 13)
EVERY, NONE = CapabilitySet((1 << 41) - 1), CapabilitySet()
ROOT = ProcessSets(DEFAULT, DEFAULT, DEFAULT, no_new_privs=False)
OTHER = ProcessSets(DEFAULT, NONE, NONE, no_new_privs=False)


def process(sets: ProcessSets, uid: int = 0, **changes: Any) -> Process:
    return Process(1, 1, 0, "app", uid, replace(sets, **changes))


def expected(sets: ProcessSets, uid: int | None = 0, granted: Process | None = None, **more: Any) -> Expected:
    """A prediction; unless told otherwise an exec has shown that the runtime gives just that."""
    return Expected(sets, uid, "containerd", granted=granted or process(sets, uid or 0), **more)


def blind(sets: ProcessSets, uid: int | None = 0, **more: Any) -> Expected:
    """A prediction beside which only an ephemeral container has looked."""
    return Expected(sets, uid, "containerd", **more)


def told(found: Sequence[Difference]) -> list[tuple[str, str, str]]:
    return [(item.name, item.change, item.cause) for item in found]


NNP = {"no_new_privs": True}
BOTH_LOST = [("effective", "lost", "process"), ("permitted", "lost", "process")]
BOTH_GAINED = [("effective", "gained", "process"), ("permitted", "gained", "process")]

BY_ITSELF = {
    "changed from root to another user": (
        expected(ROOT), process(OTHER, 33), BOTH_LOST, "dropped by itself: it changed from root to user 33",
    ),
    "the image's user was not known": (
        blind(ROOT, None), process(OTHER, 999), BOTH_LOST, "it runs as user 999: the image's own",
    ),
    "gave some back": (
        expected(ROOT), process(ROOT, permitted=NINE, effective=NINE), BOTH_LOST, "dropped by itself",
    ),
    "keeps them in reserve": (
        expected(ROOT), process(ROOT, effective=NONE), BOTH_LOST[:1], "lowered by itself",
    ),
    "emptied its bounding set": (
        expected(ROOT), process(ROOT, bounding=NINE), [("bounding", "lost", "process")],
        "taken out of its bounding set by itself",
    ),
    "a file capability": (
        expected(OTHER, 1000), process(OTHER, 1000, permitted=RAW, effective=RAW), BOTH_GAINED,
        "gained by a program with file capabilities",
    ),
    "a setuid program": (
        expected(OTHER, 1000), process(ROOT, 0), BOTH_GAINED, "gained by a setuid program",
    ),
    "its own user namespace": (
        expected(OTHER, 1000), process(ProcessSets(EVERY, EVERY, EVERY, no_new_privs=False), 1000),
        [*BOTH_GAINED, ("bounding", "gained", "process")], "held only in a user namespace of its own",
    ),
    "raised for its children": (
        expected(ROOT), process(ROOT, inheritable=RAW, ambient=RAW),
        [("inheritable", "gained", "process"), ("ambient", "gained", "process")], "raised by itself",
    ),
    "no_new_privs": (
        expected(ROOT), process(ROOT, **NNP), [("noNewPrivs", "gained", "process")], "set by itself",
    ),
    "an old runtime, seen from beside": (
        blind(ROOT), process(ROOT, inheritable=DEFAULT), [("inheritable", "gained", "process")], "CVE-2022-24769",
    ),
    "other defaults, seen from beside": (
        blind(ROOT, alternatives={"cri-o 1.25": ProcessSets(NINE, NINE, NINE, no_new_privs=False)}),
        process(ROOT, bounding=NINE), [("bounding", "lost", "process")], "behave like cri-o 1.25, not like containerd",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("of", "seen", "what", "reason"), BY_ITSELF.values(), ids=list(BY_ITSELF))
def test_a_difference_made_by_the_process_is_explained(
    of: Expected, seen: Process, what: list[tuple[str, str, str]], reason: str
) -> None:
    found = differences(of, seen)
    assert told(found) == what
    assert all(item.reason and reason in item.reason for item in found)


NINE_SETS = ProcessSets(NINE, NINE, NINE, no_new_privs=False)
OLD = replace(ROOT, inheritable=DEFAULT)
BY_RUNTIME = {
    "like another runtime": (ROOT, NINE_SETS, {"alternatives": {"cri-o 1.25": NINE_SETS}}, "like cri-o 1.25"),
    "old": (ROOT, OLD, {}, "CVE-2022-24769"),
    "configured": (ROOT, NINE_SETS, {"configurable": True}, "the configuration of the node's containerd"),
    "nothing explains it": (ROOT, NINE_SETS, {}, None),
    "ALL is less there": (ProcessSets(EVERY, EVERY, EVERY, no_new_privs=False), ROOT, {}, None),
}


@pytest.mark.parametrize(("sets", "given", "more", "reason"), BY_RUNTIME.values(), ids=list(BY_RUNTIME))
def test_a_difference_made_by_the_runtime_is_explained(
    sets: ProcessSets, given: ProcessSets, more: dict[str, Any], reason: str | None
) -> None:
    """An exec holds what the runtime gives; a process that holds the same did nothing itself."""
    found = differences(expected(sets, granted=process(given), **more), process(given))
    assert {item.cause for item in found} == {"runtime"}
    assert all((reason is None) == (item.reason is None) for item in found)
    assert all(reason in item.reason for item in found if reason and item.reason)


def test_the_runtimes_part_and_the_processs_own_are_told_apart() -> None:
    found = differences(expected(ROOT, granted=process(NINE_SETS), configurable=True), process(NINE_SETS, 33, permitted=NONE, effective=NONE))  # fmt: skip  # noqa: E501
    mine = {item.cause: item.capabilities for item in found if item.name == "effective"}
    assert mine == {"runtime": DEFAULT - NINE, "process": NINE}


@pytest.mark.parametrize(
    ("of", "seen"),
    [
        (expected(replace(ROOT, **NNP)), process(ROOT)),
        (blind(OTHER, 1000), process(replace(OTHER, bounding=EVERY), 1000)),
        (expected(OTHER, 1000), process(OTHER, 1000, ambient=RAW)),
    ],
    ids=["no_new_privs lost", "bounding set grown, start not seen", "ambient without permitted"],
)
def test_an_impossible_difference_is_not_explained(of: Expected, seen: Process) -> None:
    found = differences(of, seen)
    assert found
    assert [item.reason for item in found] == [None] * len(found)


@pytest.mark.parametrize("sets", [ROOT, OTHER, NINE_SETS])
def test_a_right_prediction_makes_no_difference(sets: ProcessSets) -> None:
    assert differences(expected(sets), process(sets)) == ()


def test_an_unknown_no_new_privs_is_no_difference() -> None:
    assert differences(expected(ROOT), process(ROOT, no_new_privs=None)) == ()


def test_only_a_bounding_set_beyond_the_start_is_a_namespace() -> None:
    whole = process(ProcessSets(EVERY, EVERY, EVERY))
    assert in_own_namespace(expected(OTHER), whole)
    assert not in_own_namespace(blind(OTHER), whole)
    assert not in_own_namespace(expected(OTHER), process(ROOT))
