"""The pods that a namespace's objects still make: which objects make some, and what is sent to have one made."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from kubectl_caps.core.pod import Condition, Pod
from kubectl_caps.core.workloads import MalformedWorkload, Workload, pod_of

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


class _Created(Struct, frozen=True, rename="camel"):
    creation_timestamp: str | None = None


class _Spec(Struct, frozen=True):
    replicas: int | None = None


class _Status(Struct, frozen=True):
    conditions: list[Condition] | None = None


class _State(Struct, frozen=True):
    metadata: _Created = _Created()
    spec: _Spec = _Spec()
    status: _Status = _Status()


class _Owner(Struct, frozen=True):
    spec: Any = None  # of a custom resource, it may be anything


_STATE = msgspec.json.Decoder(_State)
_OWNER = msgspec.json.Decoder(_Owner)


class Trial(Struct, frozen=True):
    """A pod to be created in a dry run, and the workloads whose pods are made exactly so."""

    body: dict[str, Any]
    workloads: list[Workload]


def past(workloads: Sequence[Workload]) -> set[int]:
    """The `id`s of the workloads that will never be refused a pod, because they make and are none any more.

    These are finished pods and pods that are being deleted, finished Jobs, and ReplicaSets without replicas that
    another of these workloads has left behind as its history. A paused owner makes no new ReplicaSet: where it is
    scaled up, its newest one is (k8s.io/kubernetes pkg/controller/deployment/util FindActiveOrLatest).
    """
    known = {one.metadata.uid: _is_paused(one) for one in workloads}
    states = {id(one): _STATE.decode(one.raw) for one in workloads if one.raw is not None and one.kind in _WITH_STATE}
    newest: dict[str, str] = {}
    for one in workloads:
        if one.kind == "ReplicaSet" and (owner := one.metadata.controller) and id(one) in states:
            newest[owner.uid] = max(newest.get(owner.uid, ""), _created(states[id(one)]))
    return {id(one) for one in workloads if _is_past(one, states.get(id(one)), known, newest)}


_WITH_STATE = ("Job", "ReplicaSet")


def _is_paused(workload: Workload) -> bool:
    if workload.raw is None or workload.kind not in ("Deployment", "Rollout"):
        return False
    spec = _OWNER.decode(workload.raw).spec
    return isinstance(spec, Mapping) and bool(spec.get("paused"))


def _is_past(
    workload: Workload, state: _State | None, known: Mapping[str | None, bool], newest: Mapping[str, str]
) -> bool:
    if isinstance(workload.template, Pod):
        return workload.template.finished or bool(workload.metadata.deletion_timestamp)
    if state is None:
        return False
    if workload.kind == "Job":
        conditions = state.status.conditions or ()
        return any(item.type in ("Complete", "Failed") and item.status == "True" for item in conditions)
    owner = workload.metadata.controller
    if state.spec.replicas != 0 or owner is None or owner.uid not in known:
        return False
    return not known[owner.uid] or _created(state) < newest[owner.uid]


def _created(state: _State) -> str:
    return state.metadata.creation_timestamp or ""


def trials(
    workloads: Sequence[Workload], namespace: str
) -> tuple[list[Trial], list[tuple[Workload, MalformedWorkload]]]:
    """One pod for each different template; templates that only differ in what controllers add are one.

    Beside them are the workloads that no pod can be made of.
    """
    found: dict[bytes, Trial] = {}
    malformed = []
    for workload in workloads:
        if workload.raw is not None and not workload.is_pod:
            try:
                body = pod_of(msgspec.json.decode(workload.raw), workload.path, workload.name, namespace)
            except MalformedWorkload as error:
                malformed.append((workload, error))
                continue
            _name_containers(body["spec"])
            found.setdefault(_made_alike(body), Trial(body, [])).workloads.append(workload)
    return list(found.values()), malformed


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
