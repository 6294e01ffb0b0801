"""Which workload a pod or a template counts for: by its owner reference, as far as that can be believed.

Who can forge what: labels and owner references are written by whoever creates an object, so labels are not read at all,
and an owner reference counts only where the request came from a controller's user (`request.userInfo`, which the API
server authenticates). Any other object counts for itself, by its own kind and name. The ReplicaSets and Jobs between a
workload and its pods are judged in the same way when they are made or changed, so nobody but the controller brings one
into the world that bears the name of another's and asks for more than nothing. Whoever may impersonate a controller, or
write the policy's parameters, can forge all of this.

In a dry run, which makes nothing, an annotation may name the workload (made_pods.COUNTS_AS): `label-ns` and `harden`
ask so whether the controller's pods would be refused.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from msgspec import Struct

from kubectl_caps.core.kubernetes.made_pods import kind_key
from kubectl_caps.core.kubernetes.pod import OwnerReference
from kubectl_caps.core.policy.model import ANY_ACCOUNT, SEPARATOR, HeldWorkload, NamespacePolicy

MAKERS: Final[Mapping[str, tuple[str, ...]]] = {
    "replicaset.apps": ("deployment.apps", "rollout.argoproj.io"),
    "job.batch": ("cronjob.batch",),
    "replicationcontroller": ("deploymentconfig.apps.openshift.io",),
}
"""By the kind of a pod's owner, the kinds that make such owners and name them `NAME-SUFFIX`, no `-` in the suffix
(k8s.io/kubernetes pkg/controller/deployment/sync.go, pkg/controller/cronjob/utils.go)."""


class PolicySubject(Struct, frozen=True):
    """What a request creates or changes, and who asks. `controller` is the owner reference with `controller: true`.

    `counts_as` is the annotation COUNTS_AS, which counts in a dry run.
    """

    api_version: str
    kind: str
    name: str
    user: str
    controller: OwnerReference | None = None
    service_account: str = "default"
    counts_as: str = ""


def stem(name: str) -> str:
    """The name without its last part: `web-5d4f` is `web`."""
    return name.rpartition("-")[0] or name


def keys_of(subject: PolicySubject, policy: NamespacePolicy) -> Iterator[str]:
    """The keys of the workloads that the subject may count for, the nearest first."""
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


def workload_of(subject: PolicySubject, policy: NamespacePolicy) -> HeldWorkload | None:
    """The workload of the policy that the subject counts for: the first of its keys with this service account."""
    known = {workload.key: workload for workload in policy.workloads}
    for key in keys_of(subject, policy):
        found = known.get(key)
        if found and found.service_account in (ANY_ACCOUNT, subject.service_account):
            return found
    return None
