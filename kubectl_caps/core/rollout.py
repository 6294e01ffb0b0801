"""How a rollout stands, judged from the workload and its pods as the API shows them.

The rules of completion are those of `kubectl rollout status` (k8s.io/kubectl pkg/polymorphichelpers/rollout_status.go).
A rollout can be complete and its pods dying, because a pod without a readiness probe is available the moment it
starts: what is wrong with pods is in `health`.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from msgspec import Struct

from kubectl_caps.core.health import Failure, failures
from kubectl_caps.core.patch import ABSENT, lookup
from kubectl_caps.core.pod import Pod

Step = Literal["progressing", "complete", "failed"]

_REVISION = ("metadata", "annotations", "deployment.kubernetes.io/revision")


class Standing(Struct, frozen=True):
    """Where a rollout is: `message` is for people."""

    step: Step
    message: str
    failure: Failure | None = None


class Revision(Struct, frozen=True):
    """The label that pods of the wanted template carry, and its value; empty while the controller has not said."""

    label: str
    value: str

    def has(self, pod: Pod) -> bool:
        """Whether a pod is of this revision."""
        return bool(self.value) and (pod.metadata.labels or {}).get(self.label) == self.value


def not_proven(kind: str, obj: Mapping[str, Any]) -> str | None:
    """Why nothing would show whether a new template works; None where a rollout shows it."""
    spec = obj.get("spec") or {}
    update = spec.get("updateStrategy") or {}
    if kind == "CronJob":
        return "the next run uses it"
    if kind in ("ReplicaSet", "ReplicationController", "PodTemplate"):
        return "only new pods use it; the running ones keep what they have"
    if kind not in _RULES:
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


def revision(kind: str, obj: Mapping[str, Any], replica_sets: Sequence[Mapping[str, Any]]) -> Revision:
    """Which pods are of the wanted template. `replica_sets` are those that the Deployment owns."""
    if kind == "Deployment":
        number = lookup(obj, _REVISION)
        newest = (item for item in replica_sets if number is not ABSENT and lookup(item, _REVISION) == number)
        labels = next((item["metadata"].get("labels") or {} for item in newest), {})
        return Revision("pod-template-hash", labels.get("pod-template-hash", ""))
    if kind == "StatefulSet":
        return Revision("controller-revision-hash", _text(lookup(obj, ("status", "updateRevision"))))
    generation = lookup(obj, ("metadata", "annotations", "deprecated.daemonset.template.generation"))
    return Revision("pod-template-generation", _text(generation))


def standing(kind: str, obj: Mapping[str, Any], updated: Sequence[Pod]) -> Standing:
    """How the rollout of a Deployment, StatefulSet or DaemonSet stands; `updated` are the pods of the new revision."""
    for failure in failures(updated) if is_observed(obj) else ():
        return Standing("failed", failure.message, failure)
    return reported(kind, obj)


def is_observed(obj: Mapping[str, Any]) -> bool:
    """Whether its controller has seen the object as it is now."""
    return _status(obj, "observedGeneration") >= (obj["metadata"].get("generation") or 0)


def reported(kind: str, obj: Mapping[str, Any]) -> Standing:
    """How the rollout stands as far as the object itself tells, without its pods."""
    if not is_observed(obj):
        return Standing("progressing", "its controller has not seen the last change yet")
    return _RULES[kind](obj)


def held_back(kind: str, obj: Mapping[str, Any]) -> str | None:
    """What a finished rollout leaves as it was: the pods below a StatefulSet's partition."""
    partition = _partition(obj.get("spec") or {}) if kind == "StatefulSet" else 0
    return f"the partition of its updateStrategy holds {partition} of its pods back" if partition else None


def _deployment(obj: Mapping[str, Any]) -> Standing:
    wanted = obj["spec"].get("replicas", 1)
    updated, total, available = (_status(obj, name) for name in ("updatedReplicas", "replicas", "availableReplicas"))
    for condition in (obj.get("status") or {}).get("conditions") or ():
        refused = condition.get("type") == "ReplicaFailure" and condition.get("status") == "True"
        if condition.get("reason") == "ProgressDeadlineExceeded" or refused:
            message = condition.get("message", "")
            return Standing("failed", message, Failure(message, final=not refused))
    if updated < wanted:
        return Standing("progressing", f"{updated} of {wanted} new pods created")
    if total > updated:
        return Standing("progressing", f"{total - updated} old pods still to end")
    if available < updated:
        return Standing("progressing", f"{available} of {updated} new pods available")
    return Standing("complete", f"{available} of {wanted} pods available")


def _stateful_set(obj: Mapping[str, Any]) -> Standing:
    total = obj["spec"].get("replicas", 1)
    wanted, updated = total - _partition(obj["spec"]), _status(obj, "updatedReplicas")
    field = "availableReplicas" if obj["spec"].get("minReadySeconds") else "readyReplicas"
    ready = _status(obj, field)
    if updated < wanted:
        return Standing("progressing", f"{updated} of {wanted} pods updated")
    if ready < total:
        return Standing("progressing", f"{ready} of {total} pods ready")
    return Standing("complete", f"{updated} of {wanted} pods updated and ready")


def _daemon_set(obj: Mapping[str, Any]) -> Standing:
    wanted = _status(obj, "desiredNumberScheduled")
    updated, available = _status(obj, "updatedNumberScheduled"), _status(obj, "numberAvailable")
    if updated < wanted:
        return Standing("progressing", f"{updated} of {wanted} pods updated")
    if available < wanted:
        return Standing("progressing", f"{available} of {wanted} pods available")
    return Standing("complete", f"{available} of {wanted} pods available")


_RULES: Mapping[str, Callable[[Mapping[str, Any]], Standing]] = {
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
