"""What is wrong with pods that have a past, which of them wait, and what a crash would cost."""

from typing import Any

import msgspec
import pytest

from kubectl_caps.core.health import broken, failures, risks, stalled
from kubectl_caps.core.pod import Pod, PodTemplate


def pod(name: str = "p", *, ready: bool = False, conditions: Any = (), **status: Any) -> Pod:
    """A pod with one container c in this state."""
    entries = [{"type": "Ready", "status": "True" if ready else "False"}, *conditions]
    state = {"phase": "Running", "conditions": entries, "containerStatuses": [{"name": "c", "ready": ready, **status}]}
    return msgspec.convert({"metadata": {"name": name}, "status": state}, Pod)


def ended(at: str) -> dict[str, Any]:
    """A container that was restarted after it had ended then."""
    last = {"terminated": {"exitCode": 1, "finishedAt": at}}
    return {"state": {"running": {}}, "lastState": last, "restartCount": 3}


@pytest.mark.parametrize(
    ("status", "wrong"),
    [
        pytest.param(ended("2026-01-01T00:00:00Z"), False, id="restarted long ago"),
        pytest.param(ended("2026-01-02T00:00:01Z"), True, id="restarted since"),
        pytest.param({"restartCount": 3, "state": {"running": {}}}, False, id="restarted, who knows when"),
        pytest.param({"state": {"terminated": {"exitCode": 1, "finishedAt": "2026-01-01T00:00:00Z"}}}, True, id="down"),
        pytest.param(
            {**ended("2026-01-01T00:00:00Z"), "state": {"waiting": {"reason": "CrashLoopBackOff"}}}, True, id="looping"
        ),
    ],
)
def test_of_a_pod_with_a_past_only_what_is_wrong_now_or_was_a_moment_ago_counts(
    status: dict[str, Any], wrong: bool
) -> None:
    assert any(failures([pod(**status)], since="2026-01-02T00:00:00Z")) is wrong
    assert any(failures([pod(**status)]))  # in a new pod each of them counts


def test_what_a_pod_waits_for_is_a_container_or_the_scheduler() -> None:
    unscheduled = pod(conditions=[{"type": "PodScheduled", "status": "False", "message": "0/1 nodes"}])
    found = list(stalled([pod("ready", ready=True), pod("waiting"), unscheduled]))
    assert [(item.message, item.container) for item in found] == [
        ("container c is not ready", "c"),
        ("pod p is not scheduled: 0/1 nodes", ""),
    ]


def test_broken_are_pods_that_fail_and_pods_that_do_not_serve() -> None:
    pods = [pod("up", ready=True), pod("waiting"), pod("restarted", ready=True, restartCount=1)]
    assert [item.metadata.name for item in broken(pods)] == ["waiting", "restarted"]


PROBE: dict[str, Any] = {"readinessProbe": {"httpGet": {}}}


@pytest.mark.parametrize(
    ("kind", "spec", "container", "begins"),
    [
        ("Deployment", {"replicas": 2}, PROBE, []),
        ("Deployment", {"replicas": 2}, {}, ["no readiness probe (container c)"]),
        ("Deployment", {"replicas": 2, "minReadySeconds": 5}, {}, []),
        ("Deployment", {"replicas": 1}, PROBE, ["one replica"]),
        ("Deployment", {"replicas": 2, "strategy": {"type": "Recreate"}}, PROBE, ["strategy Recreate"]),
        ("StatefulSet", {"replicas": 1}, {}, ["no readiness probe", "one replica"]),
        ("DaemonSet", {}, PROBE, []),
    ],
)
def test_what_a_crash_would_cost(kind: str, spec: dict[str, Any], container: dict[str, Any], begins: list[str]) -> None:
    template = msgspec.convert({"spec": {"containers": [{"name": "c", **container}]}}, PodTemplate)
    found = list(risks(kind, {"spec": spec}, template))
    assert len(found) == len(begins)
    assert all(text.startswith(start) for text, start in zip(found, begins, strict=True))
