"""The pod that stands for those of a workload: how it is labeled and owned, and for which workloads it stands."""

from typing import Any

import msgspec
import pytest

from kubectl_caps.core.kubernetes.kinds import KINDS
from kubectl_caps.core.kubernetes.workloads import Workload, read_workloads
from kubectl_caps.core.pods.created import intermediate_kinds, sample_pods

ROW = {kind.kind: kind for kind in reversed(KINDS)}


def workload(
    kind: str, name: str = "x", owner: str = "", labels: dict[str, str] | None = None, **spec: Any
) -> Workload:
    """A workload as read from a cluster; `labels` and `spec` are those of its template."""
    row = ROW[kind]
    metadata: dict[str, Any] = {"name": name, "namespace": "shop", "uid": f"uid of {name}"}
    if owner:
        reference = {"apiVersion": "v1", "kind": "X", "name": owner, "uid": f"uid of {owner}", "controller": True}
        metadata["ownerReferences"] = [reference]
    node: Any = {"spec": {"containers": [{"name": "c", "image": "i"}], **spec}}
    if row.template:
        node["metadata"] = {"labels": labels or {}}
    for step in reversed(row.template):
        node = [node] if step == "*" else {step: node}
    raw = msgspec.Raw(msgspec.json.encode({**node, "metadata": metadata}))
    return msgspec.structs.replace(next(iter(read_workloads(row, raw, {}))), raw=raw)


JOB = ["batch.kubernetes.io/controller-uid", "batch.kubernetes.io/job-name", "controller-uid", "job-name"]


@pytest.mark.parametrize(
    ("kind", "owner", "labels", "between"),
    [
        ("Deployment", "apps/v1 ReplicaSet", ["pod-template-hash"], ["ReplicaSet"]),
        ("CronJob", "batch/v1 Job", JOB, ["Job"]),
        ("DaemonSet", "apps/v1 DaemonSet", ["controller-revision-hash", "pod-template-generation"], []),
        ("ReplicationController", "v1 ReplicationController", [], []),
        ("Rollout", "apps/v1 ReplicaSet", ["pod-template-hash"], ["ReplicaSet"]),
        ("JobSet", "batch/v1 Job", JOB, ["Job"]),
        ("Service", "apps/v1 ReplicaSet", ["pod-template-hash"], ["Deployment", "ReplicaSet"]),
        ("CloneSet", "apps.kruise.io/v1alpha1 CloneSet", [], []),
        ("DeploymentConfig", "v1 ReplicationController", [], ["ReplicationController"]),
    ],
)
def test_a_sample_pod_has_the_labels_and_the_owner_of_its_controller(
    kind: str, owner: str, labels: list[str], between: list[str]
) -> None:
    one = workload(kind, labels={"app": "web"})
    ([sample], malformed) = sample_pods([one], "shop")
    [found] = sample.body["metadata"]["ownerReferences"]
    assert (f"{found['apiVersion']} {found['kind']}", found["controller"], malformed) == (owner, True, [])
    assert sorted(sample.body["metadata"]["labels"]) == sorted(["app", *labels])
    assert [row.kind for row in intermediate_kinds(one)] == between


def test_a_pod_of_a_pod_template_is_tried_without_an_owner() -> None:
    ([sample], _) = sample_pods([workload("PodTemplate", labels={"app": "web"})], "shop")
    assert sample.body["metadata"]["labels"] == {"app": "web"}
    assert "ownerReferences" not in sample.body["metadata"]


def samples(*workloads: Workload) -> list[list[str]]:
    """The workloads for which each sample stands."""
    return [[one.reference for one in sample.workloads] for sample in sample_pods(workloads, "shop")[0]]


def test_a_sample_stands_for_all_templates_that_differ_only_in_generated_labels() -> None:
    web, old = workload("Deployment", "web"), {"hostNetwork": True}
    made = workload("ReplicaSet", "web-1", owner="web", labels={"pod-template-hash": "1"})
    other = workload("ReplicaSet", "web-0", owner="web", labels={"pod-template-hash": "0"}, **old)
    labeled = workload("Deployment", "api", labels={"app": "api"})
    assert samples(web, made, other, labeled, workload("StatefulSet", "db")) == [
        ["deployment.apps/web", "replicaset.apps/web-1"],
        ["replicaset.apps/web-0"],
        ["deployment.apps/api"],
        ["statefulset.apps/db"],
    ]


def test_a_pod_is_tried_again_only_where_no_template_makes_it() -> None:
    web, owned = workload("Deployment", "web"), workload("Pod", "web-1", owner="web")
    assert samples(web, owned, workload("Pod", "bare"), workload("Pod", "foreign", owner="somebody")) == [
        ["deployment.apps/web"],
        ["pod/bare"],
        ["pod/foreign"],
    ]
    mirror = workload("Pod", "static")
    annotations = {"kubernetes.io/config.mirror": "x"}
    template = msgspec.structs.replace(
        mirror.template, metadata=msgspec.structs.replace(mirror.metadata, annotations=annotations)
    )
    assert samples(msgspec.structs.replace(mirror, template=template)) == []


@pytest.mark.parametrize("owner", ["", "somebody"])
def test_a_recreated_pod_has_its_owner_and_no_node(owner: str) -> None:
    ([sample], _) = sample_pods([workload("Pod", "bare", owner=owner, nodeName="n")], "shop")
    assert sample.body["spec"] == {"containers": [{"name": "c", "image": "i"}]}
    assert len(sample.body["metadata"].get("ownerReferences", ())) == (1 if owner else 0)
