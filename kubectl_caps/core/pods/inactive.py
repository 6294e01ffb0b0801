"""Workloads that create no more pods: finished Jobs and pods, pods in deletion, old ReplicaSets at zero."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from kubectl_caps.core.kubernetes.pod import Condition, Pod
from kubectl_caps.core.kubernetes.workloads import Workload
from kubectl_caps.core.pods.owners import Key, workload_key


class _Metadata(Struct, frozen=True, rename="camel"):
    creation_timestamp: str = ""


class _Spec(Struct, frozen=True):
    replicas: Any = None  # a custom resource may have anything here, and in the next field
    paused: Any = None


class _Status(Struct, frozen=True):
    conditions: list[Condition] | None = None


class _State(Struct, frozen=True):
    metadata: _Metadata = _Metadata()
    spec: _Spec = _Spec()
    status: _Status = _Status()


_STATE = msgspec.json.Decoder(_State)
_ENDED: Mapping[tuple[str, str], tuple[tuple[str, str], ...]] = {
    ("batch", "Job"): (("Complete", "True"), ("Failed", "True")),
    ("tekton.dev", "TaskRun"): (("Succeeded", "True"), ("Succeeded", "False")),
    ("tekton.dev", "PipelineRun"): (("Succeeded", "True"), ("Succeeded", "False")),
}
"""The conditions, with their status, of an object that creates no more pods, by group and kind (k8s.io/api batch/v1
types.go; tektoncd/pipeline pkg/apis/pipeline/v1 taskrun_types.go IsDone)."""
_REPLICA_SET = ("apps", "ReplicaSet")
_WITH_STATE = (*_ENDED, _REPLICA_SET, ("apps", "Deployment"), ("argoproj.io", "Rollout"))
"""The kinds whose state is read. In a kind of the same name of another group these fields may have another meaning."""


def inactive(workloads: Sequence[Workload]) -> set[Key]:
    """The keys of the workloads that create no more pods.

    A ReplicaSet at zero is inactive only if its owner is among `workloads`. A paused owner makes no new ReplicaSet:
    when the owner is scaled up, its newest ReplicaSet makes the pods (k8s.io/kubernetes
    pkg/controller/deployment/util FindActiveOrLatest).
    """
    states = {workload_key(one): _state(one) for one in workloads}
    paused = {one.metadata.uid: bool(states[workload_key(one)].spec.paused) for one in workloads}
    newest: dict[str, str] = {}
    for one in workloads:
        if _kind(one) == _REPLICA_SET and (owner := one.metadata.controller):
            newest[owner.uid] = max(newest.get(owner.uid, ""), states[workload_key(one)].metadata.creation_timestamp)
    return {workload_key(one) for one in workloads if _is_inactive(one, states[workload_key(one)], paused, newest)}


def _state(workload: Workload) -> _State:
    """The state of a workload. A state of an unexpected shape counts as that of a workload that creates pods."""
    try:
        return _STATE.decode(workload.raw) if workload.raw and _kind(workload) in _WITH_STATE else _State()
    except msgspec.ValidationError:
        return _State()


def has_ended(api_version: str, kind: str, obj: Mapping[str, Any]) -> bool:
    """Whether an object is a Job or a run of Tekton that creates no more pods; False for a malformed object."""
    try:
        return _has_ended((api_version.rpartition("/")[0], kind), msgspec.convert(obj, _State))
    except msgspec.ValidationError:
        return False


def _has_ended(kind: tuple[str, str], state: _State) -> bool:
    return any((item.type, item.status) in _ENDED.get(kind, ()) for item in state.status.conditions or ())


def _kind(workload: Workload) -> tuple[str, str]:
    """The group and the kind."""
    return workload.api_version.rpartition("/")[0], workload.kind


def _is_inactive(one: Workload, state: _State, paused: Mapping[str | None, bool], newest: Mapping[str, str]) -> bool:
    if isinstance(one.template, Pod):
        return one.template.finished or bool(one.metadata.deletion_timestamp)
    if _kind(one) in _ENDED:
        return _has_ended(_kind(one), state)
    owner = one.metadata.controller
    if _kind(one) != _REPLICA_SET or state.spec.replicas != 0 or owner is None or owner.uid not in paused:
        return False
    return not paused[owner.uid] or state.metadata.creation_timestamp < newest[owner.uid]
