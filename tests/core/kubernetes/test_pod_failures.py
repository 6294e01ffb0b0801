"""What is wrong with pods that have a past, which of them wait, and what a crash would cost."""

from typing import Any

import msgspec
import pytest

from kubectl_caps.core.kubernetes.pod import Pod, PodTemplate
from kubectl_caps.core.kubernetes.pod_failures import broken, crash_risks, pod_failures, stalled


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
def test_only_present_and_recent_failures_of_an_old_pod_count(
    status: dict[str, Any], wrong: bool
) -> None:
    assert any(pod_failures([pod(**status)], since="2026-01-02T00:00:00Z")) is wrong
    assert any(pod_failures([pod(**status)]))  # in a new pod each of them counts


def test_a_pod_waits_for_a_container_or_the_scheduler() -> None:
    unscheduled = pod(conditions=[{"type": "PodScheduled", "status": "False", "message": "0/1 nodes"}])
    found = list(stalled([pod("ready", ready=True), pod("waiting"), unscheduled]))
    assert [(item.message, item.container) for item in found] == [
        ("container c is not ready", "c"),
        ("pod p is not scheduled: 0/1 nodes", ""),
    ]


def test_broken_pods_are_failing_and_unready_pods() -> None:
    pods = [pod("up", ready=True), pod("waiting"), pod("restarted", ready=True, restartCount=1)]
    assert [item.metadata.name for item in broken(pods)] == ["waiting", "restarted"]


PROBE: dict[str, Any] = {"readinessProbe": {"httpGet": {}}}


def rolling(field: str, **values: Any) -> dict[str, Any]:
    """The strategy of a rolling update."""
    return {field: {"type": "RollingUpdate", "rollingUpdate": values}}




BLIND = "no readiness probe (container c) and minReadySeconds 0: "
NO_PROBE = "no readiness probe (container c): a Service sends requests to each new pod from its start, "
IN_PLACE = "a StatefulSet replaces pods in place: 1 of 3 pods "
NODES = "a DaemonSet replaces pods in place: on 1 of its nodes "


@pytest.mark.parametrize(
    ("kind", "spec", "container", "held", "begins"),
    [
        ("Deployment", {"replicas": 2}, PROBE, False, []),
        ("Deployment", {"replicas": 2}, {}, False, [BLIND]),
        ("Deployment", {"replicas": 2}, {}, True, [NO_PROBE]),
        ("Deployment", {"replicas": 2, "minReadySeconds": 5}, {}, False, [NO_PROBE]),
        ("Deployment", {"replicas": 1}, {}, True, [NO_PROBE]),
        ("Deployment", {"replicas": 2, "strategy": {"type": "Recreate"}}, {}, True, ["strategy Recreate: "]),
        ("Deployment", {"replicas": 2, "strategy": {"type": "Recreate"}}, PROBE, True, ["strategy Recreate: "]),
        ("Deployment", {"replicas": 4}, {}, True, [NO_PROBE, "maxUnavailable lets 1 of 4 old pods end "]),
        ("Deployment", {"replicas": 4, **rolling("strategy", maxUnavailable=0)}, PROBE, True, []),
        (
            "Deployment", {"replicas": 1, **rolling("strategy", maxUnavailable=1)}, PROBE, True,
            ["maxUnavailable lets 1 of 1 "],
        ),
        (
            "Deployment", {"replicas": 2, **rolling("strategy", maxUnavailable="10%", maxSurge=0)}, PROBE, True,
            ["maxUnavailable lets 1 of 2 "],
        ),
        ("StatefulSet", {"replicas": 1}, {}, False, [BLIND, "one replica of a StatefulSet: "]),
        ("StatefulSet", {"replicas": 3}, PROBE, True, [IN_PLACE]),
        (
            "StatefulSet", {"replicas": 3, **rolling("updateStrategy", maxUnavailable=2)}, PROBE, True,
            ["a StatefulSet replaces pods in place: 2 of 3 pods do not serve while they are replaced"],
        ),
        ("StatefulSet", {"replicas": 3, **rolling("updateStrategy", maxUnavailable="10%")}, PROBE, True, [IN_PLACE]),
        (
            "StatefulSet", {"replicas": 3, **rolling("updateStrategy", maxUnavailable="100%")}, PROBE, True,
            ["maxUnavailable lets all 3 pods be replaced at once"],
        ),
        ("DaemonSet", {}, PROBE, True, [NODES]),
        (
            "DaemonSet", rolling("updateStrategy", maxUnavailable="10%"), PROBE, True,
            ["a DaemonSet replaces pods in place: on 10% of its nodes "],
        ),
        ("DaemonSet", rolling("updateStrategy", maxUnavailable=0, maxSurge=1), PROBE, True, []),
    ],
)  # fmt: skip
def test_the_cost_of_a_rollout_does_not_depend_on_the_new_pods(
    kind: str, spec: dict[str, Any], container: dict[str, Any], held: bool, begins: list[str]
) -> None:
    template = msgspec.convert({"spec": {"containers": [{"name": "c", **container}]}}, PodTemplate)
    found = list(crash_risks(kind, {"spec": spec}, template, held=held))
    assert len(found) == len(begins)
    assert all(text.startswith(start) for text, start in zip(found, begins, strict=True)), found
