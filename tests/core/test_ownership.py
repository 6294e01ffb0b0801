"""Which pods are folded into their workload, and which stand for themselves."""

from typing import Any

import msgspec

from kubectl_caps.core.ownership import fold
from kubectl_caps.core.workloads import KINDS, Workload, read

ROW = {kind.kind: kind for kind in KINDS if kind.builtin}


def workload(kind: str, name: str, owner: str | None = None, drop: str = "ALL", **spec: Any) -> Workload:
    """A workload whose uid is its name; `owner` is its controller's."""
    metadata: dict[str, Any] = {"name": name, "uid": name}
    if owner:
        metadata["ownerReferences"] = [{"kind": "X", "name": owner, "uid": owner, "controller": True}]
    node: Any = {"spec": {"containers": [{"name": "c", "securityContext": {"capabilities": {"drop": [drop]}}}], **spec}}
    for step in reversed(ROW[kind].template):
        node = {step: node}
    raw = msgspec.Raw(msgspec.json.encode({**node, "metadata": metadata}))
    return next(iter(read(ROW[kind], raw, {})))


def rows(shown: list[Workload], others: list[Workload]) -> list[tuple[str, list[str], str | None]]:
    """Name, folded pods and parent of each row."""
    return [
        (
            row.workload.name,
            [str(pod.metadata.name) for pod in row.pods if pod.metadata.name != row.workload.name],
            row.parent.workload.name if row.parent else None,
        )
        for row in fold(shown, others)
    ]


WEB = workload("Deployment", "web")
SET = workload("ReplicaSet", "web-1", "web")
POD = workload("Pod", "web-1-a", "web-1")


def test_a_deployments_replica_set_and_pods_are_folded() -> None:
    assert rows([WEB, SET, POD], []) == [("web", ["web-1-a"], None)]


def test_pods_are_folded_whether_or_not_they_were_asked_for() -> None:
    assert rows([WEB], [POD, SET]) == [("web", ["web-1-a"], None)]


def test_pods_of_workloads_that_nobody_asked_for_are_not_shown() -> None:
    assert rows([workload("Deployment", "other")], [SET, POD, workload("Pod", "bare")]) == [("other", [], None)]


def test_an_old_revision_with_pods_has_its_own_row_under_the_deployment() -> None:
    old, pod = workload("ReplicaSet", "web-0", "web", drop="KILL"), workload("Pod", "web-0-a", "web-0", drop="KILL")
    assert rows([WEB], [SET, POD, old, pod]) == [("web", ["web-1-a"], None), ("web-0", ["web-0-a"], "web")]


def test_an_old_revision_without_pods_is_history() -> None:
    assert rows([WEB, workload("ReplicaSet", "web-0", "web", drop="KILL")], []) == [("web", [], None)]


def test_a_pod_with_an_injected_sidecar_has_its_own_row() -> None:
    pod = workload("Pod", "web-1-b", "web-1", initContainers=[{"name": "proxy", "restartPolicy": "Always"}])
    assert rows([WEB], [SET, pod]) == [("web", [], None), ("web-1-b", [], "web")]


def test_a_bare_pod_stands_for_itself() -> None:
    assert rows([workload("Pod", "bare")], []) == [("bare", [], None)]


def test_a_pod_whose_owner_is_not_shown_stands_for_itself() -> None:
    assert rows([POD], [POD, SET]) == [("web-1-a", [], None)]


def test_owners_in_a_circle_do_not_hang() -> None:
    assert len(fold([workload("ReplicaSet", "a", "b"), workload("ReplicaSet", "b", "a")], [])) <= 2
