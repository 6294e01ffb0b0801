"""Finds the workload that a pod or a template counts for, by its owner reference if that can be trusted.

The creator of an object writes its labels and owner references, and can forge them. So labels never count. An owner
reference counts only if the request came from a controller's user (`request.userInfo`, which the API server
authenticates). Any other object counts for itself, by its own kind and name. The ReplicaSets and Jobs between a
workload and its pods are judged in the same way. So only a controller can create one of them with the name of a
workload's and with grants. A user who may impersonate a controller, or write the policy's parameters, can forge all of
this.

A dry run creates nothing, so there an annotation may name the workload (made_pods.COUNTS_AS). `label-ns` and `harden`
use the annotation to ask whether the pods of a controller would be refused.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from msgspec import Struct

from kubectl_caps.core.kubernetes.made_pods import kind_key
from kubectl_caps.core.kubernetes.pod import OwnerReference
from kubectl_caps.core.policy.model import ANY_ACCOUNT, SEPARATOR, NamespacePolicy, PolicyWorkload

MAKERS: Final[Mapping[str, tuple[str, ...]]] = {
    "replicaset.apps": ("deployment.apps", "rollout.argoproj.io"),
    "job.batch": ("cronjob.batch",),
    "replicationcontroller": ("deploymentconfig.apps.openshift.io",),
}
"""The kinds that make the owners of pods, by the kind of the owner. The owner's name is `NAME-SUFFIX`, without a `-` in
the suffix (k8s.io/kubernetes pkg/controller/deployment/sync.go, pkg/controller/cronjob/utils.go)."""


class PolicySubject(Struct, frozen=True):
    """The object that a request creates or changes, and the user of the request.

    `controller` is the owner reference with `controller: true`. `counts_as` is the value of the annotation COUNTS_AS in
    a dry run.
    """

    api_version: str
    kind: str
    name: str
    user: str
    controller: OwnerReference | None = None
    service_account: str = "default"
    counts_as: str = ""


def stem(name: str) -> str:
    """The name without its last part: `web` for `web-5d4f`."""
    return name.rpartition("-")[0] or name


def keys_of(subject: PolicySubject, policy: NamespacePolicy) -> Iterator[str]:
    """The keys of the workloads that the subject may count for, the owner first. There is at least one key."""
    if subject.counts_as:
        yield subject.counts_as
        return
    owner = subject.controller
    if owner is not None and subject.user in policy.controllers:
        kind = kind_key(owner.api_version, owner.kind)
        yield f"{kind}{SEPARATOR}{owner.name}"
        for maker in MAKERS.get(kind, ()):
            yield f"{maker}{SEPARATOR}{stem(owner.name)}"
    yield f"{kind_key(subject.api_version, subject.kind)}{SEPARATOR}{subject.name}"


def workload_of(subject: PolicySubject, policy: NamespacePolicy) -> PolicyWorkload | None:
    """The workload of the policy that the subject counts for; None if there is none.

    It is the first workload of `keys_of` that has the subject's service account.
    """
    known = {workload.key: workload for workload in policy.workloads}
    for key in keys_of(subject, policy):
        found = known.get(key)
        if found and found.service_account in (ANY_ACCOUNT, subject.service_account):
            return found
    return None
