"""How far a pod has come, how long a new pod may stay there, and what then counts as its failure."""

from typing import Any

import msgspec
import pytest

from kubectl_caps.core.harden.readiness import PodEvent, overdue, overdue_failure, ready_limit, stage
from kubectl_caps.core.kubernetes.pod import Pod

RUNS: dict[str, Any] = {"running": {"startedAt": "2026-01-01T00:00:10Z"}}
WAITS: dict[str, Any] = {"waiting": {"reason": "ContainerCreating"}}
ENDED: dict[str, Any] = {"terminated": {"exitCode": 0}}
NO_NODE = {"type": "PodScheduled", "status": "False", "message": "0/3 nodes are available: 3 Insufficient cpu."}


def ready(at: str = "2026-01-01T00:00:12Z") -> dict[str, Any]:
    """The condition of a pod that became ready then."""
    return {"type": "Ready", "status": "True", "lastTransitionTime": at}


def pod(*states: dict[str, Any], init: tuple[dict[str, Any], ...] = (), conditions: Any = (), **metadata: Any) -> Pod:
    """A pod whose containers c0, c1, … are in these states."""
    statuses = [{"name": f"c{at}", "state": state} for at, state in enumerate(states)]
    initial = [{"name": f"i{at}", "state": state} for at, state in enumerate(init)]
    status = {"containerStatuses": statuses, "initContainerStatuses": initial, "conditions": list(conditions)}
    return msgspec.convert({"metadata": {"name": "p", "uid": "u", **metadata}, "status": status}, Pod)


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        pytest.param(pod(), "creating", id="nothing is known yet"),
        pytest.param(pod(conditions=[NO_NODE]), "unscheduled", id="no node"),
        pytest.param(pod(WAITS), "creating", id="the container is made"),
        pytest.param(pod(WAITS, init=(RUNS,)), "initializing", id="an init container runs"),
        pytest.param(pod(WAITS, init=(ENDED,)), "initializing", id="an init container has ended"),
        pytest.param(pod(RUNS, WAITS), "creating", id="one of two runs"),
        pytest.param(pod(RUNS), "running", id="all run"),
        pytest.param(pod(RUNS, init=(ENDED,)), "running", id="all run after init"),
        pytest.param(pod(RUNS, conditions=[ready()]), "ready", id="ready"),
    ],
)
def test_the_stage_of_a_pod_is_told_by_its_status(seen: Pod, expected: str) -> None:
    assert stage(seen) == expected


@pytest.mark.parametrize(
    ("old", "limit"),
    [
        pytest.param([], None, id="no pod"),
        pytest.param([pod(RUNS)], None, id="no ready pod"),
        pytest.param([pod(RUNS, conditions=[ready()])], 20.0, id="fast pods leave the floor"),
        pytest.param([pod(RUNS, conditions=[ready("2026-01-01T00:00:50Z")])], 120.0, id="three times 40 s"),
        pytest.param(
            [pod(RUNS, conditions=[ready()]), pod(RUNS, conditions=[ready("2026-01-01T00:00:50Z")])],
            120.0,
            id="the slowest counts",
        ),
        pytest.param([pod(RUNS, conditions=[ready("soon")])], None, id="a time that is none"),
    ],
)
def test_a_new_pod_may_take_three_times_as_long_as_the_old_ones_to_become_ready(
    old: list[Pod], limit: float | None
) -> None:
    assert ready_limit(old) == limit


def event(reason: str, message: str = "because", type: str = "Warning") -> PodEvent:
    """An event of the pod."""
    return PodEvent(f"{reason}/1", type, reason, message)


UNREADY = event("Unhealthy", "Readiness probe failed: connection refused")
MOUNT = event("FailedMount", 'secret "tls" not found')


@pytest.mark.parametrize(
    ("seen", "seconds", "events", "message"),
    [
        pytest.param(pod(conditions=[NO_NODE]), 59, [], None, id="no node for less than a minute"),
        pytest.param(
            pod(conditions=[NO_NODE]), 61, [],
            "pod p has not been scheduled for 61 s: 0/3 nodes are available: 3 Insufficient cpu.", id="no node",
        ),
        pytest.param(
            pod(conditions=[NO_NODE]), 61, [event("TriggeredScaleUp", type="Normal")], None, id="a node is on its way"
        ),
        pytest.param(
            pod(WAITS), 61, [MOUNT], 'pod p has not started for 61 s: FailedMount: secret "tls" not found', id="mount"
        ),
        pytest.param(pod(WAITS), 61, [event("Pulling", type="Normal")], None, id="a slow pull is no failure"),
        pytest.param(
            pod(RUNS), 21, [UNREADY],
            "container c0 is not ready after 21 s: Readiness probe failed: connection refused", id="never ready",
        ),
        pytest.param(pod(RUNS), 21, [], None, id="nothing says why"),
        pytest.param(pod(RUNS), 19, [UNREADY], None, id="not ready yet"),
        pytest.param(pod(WAITS, init=(RUNS,)), 600, [MOUNT], None, id="an init container may take its time"),
        pytest.param(pod(RUNS, conditions=[ready()]), 600, [UNREADY], None, id="ready"),
        pytest.param(pod(RUNS, deletionTimestamp="x"), 600, [UNREADY], None, id="on its way out"),
    ],
)  # fmt: skip
def test_a_pod_that_waits_too_long_fails_with_the_reason_of_its_status_or_events(
    seen: Pod, seconds: float, events: list[PodEvent], message: str | None
) -> None:
    late = overdue([seen], {"u": 100.0}, 100.0 + seconds, 20.0)
    found = [failed.message for item in late if (failed := overdue_failure(item, events))]
    assert found == ([message] if message else [])


def test_without_a_measure_of_the_old_pods_readiness_is_waited_for_until_the_timeout() -> None:
    assert overdue([pod(RUNS)], {"u": 0.0}, 1e6, None) == []


def test_a_pod_that_was_not_seen_before_is_not_overdue() -> None:
    assert overdue([pod(conditions=[NO_NODE])], {}, 1e6, 20.0) == []
