"""Which pods are folded into their workload, and which stand for themselves."""

from typing import Any

import msgspec
import pytest

from kubectl_caps.core.kubernetes.kinds import KINDS
from kubectl_caps.core.kubernetes.workloads import Workload, read_workloads
from kubectl_caps.core.pods.owners import fold

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
    return next(iter(read_workloads(ROW[kind], raw, {})))


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


def test_pods_are_folded_into_their_owner_even_if_pods_are_not_listed() -> None:
    assert rows([WEB], [POD, SET]) == [("web", ["web-1-a"], None)]


def test_pods_of_unlisted_workloads_are_not_shown() -> None:
    assert rows([workload("Deployment", "other")], [SET, POD, workload("Pod", "bare")]) == [("other", [], None)]


def test_an_old_revision_with_pods_has_its_own_row_under_the_deployment() -> None:
    old, pod = workload("ReplicaSet", "web-0", "web", drop="KILL"), workload("Pod", "web-0-a", "web-0", drop="KILL")
    assert rows([WEB], [SET, POD, old, pod]) == [("web", ["web-1-a"], None), ("web-0", ["web-0-a"], "web")]


def test_an_old_revision_without_pods_is_history() -> None:
    assert rows([WEB, workload("ReplicaSet", "web-0", "web", drop="KILL")], []) == [("web", [], None)]


def test_a_pod_with_an_injected_sidecar_has_its_own_row() -> None:
    pod = workload("Pod", "web-1-b", "web-1", initContainers=[{"name": "proxy", "restartPolicy": "Always"}])
    assert rows([WEB], [SET, pod]) == [("web", [], None), ("web-1-b", [], "web")]


def test_a_bare_pod_has_its_own_row() -> None:
    assert rows([workload("Pod", "bare")], []) == [("bare", [], None)]


def test_a_pod_whose_owner_is_not_shown_has_its_own_row() -> None:
    assert rows([POD], [POD, SET]) == [("web-1-a", [], None)]


def test_owners_in_a_circle_do_not_hang() -> None:
    assert len(fold([workload("ReplicaSet", "a", "b"), workload("ReplicaSet", "b", "a")], [])) <= 2


CONTAINER: dict[str, Any] = {"name": "c", "securityContext": {"capabilities": {"drop": ["ALL"]}}}
HOST = {"name": "h", "hostPath": {"path": "/etc"}}
TOKEN: dict[str, Any] = {"name": "kube-api-access-x", "projected": {"sources": []}}


def mounts(*names: str) -> list[dict[str, Any]]:
    """The container with these volumes mounted."""
    return [{**CONTAINER, "volumeMounts": [{"name": name, "mountPath": f"/{name}"} for name in names]}]


# What is added to a pod that its template has not, and whether the pod is still what the template says.
APART: list[tuple[str, dict[str, Any], bool]] = [
    ("token of the service account", {"volumes": [TOKEN], "containers": mounts(TOKEN["name"])}, True),
    ("node", {"nodeName": "n", "tolerations": [{"operator": "Exists"}]}, True),
    ("image", {"containers": [{**CONTAINER, "image": "mirror/c"}]}, True),
    (
        "read-only root file system",
        {
            "containers": [
                {**CONTAINER, "securityContext": {**CONTAINER["securityContext"], "readOnlyRootFilesystem": True}}
            ]
        },
        True,
    ),
    ("image with other file capabilities", {"containers": [{**CONTAINER, "image": "coredns/coredns"}]}, False),
    ("host directory", {"volumes": [HOST], "containers": mounts("h")}, False),
    ("volume that no level but privileged allows", {"volumes": [{"name": "n", "nfs": {"server": "s"}}]}, False),
    ("host network", {"hostNetwork": True}, False),
    ("host process ids", {"hostPID": True}, False),
    ("host IPC", {"hostIPC": True}, False),
    ("user namespace", {"hostUsers": False}, False),
    ("RuntimeClass", {"runtimeClassName": "gvisor"}, False),
    ("operating system", {"os": {"name": "windows"}}, False),
    ("pod user", {"securityContext": {"runAsUser": 0}}, False),
    (
        "sysctl",
        {"securityContext": {"sysctls": [{"name": "net.ipv4.ip_unprivileged_port_start", "value": "0"}]}},
        False,
    ),
    ("container user", {"containers": [{**CONTAINER, "securityContext": {"runAsUser": 0}}]}, False),
    ("host port", {"containers": [{**CONTAINER, "ports": [{"containerPort": 80, "hostPort": 80}]}]}, False),
    ("container port", {"containers": [{**CONTAINER, "ports": [{"containerPort": 80}]}]}, True),
    ("probe of a host", {"containers": [{**CONTAINER, "livenessProbe": {"tcpSocket": {"host": "10.0.0.1"}}}]}, False),
    ("ephemeral container", {"ephemeralContainers": [{"name": "debugger"}]}, False),
]


@pytest.mark.parametrize(("what", "more", "folded"), APART, ids=[row[0] for row in APART])
def test_a_pod_is_folded_only_if_no_judged_field_differs(
    what: str, more: dict[str, Any], folded: bool
) -> None:
    pod = workload("Pod", "web-1-a", "web-1", **more)
    names = [name for name, _, _ in rows([WEB], [SET, pod])]
    assert names == (["web"] if folded else ["web", "web-1-a"]), what


def test_the_host_ports_that_the_server_gives_to_a_pod_in_the_hosts_network_are_no_difference() -> None:
    def ports(**more: int) -> dict[str, Any]:
        return {"hostNetwork": True, "containers": [{**CONTAINER, "ports": [{"containerPort": 80, **more}]}]}

    agent = workload("DaemonSet", "agent", **ports())
    assert rows([agent], [workload("Pod", "agent-1", "agent", **ports(hostPort=80))]) == [("agent", ["agent-1"], None)]
