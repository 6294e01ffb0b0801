"""Finds signs in a pod's manifest, images and rights that a second copy of the pod would take part in real work."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kubectl_caps.core.fit.trial_pod import all_containers

LeaseRight = bool | str
"""Whether the pod's service account may write Leases in its namespace, or the reason why this is not known."""

_LEADER = "takes part in a leader election ({}): a trial may become the leader"
_QUEUE = "seems to read a queue ({}): a trial takes messages from it, and may lose them"

_WORDS: Sequence[tuple[re.Pattern[str], str]] = (
    (re.compile(r"(leader[-_.]?elect(?:ion)?(?:[-_.]?(?:enabled|id))?)(?![\w-]*[= ]\"?(?:false|0|no)\b)"), _LEADER),
    (re.compile(r"\b(lease[-_](?:name|duration|lock\w*)|leases?[-_]?lock)\b"), _LEADER),
    (re.compile(r"(amqps?://|nats://|kafka|rabbitmq|celery|sidekiq|\bsqs|pubsub|consumer)"), _QUEUE),
)
"""Patterns of a container's command, arguments and environment. k8s.io/component-base has the flag --leader-elect."""

_IMAGES: Mapping[str, str] = {
    **dict.fromkeys((
        "cert-manager-controller", "cert-manager-cainjector", "cluster-autoscaler", "kube-controller-manager",
        "kube-scheduler", "cloud-controller-manager", "csi-provisioner", "csi-attacher", "csi-resizer",
        "csi-snapshotter", "snapshot-controller", "descheduler", "prometheus-operator", "keda", "external-secrets",
        "source-controller", "kustomize-controller", "helm-controller", "karpenter", "ingress-nginx/controller",
        "aws-load-balancer-controller",
    ), _LEADER),
    **dict.fromkeys(("celery", "sidekiq", "kafka-connect", "cp-kafka-connect", "kafka-mirror-maker"), _QUEUE),
}  # fmt: skip
"""The ends of repositories. Those of _LEADER elect a leader through a Lease by default (their READMEs or charts)."""

_SHARED_WITH_THE_NODE: Sequence[tuple[str, str]] = (
    ("hostIPC", "shares the node's memory segments and semaphores (hostIPC), perhaps those of the first copy"),
    ("hostPID", "sees the node's processes and may signal them (hostPID)"),
)


def second_copy_warnings(spec: Mapping[str, Any], *, ends: bool = False, leases: LeaseRight = False) -> Iterator[str]:
    """Sentences about the harm that a second copy of the pod may do, at most one for each container.

    `ends` says that the pod does its work and then ends.
    """
    if ends:
        yield "EVERY TRIAL DOES THE REAL WORK ONCE MORE: its containers run to their end"
    yield from (f"a trial pod {says}" for name, says in _SHARED_WITH_THE_NODE if spec.get(name))
    for claim in spec.get("resourceClaims") or ():
        if claim.get("resourceClaimName"):
            yield f"a trial pod uses the devices of resource claim {claim['resourceClaimName']} beside the first copy"
    told = [said for container in all_containers(spec) if (said := _of_container(container))]
    yield from told
    account = spec.get("serviceAccountName") or "default"
    if leases is True and not any("leader election" in said for said in told):
        yield (f"service account {account} may write leases: if a program of the pod takes part in a leader election, "
               "a trial may become the leader")  # fmt: skip
    elif isinstance(leases, str):
        yield f"whether service account {account} may write leases, as for a leader election, is not known: {leases}"


def has_token(spec: Mapping[str, Any]) -> bool:
    """Whether the pod gets a token of its service account, by its own spec. The service account may still forbid it."""
    return spec.get("automountServiceAccountToken") is not False


def _of_container(container: Mapping[str, Any]) -> str:
    words = [*(container.get("command") or ()), *(container.get("args") or ())]
    words += [f"{item.get('name')}={item.get('value', '')}" for item in container.get("env") or ()]
    text = " ".join(map(str, words)).lower()
    name = container.get("name")
    for pattern, says in _WORDS:
        if match := pattern.search(text):
            return f"container {name} {says.format(match[1])}"
    repository = re.sub(r"[:@][^/]*$", "", str(container.get("image") or "").partition("@")[0])
    found = next((end for end in _IMAGES if f"/{repository}".endswith(f"/{end}")), None)
    return f"container {name} {_IMAGES[found].format(f'image {found}')}" if found else ""
