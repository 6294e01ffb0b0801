"""The pods that a namespace's objects still make: which objects make some, and what is sent to have one made."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from kubectl_caps.core.patch import lookup
from kubectl_caps.core.pod import Condition, Pod
from kubectl_caps.core.workloads import MalformedWorkload, Workload, kind_of, pod_of

ADDED_LABELS = (
    "pod-template-hash",
    "rollouts-pod-template-hash",
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
    """A pod to be created in a dry run, and the workloads whose pods are made exactly so.

    `unknown` are the labels whose values are made up; None where an unknown controller may add any.
    """

    body: dict[str, Any]
    workloads: list[Workload]
    unknown: Sequence[str] | None = ()

    @property
    def labels(self) -> dict[str, str]:
        """Those of the pod that is tried."""
        return self.body["metadata"].get("labels") or {}


_JOB_LABELS = ("controller-uid", "job-name", "batch.kubernetes.io/controller-uid", "batch.kubernetes.io/job-name")
_MADE: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "Deployment": ("apps/v1", "ReplicaSet", ("pod-template-hash",)),
    "Rollout": ("apps/v1", "ReplicaSet", ("rollouts-pod-template-hash",)),
    "Service": ("apps/v1", "ReplicaSet", ("pod-template-hash",)),
    "CronJob": ("batch/v1", "Job", _JOB_LABELS),
    "JobSet": ("batch/v1", "Job", _JOB_LABELS),
}
"""The kinds that make their pods through another: which one owns them, and the labels that are added on the way."""

_ADDED: dict[str, tuple[str, ...]] = {
    "StatefulSet": ("controller-revision-hash", "statefulset.kubernetes.io/pod-name", "apps.kubernetes.io/pod-index"),
    "DaemonSet": ("controller-revision-hash", "pod-template-generation"),
}
"""What is added to the pods that a kind owns itself. A Job's template has its labels."""

_SAMPLE_UID = "00000000-0000-4000-8000-000000000000"
_INDEX = "batch.kubernetes.io/job-completion-index"


def passes(workload: Workload) -> list[tuple[str, str]]:
    """Group and plural of what its controllers create before its pods."""
    made = {"ReplicaSet": [("apps", "replicasets")], "Job": [("batch", "jobs")]}.get(_owner(workload)[1], [])
    through = made if workload.kind in _MADE else []
    return [("apps", "deployments"), *through] if workload.kind == "Service" else through


def next_object(workload: Workload, namespace: str) -> dict[str, Any] | None:
    """The Job or ReplicaSet that its controller would create, as the body of a create request.

    None where that cannot be imitated.
    """
    if workload.raw is None or workload.kind not in _MADE or workload.kind == "Service":
        return None
    obj = msgspec.json.decode(workload.raw)
    api_version, kind, added = _MADE[workload.kind]
    metadata: dict[str, Any] = {"generateName": f"{workload.name}-", "namespace": namespace}
    metadata["ownerReferences"] = [_reference(workload.api_version, workload.kind, workload)]
    node = lookup(obj, workload.path[:-2])
    spec = node["spec"]
    if kind == "Job":
        told = _mapping(node.get("metadata"))
        metadata |= {key: told[key] for key in ("labels", "annotations") if told.get(key)}
    else:
        template = spec["template"]
        hashed = {key: _sample(key, workload) for key in added}
        labels = {**((template.get("metadata") or {}).get("labels") or {}), **hashed}
        metadata["labels"] = labels
        selector = _mapping(spec.get("selector"))
        spec = {
            "replicas": spec.get("replicas", 1),
            "selector": {**selector, "matchLabels": {**_mapping(selector.get("matchLabels")), **hashed}},
            "template": {**template, "metadata": {**(template.get("metadata") or {}), "labels": labels}},
        }
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec}


def _mapping(node: Any) -> Mapping[str, Any]:
    """Of a custom resource, it may be anything."""
    return node if isinstance(node, Mapping) else {}


def _owner(workload: Workload) -> tuple[str, str, tuple[str, ...]]:
    own = (workload.api_version, workload.kind, _ADDED.get(workload.kind, ()))
    return _MADE.get(workload.kind, own)


def _reference(api_version: str, kind: str, workload: Workload) -> dict[str, Any]:
    uid = workload.metadata.uid if kind == workload.kind else None
    return {
        "apiVersion": api_version,
        "kind": kind,
        "name": workload.name,
        "uid": uid or _SAMPLE_UID,
        "controller": True,
    }


def _sample(label: str, workload: Workload) -> str:
    """A value as its controller makes it; of labels that say nothing else, only that they are there counts."""
    if label.endswith(("job-name", "pod-name")):
        return f"{workload.name[:48]}-0"
    return _SAMPLE_UID if label.endswith("uid") else "0"


def _as_made(body: dict[str, Any], workload: Workload, parent: Any) -> Sequence[str] | None:
    """Give the pod what its controllers add, and return the labels whose values are made up."""
    if workload.kind == "PodTemplate":
        return None
    api_version, kind, added = _owner(workload)
    if kind == "Job" and isinstance(parent, Mapping) and parent.get("completionMode") == "Indexed":
        added = (*added, _INDEX)
    metadata = body["metadata"]
    own = metadata.get("labels") or {}
    made_up = {key: _sample(key, workload) for key in added if key not in own}
    if own or made_up:
        metadata["labels"] = {**own, **made_up}
    metadata["ownerReferences"] = [_reference(api_version, kind, workload)]
    row = kind_of(workload.api_version, workload.kind)
    return tuple(made_up) if row is not None and row.builtin else None


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
    workloads: Sequence[Workload], namespace: str, made: Mapping[int, dict[str, Any]] | None = None
) -> tuple[list[Trial], list[tuple[Workload, MalformedWorkload]]]:
    """One pod for each different template; templates that only differ in what controllers add are one.

    `made` has, by the `id` of a workload, the object that its controller creates of it and that the pod is then made
    of. Beside the trials are the workloads that no pod can be made of.
    """
    found: dict[bytes, Trial] = {}
    malformed = []
    for workload in workloads:
        if workload.raw is not None and not workload.is_pod:
            try:
                obj, path = msgspec.json.decode(workload.raw), workload.path
                if made and id(workload) in made:
                    obj, path = made[id(workload)], ("spec", "template")
                body = pod_of(obj, path, workload.name, namespace)
            except MalformedWorkload as error:
                malformed.append((workload, error))
                continue
            _name_containers(body["spec"])
            unknown = _as_made(body, workload, lookup(obj, path[:-1]))
            found.setdefault(_made_alike(body, unknown), Trial(body, [], unknown)).workloads.append(workload)
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
    if owners := pod["metadata"].get("ownerReferences"):
        # blockOwnerDeletion would need a right on the owner
        made["metadata"]["ownerReferences"] = [{**owner, "blockOwnerDeletion": False} for owner in owners]
    made["spec"] = {key: value for key, value in pod["spec"].items() if key not in ("nodeName", "ephemeralContainers")}
    return made


def _made_alike(body: dict[str, Any], unknown: Sequence[str] | None) -> bytes:
    metadata = body["metadata"]
    labels = {key: None if key in ADDED_LABELS else value for key, value in (metadata.get("labels") or {}).items()}
    owners = [owner["kind"] for owner in metadata.get("ownerReferences") or ()]
    parts = (labels, metadata.get("annotations"), body["spec"], owners, unknown is None)
    return msgspec.json.encode(parts, order="deterministic")
