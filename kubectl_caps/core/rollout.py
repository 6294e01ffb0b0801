"""How a rollout stands, judged from the workload and its pods as the API shows them.

The rules of completion are those of `kubectl rollout status` (k8s.io/kubectl pkg/polymorphichelpers/rollout_status.go).
What crashes is judged here too: a rollout can be complete and its pods dying, because a pod without a readiness probe
is available the moment it starts.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal

from msgspec import Struct

from kubectl_caps.core.patch import ABSENT, lookup
from kubectl_caps.core.pod import ContainerStatus, Pod

Step = Literal["progressing", "complete", "failed"]

# Waiting reasons after which a container does not start by itself (k8s.io/kubernetes pkg/kubelet/images/types.go,
# pkg/kubelet/kuberuntime). ErrImagePull is left out: it is tried again before it becomes ImagePullBackOff.
_STUCK = {
    "CrashLoopBackOff",
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
    "StartError",
    "ImagePullBackOff",
    "ErrImageNeverPull",
    "InvalidImageName",
}


_REVISION = ("metadata", "annotations", "deployment.kubernetes.io/revision")


class Failure(Struct, frozen=True):
    """What is wrong with which container of which pod; without a pod, of the workload itself."""

    message: str
    pod: str = ""
    container: str = ""


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
    if kind not in ("Deployment", "StatefulSet", "DaemonSet"):
        return "only new pods use it; the running ones keep what they have"
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
    if _status(obj, "observedGeneration") < (obj["metadata"].get("generation") or 0):
        return Standing("progressing", "waiting for the controller to see the change")
    for failure in failures(updated):
        return Standing("failed", failure.message, failure)
    return _RULES[kind](obj)


def failures(pods: Sequence[Pod]) -> Iterator[Failure]:
    """What is wrong with pods that should run: containers that exit, are restarted or cannot start."""
    for pod in pods:
        name = pod.metadata.name or ""
        if pod.metadata.deletion_timestamp:
            continue
        init = {status.name for status in pod.status.init_container_statuses or ()}
        for status in pod.status.containers.values():
            if message := _trouble(status, init=status.name in init):
                yield Failure(message, name, status.name)
        if pod.status.phase == "Failed":
            yield Failure(f"pod {name} failed: {pod.status.message or pod.status.reason}", name)


def _trouble(status: ContainerStatus, *, init: bool) -> str | None:
    waiting, ended = status.state.waiting, status.state.terminated or status.last_state.terminated
    if ended and (ended.exit_code or (status.restart_count and not init)):
        return f"container {status.name} exited with code {ended.exit_code}{_reason(ended.reason)}"
    if waiting and waiting.reason in _STUCK:
        return f"container {status.name} does not start: {waiting.reason}: {waiting.message}"
    if status.restart_count and not init:
        return f"container {status.name} was restarted {status.restart_count} times"
    return None


def _reason(reason: str) -> str:
    return "" if reason in ("", "Error", "Completed") else f" ({reason})"


def _deployment(obj: Mapping[str, Any]) -> Standing:
    wanted = obj["spec"].get("replicas", 1)
    updated, total, available = (_status(obj, name) for name in ("updatedReplicas", "replicas", "availableReplicas"))
    for condition in (obj.get("status") or {}).get("conditions") or ():
        refused = condition.get("type") == "ReplicaFailure" and condition.get("status") == "True"
        if condition.get("reason") == "ProgressDeadlineExceeded" or refused:
            message = condition.get("message", "")
            return Standing("failed", message, Failure(message))
    if updated < wanted:
        return Standing("progressing", f"{updated} of {wanted} new pods created")
    if total > updated:
        return Standing("progressing", f"{total - updated} old pods still to end")
    if available < updated:
        return Standing("progressing", f"{available} of {updated} new pods available")
    return Standing("complete", f"{available} of {wanted} pods available")


def _stateful_set(obj: Mapping[str, Any]) -> Standing:
    wanted = obj["spec"].get("replicas", 1) - _partition(obj["spec"])
    ready, updated = _status(obj, "readyReplicas"), _status(obj, "updatedReplicas")
    if updated < wanted:
        return Standing("progressing", f"{updated} of {wanted} pods updated")
    if ready < obj["spec"].get("replicas", 1):
        return Standing("progressing", f"{ready} of {obj['spec'].get('replicas', 1)} pods ready")
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
