"""The labels and annotations that a trial pod must not have, because controllers or other programs act on them."""

from collections.abc import Iterator, Mapping

from kubectl_caps.core.kubernetes.controller_labels import CONTROLLER_LABELS
from kubectl_caps.core.kubernetes.managed_fields import LAST_APPLIED

_ADDRESS = "a second pod would have the address of the first"
_PUBLISHED = "the trial pod would be published"
_COLLECTED = "the trial pod would be taken for one that serves"
_BACKED_UP = "a backup would run in the trial pod"
_DEPLOYED = "the tool that deploys the workload would act on the trial pod"

_ACTED_ON: tuple[tuple[str, str], ...] = (
    ("cni.projectcalico.org/", _ADDRESS),  # docs.tigera.io: ipAddrs, ipAddrsNoIpam, floatingIPs, hwAddr
    ("ovn.kubernetes.io/", _ADDRESS),  # kube-ovn: ip_address, mac_address
    ("k8s.v1.cni.cncf.io/", _ADDRESS),  # Network Plumbing Working Group's standard: networks with ips and mac
    ("v1.multus-cni.io/", _ADDRESS),
    ("external-dns.alpha.kubernetes.io/", _PUBLISHED),
    ("prometheus.io/", _COLLECTED),
    ("backup.velero.io/", _BACKED_UP),
    ("pre.hook.backup.velero.io/", _BACKED_UP),
    ("post.hook.backup.velero.io/", _BACKED_UP),
    ("helm.sh/", _DEPLOYED),
    ("meta.helm.sh/", _DEPLOYED),
    ("argocd.argoproj.io/", _DEPLOYED),
    (LAST_APPLIED, ""),
    ("kubernetes.io/config.", ""),  # of a static pod: the kubelet deletes a mirror pod that it does not know
)
"""Prefixes of annotations that programs act on, and the harm by a trial with them; empty if there is none.

Annotations that the program may need stay: those of injectors (Istio, Linkerd, Vault), AppArmor's, the runtime's.
"""


def kept_labels(labels: Mapping[str, str]) -> dict[str, str]:
    """The labels without those that a controller wrote on the pod."""
    return {key: value for key, value in labels.items() if key not in CONTROLLER_LABELS}


def kept_annotations(annotations: Mapping[str, str]) -> dict[str, str]:
    """The annotations that only the pod's own node and injectors act on."""
    return {key: value for key, value in annotations.items() if _acted_on(key) is None}


def annotations_left_out(annotations: Mapping[str, str]) -> Iterator[str]:
    """A sentence about the annotations that are left out."""
    for key in sorted(annotations):
        if why := _acted_on(key):
            yield f"it has no annotation {key}: {why}"


def _acted_on(key: str) -> str | None:
    return next((why for beginning, why in _ACTED_ON if key.startswith(beginning)), None)
