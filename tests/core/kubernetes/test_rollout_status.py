"""How a rollout stands: the table of kubectl's rules, and what crashes beneath a rollout that looks complete."""

from typing import Any

import msgspec
import pytest

from kubectl_caps.core.kubernetes.pod import Pod
from kubectl_caps.core.kubernetes.pod_failures import pod_failures, termination_grace
from kubectl_caps.core.kubernetes.rollout_status import RolloutRevision, not_proven, revision, rollout_status


@pytest.mark.parametrize("kind", ["StatefulSet", "DaemonSet"])
def test_a_kind_of_another_group_is_not_watched_by_the_rules_of_its_namesake(kind: str) -> None:
    status = {"desiredNumberScheduled": 1}
    obj = {"apiVersion": "apps.kruise.io/v1beta1", "kind": kind, "spec": {"replicas": 1}, "status": status}
    assert not_proven(kind, obj) == "its own controller decides when pods use it, which is not watched"


def workload(status: dict[str, Any], spec: dict[str, Any] | None = None, generation: int = 1) -> dict[str, Any]:
    """A workload at a generation, with what its controller says."""
    return {
        "metadata": {"generation": generation},
        "spec": {"replicas": 2} if spec is None else spec,
        "status": {"observedGeneration": 1, **status},
    }


DONE = {"updatedReplicas": 2, "replicas": 2, "availableReplicas": 2}
SET = {"updatedReplicas": 2, "readyReplicas": 2}
DAEMON = {"desiredNumberScheduled": 2, "updatedNumberScheduled": 2, "numberAvailable": 2}
REFUSED = {"type": "ReplicaFailure", "status": "True", "message": 'pods "x" is forbidden'}


@pytest.mark.parametrize(
    ("kind", "obj", "step"),
    [
        pytest.param("Deployment", workload(DONE), "complete", id="deployment complete"),
        pytest.param("Deployment", workload(DONE, generation=2), "progressing", id="controller has not seen it"),
        pytest.param("Deployment", workload({**DONE, "updatedReplicas": 1}), "progressing", id="new pods missing"),
        pytest.param("Deployment", workload({**DONE, "replicas": 3}), "progressing", id="an old pod left"),
        pytest.param("Deployment", workload({**DONE, "availableReplicas": 1}), "progressing", id="not available"),
        pytest.param("Deployment", workload({**DONE, "conditions": [REFUSED]}), "failed", id="pods refused"),
        pytest.param(
            "Deployment",
            workload({**DONE, "conditions": [{**REFUSED, "status": "False"}]}),
            "complete",
            id="no longer refused",
        ),
        pytest.param(
            "Deployment",
            workload({**DONE, "conditions": [{"type": "Progressing", "reason": "ProgressDeadlineExceeded"}]}),
            "failed",
            id="deadline",
        ),
        pytest.param("StatefulSet", workload(SET), "complete", id="stateful set complete"),
        pytest.param("StatefulSet", workload({**SET, "updatedReplicas": 1}), "progressing", id="stateful set updating"),
        pytest.param("StatefulSet", workload({**SET, "readyReplicas": 1}), "progressing", id="stateful set not ready"),
        pytest.param("DaemonSet", workload(DAEMON, {}), "complete", id="daemon set complete"),
        pytest.param(
            "DaemonSet", workload({**DAEMON, "numberAvailable": 1}, {}), "progressing", id="daemon set waiting"
        ),
        pytest.param(
            "DaemonSet", workload({**DAEMON, "updatedNumberScheduled": 1}, {}), "progressing", id="daemon set old"
        ),
    ],
)
def test_a_rollout_has_the_status_of_kubectl_rollout_status(kind: str, obj: dict[str, Any], step: str) -> None:
    assert rollout_status(kind, obj, []).step == step


def pod(*, init: bool = False, deleted: bool = False, phase: str = "Running", **status: Any) -> Pod:
    """A pod with one container (or init container) c in this state."""
    field = "initContainerStatuses" if init else "containerStatuses"
    metadata = {"name": "p", **({"deletionTimestamp": "2026-01-01T00:00:00Z"} if deleted else {})}
    return msgspec.convert({"metadata": metadata, "status": {"phase": phase, field: [{"name": "c", **status}]}}, Pod)


ENDED = {"terminated": {"exitCode": 1, "reason": "Error"}}
CLEAN = {"terminated": {"exitCode": 0, "reason": "Completed"}}


