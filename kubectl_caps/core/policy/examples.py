"""Makes example pods for a policy, with the expected verdicts: allowed pods, and pods that ask for a little more."""

import copy
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Final

import msgspec
from msgspec import Struct

from kubectl_caps.core.kubernetes.pod import OwnerReference, PodTemplate
from kubectl_caps.core.linux.capabilities import BY_NAME
from kubectl_caps.core.policy import model
from kubectl_caps.core.policy.identity import MAKERS, PolicySubject
from kubectl_caps.core.policy.judge import refusal_message, refused_fields
from kubectl_caps.core.policy.model import NamespacePolicy, PolicyGrant, PolicyWorkload

ORDINARY_USER: Final = "jane"
"""A user who is not a controller."""
_IMAGE: Final = "example.com/image:1"
_API_VERSIONS: Final = {"apps": "apps/v1", "batch": "batch/v1", "": "v1"}
_KINDS: Final = {
    "replicaset": "ReplicaSet", "statefulset": "StatefulSet", "daemonset": "DaemonSet", "job": "Job",
    "replicationcontroller": "ReplicationController",
}  # fmt: skip
_SUFFIX: Final = {"replicaset.apps": "5d4f7c8b9", "job.batch": "29000000", "replicationcontroller": "1"}


class Example(Struct, frozen=True):
    """A pod, the user who creates it, and the policy's message. The message is empty if the policy allows the pod."""

    name: str
    user: str
    pod: dict[str, Any]
    message: str


def examples(policy: NamespacePolicy, today: date) -> Iterator[Example]:
    """The examples: for each workload a pod with all grants, and pods with a little more; then pods of no workload."""
    for workload in policy.workloads:
        owner = _owner(workload)
        if workload.kind != "pod" and owner is None:
            continue  # the owner reference of a controller outside Kubernetes is not known
        pod = _pod(policy, workload, owner, today)
        user = policy.controllers[0] if owner else ORDINARY_USER
        name = f"{workload.kind.partition('.')[0]}-{workload.name}"
        for suffix, changed in _variants(pod, workload):
            yield _example(f"{name}-{suffix}", user, changed, policy, today)
        if owner:
            yield _example(f"{name}-forged-owner", ORDINARY_USER, pod, policy, today)
    nobody = _pod(policy, PolicyWorkload("pod", "nobody", "default", {"main": ()}), None, today)
    yield _example("nobody-hardened", ORDINARY_USER, nobody, policy, today)
    silent = copy.deepcopy(nobody)
    del silent["spec"]["containers"][0]["securityContext"]
    yield _example("nobody-says-nothing", ORDINARY_USER, silent, policy, today)


def _variants(pod: dict[str, Any], workload: PolicyWorkload) -> Iterator[tuple[str, dict[str, Any]]]:
    yield "as-it-may-be", pod
    granted = {grant.name for grants in workload.containers.values() for grant in grants}
    unknown = next((name for name in BY_NAME if not {name, "ALL"} & granted), None)
    if unknown:
        yield f"adds-{unknown.lower().replace('_', '-')}", _changed(pod, add=unknown)
    if model.DEFAULTS not in granted:
        yield "keeps-the-defaults", _changed(pod, drop=False)
    if model.PRIVILEGED not in granted:
        yield "privileged", _changed(pod, privileged=True)


def _changed(pod: dict[str, Any], *, add: str = "", drop: bool = True, privileged: bool = False) -> dict[str, Any]:
    """The pod with a change in its first container."""
    changed = copy.deepcopy(pod)
    context = changed["spec"]["containers"][0]["securityContext"]
    capabilities = context.setdefault("capabilities", {})
    if add:
        capabilities["add"] = [*capabilities.get("add", []), add]
    if not drop:
        capabilities.pop("drop", None)
    if privileged:
        context.update(privileged=True, allowPrivilegeEscalation=True)
    return changed


def _owner(workload: PolicyWorkload) -> OwnerReference | None:
    """The owner reference that Kubernetes' controllers write into the pods of a workload; None for other kinds."""
    kind, name = workload.kind, workload.name
    made = next((owner for owner, makers in MAKERS.items() if kind == makers[0]), None)
    if made in ("replicaset.apps", "job.batch"):
        kind, name = made, f"{name}-{_SUFFIX[made]}"
    plain, _, group = kind.partition(".")
    if plain not in _KINDS or group not in _API_VERSIONS:
        return None
    uid = "00000000-0000-0000-0000-000000000000"
    return OwnerReference(_API_VERSIONS[group], _KINDS[plain], name, uid, controller=True)


def _pod(
    policy: NamespacePolicy, workload: PolicyWorkload, owner: OwnerReference | None, today: date
) -> dict[str, Any]:
    metadata: dict[str, Any] = {
        "name": f"{owner.name}-x" if owner else workload.name,
        "namespace": policy.namespace,
        "creationTimestamp": f"{today.isoformat()}T00:00:00Z",
    }
    if owner:
        metadata["ownerReferences"] = [msgspec.to_builtins(owner)]
    account = "default" if workload.service_account == model.ANY_ACCOUNT else workload.service_account
    containers = [_container(name, grants, today) for name, grants in workload.containers.items()]
    spec = {"serviceAccountName": account, "containers": containers}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def _container(name: str, grants: Sequence[PolicyGrant], today: date) -> dict[str, Any]:
    """A container that uses all of its grants that count today."""
    may = {grant.name for grant in grants if not grant.expired(today)}
    adds = sorted(may - set(model.FIELD_GRANTS) - set(model.KEPT))
    context: dict[str, Any] = {"allowPrivilegeEscalation": bool({model.ESCALATION, model.PRIVILEGED} & may)}
    if model.PRIVILEGED in may:
        context["privileged"] = True
    context["capabilities"] = {"drop": ["ALL"], **({"add": adds} if adds else {})}
    kept: Mapping[str, tuple[str, Any]] = {
        model.NON_ROOT: ("runAsNonRoot", True),
        model.USER: ("runAsUser", 1000),
        model.SECCOMP: ("seccompProfile", {"type": "RuntimeDefault"}),
    }
    context.update(value for key, value in kept.items() if key in may)
    return {"name": name, "image": _IMAGE, "securityContext": context}


def _example(name: str, user: str, pod: dict[str, Any], policy: NamespacePolicy, today: date) -> Example:
    template = msgspec.convert(pod, PodTemplate)
    account = template.spec.account
    controller = template.metadata.controller
    subject = PolicySubject("v1", "Pod", template.metadata.name or "", user, controller, account)
    fields = refused_fields(policy, subject, template, today)
    return Example(name, user, pod, refusal_message(policy, subject, fields) if fields else "")
