"""Judges the status of a rollout from the workload and its pods.

The rules of completion are those of `kubectl rollout status` (k8s.io/kubectl pkg/polymorphichelpers/rollout_status.go).
A rollout can be complete while its pods crash, because a pod without a readiness probe is available the moment it
starts. `pod_failures.py` finds the failures of pods.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from msgspec import Struct

from kubectl_caps.core.kubernetes.patch import ABSENT, lookup
from kubectl_caps.core.kubernetes.pod import Pod
from kubectl_caps.core.kubernetes.pod_failures import PodFailure, pod_failures

Step = Literal["progressing", "complete", "failed"]

_REVISION = ("metadata", "annotations", "deployment.kubernetes.io/revision")


class RolloutStatus(Struct, frozen=True):
    """The status of a rollout; `message` is printed."""

    step: Step
    message: str
    failure: PodFailure | None = None


class RolloutRevision(Struct, frozen=True):
    """The label of the pods of the wanted template, and its value; empty until the controller has set it."""

    label: str
    value: str

    def has(self, pod: Pod) -> bool:
        """Whether a pod has this revision."""
        return bool(self.value) and (pod.metadata.labels or {}).get(self.label) == self.value


def not_proven(kind: str, obj: Mapping[str, Any]) -> str | None:
    """Why no rollout would show whether a new template works; None if a rollout shows it."""
    spec = obj.get("spec") or {}
    update = spec.get("updateStrategy") or {}
    if kind == "CronJob":
        return "the next run uses it"
    if kind in ("ReplicaSet", "ReplicationController", "PodTemplate"):
        return "only new pods use it; the running ones keep what they have"
    if kind not in _RULES or str(obj.get("apiVersion", "apps/v1")).partition("/")[0] not in ("apps", "extensions"):
        return "its own controller decides when pods use it, which is not watched"
    if spec.get("paused"):
        return "the rollout is paused"
    if spec.get("replicas") == 0 or (kind == "DaemonSet" and not _status(obj, "desiredNumberScheduled")):
        return "it has no pods"
    if update.get("type") == "OnDelete":
        return "updateStrategy OnDelete: each pod uses it after it is deleted"
    if _partition(spec) >= spec.get("replicas", 1):
        return "the partition of its updateStrategy holds every pod back"
    return None


def revision(kind: str, obj: Mapping[str, Any], replica_sets: Sequence[Mapping[str, Any]]) -> RolloutRevision:
    """The label of the pods of the wanted template. `replica_sets` are the ReplicaSets that the Deployment owns."""
    if kind == "Deployment":
        number = lookup(obj, _REVISION)
        newest = (item for item in replica_sets if number is not ABSENT and lookup(item, _REVISION) == number)
        labels = next((item["metadata"].get("labels") or {} for item in newest), {})
        return RolloutRevision("pod-template-hash", labels.get("pod-template-hash", ""))
    if kind == "StatefulSet":
        return RolloutRevision("controller-revision-hash", _text(lookup(obj, ("status", "updateRevision"))))
    generation = lookup(obj, ("metadata", "annotations", "deprecated.daemonset.template.generation"))
    return RolloutRevision("pod-template-generation", _text(generation))


def rollout_status(kind: str, obj: Mapping[str, Any], updated: Sequence[Pod]) -> RolloutStatus:
    """The status of the rollout of a Deployment, StatefulSet or DaemonSet; `updated` are pods of the new revision."""
    for failure in pod_failures(updated) if is_observed(obj) else ():
        return RolloutStatus("failed", failure.message, failure)
    return reported(kind, obj)


def is_observed(obj: Mapping[str, Any]) -> bool:
    """Whether the object's controller has seen its newest generation."""
    return _status(obj, "observedGeneration") >= (obj["metadata"].get("generation") or 0)


def reported(kind: str, obj: Mapping[str, Any]) -> RolloutStatus:
    """The status of the rollout, from the object without its pods."""
    if not is_observed(obj):
        return RolloutStatus("progressing", "its controller has not seen the last change yet")
    return _RULES[kind](obj)


def held_back(kind: str, obj: Mapping[str, Any]) -> str | None:
    """The pods below a StatefulSet's partition, which a finished rollout does not replace."""
    partition = _partition(obj.get("spec") or {}) if kind == "StatefulSet" else 0
    return f"the partition of its updateStrategy holds {partition} of its pods back" if partition else None


def _deployment(obj: Mapping[str, Any]) -> RolloutStatus:
    wanted = obj["spec"].get("replicas", 1)
    updated, total, available = (_status(obj, name) for name in ("updatedReplicas", "replicas", "availableReplicas"))
    for condition in (obj.get("status") or {}).get("conditions") or ():
        refused = condition.get("type") == "ReplicaFailure" and condition.get("status") == "True"
        if condition.get("reason") == "ProgressDeadlineExceeded" or refused:
            message = condition.get("message", "")
            return RolloutStatus("failed", message, PodFailure(message, final=not refused))
    if updated < wanted:
        return RolloutStatus("progressing", f"{updated} of {wanted} new pods created")
    if total > updated:
        return RolloutStatus("progressing", f"{total - updated} old pods still to end")
    if available < updated:
        return RolloutStatus("progressing", f"{available} of {updated} new pods available")
    return RolloutStatus("complete", f"{available} of {wanted} pods available")


def _stateful_set(obj: Mapping[str, Any]) -> RolloutStatus:
    total = obj["spec"].get("replicas", 1)
    wanted, updated = total - _partition(obj["spec"]), _status(obj, "updatedReplicas")
    field = "availableReplicas" if obj["spec"].get("minReadySeconds") else "readyReplicas"
    ready = _status(obj, field)
    if updated < wanted:
        return RolloutStatus("progressing", f"{updated} of {wanted} pods updated")
    if ready < total:
        return RolloutStatus("progressing", f"{ready} of {total} pods ready")
    return RolloutStatus("complete", f"{updated} of {wanted} pods updated and ready")


def _daemon_set(obj: Mapping[str, Any]) -> RolloutStatus:
    wanted = _status(obj, "desiredNumberScheduled")
    updated, available = _status(obj, "updatedNumberScheduled"), _status(obj, "numberAvailable")
    if updated < wanted:
        return RolloutStatus("progressing", f"{updated} of {wanted} pods updated")
    if available < wanted:
        return RolloutStatus("progressing", f"{available} of {wanted} pods available")
    return RolloutStatus("complete", f"{available} of {wanted} pods available")


_RULES: Mapping[str, Callable[[Mapping[str, Any]], RolloutStatus]] = {
    "Deployment": _deployment,
    "StatefulSet": _stateful_set,
    "DaemonSet": _daemon_set,
}


def _status(obj: Mapping[str, Any], field: str) -> int:
    value = lookup(obj, ("status", field))
    return value if isinstance(value, int) else 0


def _partition(spec: Mapping[str, Any]) -> int:
    value = lookup(spec, ("updateStrategy", "rollingUpdate", "partition"))
    return value if isinstance(value, int) else 0


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