@pytest.mark.parametrize(
    ("seen", "message"),
    [
        pytest.param(pod(state={"running": {}}), None, id="running"),
        pytest.param(pod(state=ENDED), "container c exited with code 1", id="ended"),
        pytest.param(
            pod(state={"running": {}}, lastState=ENDED, restartCount=1), "container c exited with code 1", id="again"
        ),
        pytest.param(
            pod(state={"terminated": {"exitCode": 137, "reason": "OOMKilled"}}),
            "container c exited with code 137 (OOMKilled)",
            id="oom",
        ),
        pytest.param(
            pod(lastState=CLEAN, restartCount=1), "container c exited with code 0", id="restarted after success"
        ),
        pytest.param(pod(state=CLEAN, init=True), None, id="init done"),
        pytest.param(pod(state=ENDED, init=True), "container c exited with code 1", id="init failed"),
        pytest.param(pod(restartCount=2), "container c was restarted 2 times", id="restarts without a trace"),
        pytest.param(
            pod(state={"waiting": {"reason": "CreateContainerConfigError", "message": "no"}}),
            "container c does not start: CreateContainerConfigError: no",
            id="cannot start",
        ),
        pytest.param(pod(state={"waiting": {"reason": "ContainerCreating"}}), None, id="starting"),
        pytest.param(pod(state={"waiting": {"reason": "ErrImagePull"}}), None, id="image is tried again"),
        pytest.param(pod(state=ENDED, deleted=True), None, id="a pod on its way out may end as it likes"),
        pytest.param(pod(phase="Failed"), "pod p failed: ", id="pod failed"),
    ],
)
def test_the_failure_of_a_pod(seen: Pod, message: str | None) -> None:
    assert next((failure.message for failure in pod_failures([seen])), None) == message


def test_the_grace_period_is_that_of_terminating_pods() -> None:
    def ending(**metadata: Any) -> Pod:
        return msgspec.convert({"metadata": metadata}, Pod)

    first = ending(deletionTimestamp="2026-01-01T00:00:00Z", deletionGracePeriodSeconds=30)
    last = ending(deletionTimestamp="2026-01-01T00:00:00Z", deletionGracePeriodSeconds=2)
    assert (
        termination_grace([pod()]),
        termination_grace([pod(), first, last]),
        termination_grace([pod(deleted=True)]),
    ) == (None, 30, 0)


def test_a_crash_is_a_failure_although_the_rollout_is_complete() -> None:
    assert rollout_status("Deployment", workload(DONE), [pod(state=ENDED)]).step == "failed"


@pytest.mark.parametrize(
    ("kind", "spec", "status", "proven"),
    [
        ("Deployment", {"replicas": 1}, {}, True),
        ("Deployment", {"replicas": 0}, {}, False),
        ("Deployment", {"replicas": 1, "paused": True}, {}, False),
        ("StatefulSet", {"replicas": 1}, {}, True),
        ("StatefulSet", {"replicas": 1, "updateStrategy": {"type": "OnDelete"}}, {}, False),
        ("StatefulSet", {"replicas": 2, "updateStrategy": {"rollingUpdate": {"partition": 1}}}, {}, True),
        ("StatefulSet", {"replicas": 2, "updateStrategy": {"rollingUpdate": {"partition": 2}}}, {}, False),
        ("DaemonSet", {}, {"desiredNumberScheduled": 1}, True),
        ("DaemonSet", {}, {"desiredNumberScheduled": 0}, False),
        ("ReplicaSet", {"replicas": 1}, {}, False),
        ("CronJob", {}, {}, False),
    ],
)
def test_whether_a_rollout_can_prove_the_change(
    kind: str, spec: dict[str, Any], status: dict[str, Any], proven: bool
) -> None:
    assert (not_proven(kind, {"spec": spec, "status": status}) is None) is proven


def test_the_pods_of_a_deployment_are_read_from_its_newest_replica_set() -> None:
    def replica_set(number: str, value: str) -> dict[str, Any]:
        annotations = {"deployment.kubernetes.io/revision": number}
        return {"metadata": {"annotations": annotations, "labels": {"pod-template-hash": value}}}

    obj = {"metadata": {"annotations": {"deployment.kubernetes.io/revision": "2"}}}
    assert revision("Deployment", obj, [replica_set("1", "old"), replica_set("2", "new")]) == RolloutRevision(
        "pod-template-hash", "new"
    )


def test_no_pod_is_of_a_revision_that_the_controller_has_not_named() -> None:
    unknown = revision("Deployment", {"metadata": {}}, [{"metadata": {"labels": {}}}])
    assert not unknown.has(pod())
