"""A dry run is proven by a pod that the controller has made of the same template, and by no other."""

from typing import Any

import msgspec
import pytest

from kubectl_caps.core.kubernetes.kinds import kind_of
from kubectl_caps.core.kubernetes.pod import Pod
from kubectl_caps.core.kubernetes.workloads import Workload, read_workloads
from kubectl_caps.core.pods.owners import workload_key
from kubectl_caps.core.pods.proven import proven

MENDED: dict[str, Any] = {"runAsNonRoot": True}
PLAIN: dict[str, Any] = {}
OTHER: dict[str, Any] = {"runAsUser": 7}
API = {
    "Deployment": "apps/v1",
    "ReplicaSet": "apps/v1",
    "CronJob": "batch/v1",
    "Job": "batch/v1",
    "Pod": "v1",
    "PodTemplate": "v1",
    "Rollout": "argoproj.io/v1alpha1",
}


def made(kind: str, security: dict[str, Any], owner: str = "") -> Workload:
    """An object whose pods have this security context; its uid is its kind."""
    row = kind_of(API[kind], kind)
    assert row
    owners = [{"kind": owner, "name": owner, "uid": owner, "controller": True}] if owner else []
    node: Any = {"spec": {"containers": [{"name": "c", "securityContext": security}]}}
    for step in reversed(row.template):
        node = {step: node}
    metadata = {"name": kind, "uid": kind, "ownerReferences": owners}
    return next(iter(read_workloads(row, {"metadata": metadata, **node}, {})))


ADMITTED = msgspec.convert({"spec": {"containers": [{"name": "c", "securityContext": MENDED}]}}, Pod)


@pytest.mark.parametrize(
    ("workloads", "found"),
    [
        ([made("ReplicaSet", PLAIN), made("Pod", MENDED, "ReplicaSet")], {"ReplicaSet"}),
        ([made("ReplicaSet", PLAIN), made("Pod", PLAIN, "ReplicaSet")], set()),
        ([made("ReplicaSet", PLAIN), made("Pod", MENDED)], set()),
        ([made("ReplicaSet", PLAIN)], set()),
        (
            [made("Deployment", PLAIN), made("ReplicaSet", PLAIN, "Deployment"), made("Pod", MENDED, "ReplicaSet")],
            {"Deployment", "ReplicaSet"},
        ),
        (
            [made("Deployment", PLAIN), made("ReplicaSet", OTHER, "Deployment"), made("Pod", MENDED, "ReplicaSet")],
            {"ReplicaSet"},
        ),
        ([made("CronJob", PLAIN), made("Job", PLAIN, "CronJob"), made("Pod", MENDED, "Job")], {"CronJob", "Job"}),
        (
            [made("Rollout", PLAIN), made("ReplicaSet", PLAIN, "Rollout"), made("Pod", MENDED, "ReplicaSet")],
            {"ReplicaSet"},
        ),
        ([made("PodTemplate", PLAIN), made("Pod", MENDED, "PodTemplate")], set()),
        ([made("Pod", MENDED, "Pod")], set()),
        ([made("ReplicaSet", PLAIN, "ReplicaSet"), made("Pod", MENDED, "ReplicaSet")], {"ReplicaSet"}),
    ],
)
def test_only_a_pod_of_the_controller_with_the_same_rights_proves_a_dry_run(
    workloads: list[Workload], found: set[str]
) -> None:
    """A ReplicaSet of an older revision proves nothing of its Deployment, and no pod proves a custom controller."""
    admitted = {workload_key(one): ADMITTED for one in workloads if not one.is_pod}
    assert {uid for uid, *_ in proven(workloads, admitted)} == found
