"""The pods that a namespace's objects still make: which objects make some, and what is sent to have one made."""

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct

from kubectl_caps.core.pod import Condition, Pod
from kubectl_caps.core.workloads import Workload, pod_of

ADDED_LABELS = (
    "pod-template-hash",
    "pod-template-generation",
    "controller-revision-hash",
    "statefulset.kubernetes.io/pod-name",
    "apps.kubernetes.io/pod-index",
    "controller-uid",
    "job-name",
    "batch.kubernetes.io/controller-uid",
    "batch.kubernetes.io/job-name",
    "batch.kubernetes.io/job-completion-index",
)
"""What the built-in controllers add to the labels of a template (k8s.io/api apps/v1 and batch/v1 types.go)."""

_MIRROR = "kubernetes.io/config.mirror"
"""The annotation of a pod that stands for a static one: the kubelet makes it, whatever the API server says."""


class _Spec(Struct, frozen=True):
    replicas: int | None = None


class _Status(Struct, frozen=True):
    conditions: list[Condition] | None = None


class _State(Struct, frozen=True):
    spec: _Spec = _Spec()
    status: _Status = _Status()


_STATE = msgspec.json.Decoder(_State)


class Trial(Struct, frozen=True):
    """A pod to be created in a dry run, and the workloads whose pods are made exactly so."""

    body: dict[str, Any]
    workloads: list[Workload]


def past(workloads: Sequence[Workload]) -> set[int]:
    """The `id`s of the workloads that will never be refused a pod, because they make and are none any more.

    These are finished pods and pods that are being deleted, finished Jobs, and ReplicaSets without replicas that
    another of these workloads has left behind as its history.
    """
    known = {workload.metadata.uid for workload in workloads}
    return {id(workload) for workload in workloads if _is_past(workload, known)}


def _is_past(workload: Workload, known: set[str | None]) -> bool:
    if isinstance(workload.template, Pod):
        return workload.template.finished or bool(workload.metadata.deletion_timestamp)
    if workload.raw is None or workload.kind not in ("Job", "ReplicaSet"):
        return False
    state = _STATE.decode(workload.raw)
    if workload.kind == "Job":
        conditions = state.status.conditions or ()
        return any(item.type in ("Complete", "Failed") and item.status == "True" for item in conditions)
    owner = workload.metadata.controller
    return state.spec.replicas == 0 and owner is not None and owner.uid in known


def trials(workloads: Sequence[Workload], namespace: str) -> list[Trial]:
    """One pod for each different template; templates that only differ in what controllers add are one."""
    found: dict[bytes, Trial] = {}
    for workload in workloads:
        if workload.raw is not None and not workload.is_pod:
            body = pod_of(msgspec.json.decode(workload.raw), workload.path, workload.name, namespace)
            _name_containers(body["spec"])
            found.setdefault(_made_alike(body), Trial(body, [])).workloads.append(workload)
    return list(found.values())


def _name_containers(spec: dict[str, Any]) -> None:
    """Knative's templates may leave it to its controller."""
    for index, container in enumerate(spec.get("containers") or ()):
        container.setdefault("name", f"container-{index}")


def unmade(workloads: Sequence[Workload]) -> list[Workload]:
    """The pods that none of these templates makes: whoever made them makes them again as they are."""
    makers = {workload.metadata.uid for workload in workloads if not workload.is_pod}
    return [workload for workload in workloads if isinstance(workload.template, Pod) and _is_unmade(workload, makers)]


def _is_unmade(workload: Workload, makers: set[str | None]) -> bool:
    owner = workload.metadata.controller
    return (owner is None or owner.uid not in makers) and _MIRROR not in workload.template.annotations


def again(pod: dict[str, Any]) -> dict[str, Any]:
    """The body that makes a pod a second time, on whichever node."""
    made = pod_of({"pod": pod}, ("pod",), pod["metadata"]["name"], pod["metadata"]["namespace"])
    made["spec"] = {key: value for key, value in pod["spec"].items() if key not in ("nodeName", "ephemeralContainers")}
    return made


def _made_alike(body: dict[str, Any]) -> bytes:
    metadata = body["metadata"]
    labels = {key: value for key, value in metadata.get("labels", {}).items() if key not in ADDED_LABELS}
    return msgspec.json.encode((labels, metadata.get("annotations"), body["spec"]), order="deterministic")
