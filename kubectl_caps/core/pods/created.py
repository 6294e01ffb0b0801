"""Makes sample pods as controllers create them: one for each different template, as the body of a create request."""

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct

from kubectl_caps.core.kubernetes.controller_labels import ADDED_LABELS, LABELS_OF
from kubectl_caps.core.kubernetes.kinds import WORKLOADS, Kind
from kubectl_caps.core.kubernetes.made_pods import pod_from, pod_of
from kubectl_caps.core.kubernetes.pod import Pod
from kubectl_caps.core.kubernetes.workloads import MalformedWorkload, Workload
from kubectl_caps.core.pods.owners import workload_key

_OWNERS = {
    **dict.fromkeys(("Deployment", "Rollout", "Service"), ("apps/v1", "ReplicaSet")),
    **dict.fromkeys(("CronJob", "JobSet", "ScaledJob"), ("batch/v1", "Job")),
    "DeploymentConfig": ("v1", "ReplicationController"),
    **dict.fromkeys(("Task", "Pipeline", "PipelineRun", "StepAction"), ("tekton.dev/v1", "TaskRun")),
    "ScheduledSparkApplication": ("sparkoperator.k8s.io/v1beta2", "SparkApplication"),
}
"""The kind that owns the pods, for kinds of workloads that do not own pods themselves."""
_SAMPLE = {"name": "sample-0", "uid": "00000000-0000-4000-8000-000000000000"}
_MIRROR = "kubernetes.io/config.mirror"
"""The annotation of a mirror pod. The kubelet runs its static pod even if the API server refuses the mirror pod."""


class SamplePod(Struct, frozen=True):
    """A pod to create in a dry run, and the workloads whose controllers create pods exactly like it."""

    body: dict[str, Any]
    workloads: list[Workload]


def sample_pods(
    workloads: Sequence[Workload], namespace: str
) -> tuple[list[SamplePod], list[tuple[Workload, MalformedWorkload]]]:
    """One pod for each different template, and one for each pod that no template of these workloads makes.

    Templates that differ only in generated labels share a sample. The second list has the workloads whose pod cannot be
    made.
    """
    found: dict[bytes, SamplePod] = {}
    malformed = []
    unowned = set(map(workload_key, unowned_pods(workloads)))
    for one in workloads:
        if one.raw is None or (one.is_pod and workload_key(one) not in unowned):
            continue
        try:
            obj = msgspec.json.decode(one.raw)
            body = recreate_body(one, obj, namespace) if one.is_pod else _template_body(one, obj, namespace)
        except MalformedWorkload as error:
            malformed.append((one, error))
            continue
        identity = ({**body["metadata"], "generateName": ""}, body["spec"])
        sample = found.setdefault(msgspec.json.encode(identity, order="deterministic"), SamplePod(body, []))
        sample.workloads.append(one)
    return list(found.values()), malformed


def intermediate_kinds(workload: Workload) -> list[Kind]:
    """The built-in kinds of the objects that controllers create between a workload and its pods; Knative has two."""
    names = {_OWNERS.get(workload.kind), ("apps/v1", "Deployment") if workload.kind == "Service" else None}
    return [kind for kind in WORKLOADS if (kind.api_version, kind.kind) in names]


def unowned_pods(workloads: Sequence[Workload]) -> list[Workload]:
    """The pods that no template of these workloads makes. Their creator would create them again unchanged."""
    makers = {one.metadata.uid for one in workloads if not one.is_pod}
    pods = [one for one in workloads if isinstance(one.template, Pod) and _MIRROR not in one.template.annotations]
    return [one for one in pods if not (owner := one.metadata.controller) or owner.uid not in makers]


def recreate_body(workload: Workload, pod: dict[str, Any], namespace: str) -> dict[str, Any]:
    """The body of the request that creates a pod again, on any node. Raises MalformedWorkload."""
    body = pod_of({"pod": pod}, ("pod",), workload.name, namespace)
    if owners := (pod.get("metadata") or {}).get("ownerReferences"):
        # blockOwnerDeletion needs a right on the owner
        body["metadata"]["ownerReferences"] = [{**owner, "blockOwnerDeletion": False} for owner in owners]
    body["spec"] = {key: value for key, value in pod["spec"].items() if key not in ("nodeName", "ephemeralContainers")}
    return body


def _template_body(workload: Workload, obj: dict[str, Any], namespace: str) -> dict[str, Any]:
    """The pod as the workload's controllers create it, with sample values for the generated labels."""
    body = pod_from(workload, obj, namespace)
    for index, container in enumerate(body["spec"].get("containers") or ()):
        container.setdefault("name", f"container-{index}")  # Knative's controller names them
    if workload.kind != "PodTemplate":  # the controller that makes pods of a PodTemplate is not known
        api_version, kind = _OWNERS.get(workload.kind, (workload.api_version, workload.kind))
        own = {label: value for label, value in body["metadata"].get("labels", {}).items() if label not in ADDED_LABELS}
        body["metadata"]["labels"] = own | dict.fromkeys(LABELS_OF.get(kind, ()), _SAMPLE["name"])
        reference = {"apiVersion": api_version, "kind": kind, "controller": True}
        body["metadata"]["ownerReferences"] = [reference | _SAMPLE]
    return body
