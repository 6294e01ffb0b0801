"""When a watch is over, and how long pods may be refused while old pods end."""

import pytest

from kubectl_caps.core.harden.watch_clock import RoomForPods, WatchClock, WatchEnd, WatchLimits, while_old_pods_end
from kubectl_caps.core.kubernetes.pod_failures import PodFailure
from kubectl_caps.core.kubernetes.rollout_status import RolloutStatus

GOES, UP = RolloutStatus("progressing", "1 of 2"), RolloutStatus("complete", "2 of 2")
CRASH = RolloutStatus("failed", "crashes", PodFailure("crashes"))
QUOTA = RolloutStatus("failed", "exceeded quota: q", PodFailure("exceeded quota: q", final=False))

WATCHES: dict[str, tuple[list[tuple[float, RolloutStatus]], WatchEnd]] = {
    # looks at these seconds; limits: 100 s in all, 10 s settle, 5 s patience
    "it goes on": ([(1, GOES)], ""),
    "it just came up": ([(1, UP)], ""),
    "it stayed up": ([(1, UP), (11, UP)], "ended"),
    "it fell back, and is up again for a moment": ([(1, UP), (6, GOES), (11, UP)], ""),
    "it crashed": ([(1, CRASH)], "ended"),
    "no pods, for the moment": ([(1, QUOTA)], ""),
    "no pods, for too long": ([(1, QUOTA), (6, QUOTA)], "ended"),
    "no pods twice, and some in between": ([(1, QUOTA), (5, GOES), (6, QUOTA)], ""),
    "time is up": ([(100, GOES)], "timed out"),
    "time is up while it settles": ([(95, UP), (101, UP)], ""),
    "it settled after the time": ([(95, UP), (105, UP)], "ended"),
    "time is up while pods are refused": ([(99, QUOTA), (101, QUOTA)], "timed out"),
}


@pytest.mark.parametrize("case", WATCHES)
def test_a_watch_ends_when_the_state_lasted_or_time_is_up(case: str) -> None:
    looks, wanted = WATCHES[case]
    clock, ends = WatchClock(0), list[WatchEnd]()
    for now, standing in looks:
        clock = clock.looked(standing, now)
        ends.append(clock.end(standing, now, WatchLimits(100, 10, 5)))
    assert ends == [*[""] * (len(looks) - 1), wanted]


ROOMS = {
    # grace, fewer pods than before, refused since; then step, refused since, extra patience
    "no old pod ends": ((None, False, None), ("failed", None, 0.0)),
    "the last old pod has ended, and left room": ((None, True, 3.0), ("progressing", 3.0, 0.0)),
    "an old pod ends": ((30.0, False, None), ("progressing", 10.0, 30.0)),
    "an old pod ends, and the controller waits longer and longer": ((2.0, False, 3.0), ("progressing", 3.0, 7.0)),
}


@pytest.mark.parametrize("case", ROOMS)
def test_refused_pods_are_waited_for_while_old_pods_end(case: str) -> None:
    (grace, fewer, since), (step, refused_since, extra) = ROOMS[case]
    standing, room = while_old_pods_end(QUOTA, RoomForPods(since), grace=grace, has_fewer_pods=fewer, now=10.0)
    assert (standing.step, room) == (step, RoomForPods(refused_since, extra))


@pytest.mark.parametrize("standing", [GOES, UP, CRASH])
def test_a_final_failure_is_not_waited_for(standing: RolloutStatus) -> None:
    found = while_old_pods_end(standing, RoomForPods(), grace=30.0, has_fewer_pods=True, now=10.0)
    assert found == (standing, RoomForPods())
