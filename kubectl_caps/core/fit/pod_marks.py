"""Leaves out the labels and annotations of a trial pod on which controllers or other programs would act."""

from collections.abc import Iterator, Mapping

from kubectl_caps.core.kubernetes.controller_labels import CONTROLLER_LABELS
from kubectl_caps.core.kubernetes.managed_fields import LAST_APPLIED

_ADDRESS = "a second pod would have the address of the first"
_PUBLISHED = "the trial pod would be published"
_SCRAPED = "the trial pod would be taken for one that serves"
_BACKED_UP = "a backup would run in the trial pod"
_DEPLOYED = "the tool that deploys the workload would act on the trial pod"

_ACTED_ON: tuple[tuple[str, str], ...] = (
    ("cni.projectcalico.org/", _ADDRESS),  # docs.tigera.io: ipAddrs, ipAddrsNoIpam, floatingIPs, hwAddr
    ("ovn.kubernetes.io/", _ADDRESS),  # kube-ovn: ip_address, mac_address
    ("k8s.v1.cni.cncf.io/", _ADDRESS),  # Network Plumbing Working Group's standard: networks with ips and mac
    ("v1.multus-cni.io/", _ADDRESS),
    ("external-dns.alpha.kubernetes.io/", _PUBLISHED),
    ("prometheus.io/", _SCRAPED),
    ("backup.velero.io/", _BACKED_UP),
    ("pre.hook.backup.velero.io/", _BACKED_UP),
    ("post.hook.backup.velero.io/", _BACKED_UP),
    ("helm.sh/", _DEPLOYED),
    ("meta.helm.sh/", _DEPLOYED),
    ("argocd.argoproj.io/", _DEPLOYED),
    (LAST_APPLIED, ""),
    ("kubernetes.io/config.", ""),  # of a static pod: the kubelet deletes a mirror pod that it does not know
)
"""The prefixes of annotations on which programs act, and the harm of a trial pod with the annotation (may be empty).

Other annotations stay, because the program may need them: annotations of injectors (Istio, Linkerd, Vault), AppArmor
and the container runtime.
"""


def kept_labels(labels: Mapping[str, str]) -> dict[str, str]:
    """The labels without the labels that a controller writes on its pods."""
    return {key: value for key, value in labels.items() if key not in CONTROLLER_LABELS}


def kept_annotations(annotations: Mapping[str, str]) -> dict[str, str]:
    """The annotations except those on which other programs act."""
    return {key: value for key, value in annotations.items() if _acted_on(key) is None}


def annotations_left_out(annotations: Mapping[str, str]) -> Iterator[str]:
    """A sentence for each left-out annotation that would have done harm."""
    for key in sorted(annotations):
        if why := _acted_on(key):
            yield f"it has no annotation {key}: {why}"


def _acted_on(key: str) -> str | None:
    return next((why for beginning, why in _ACTED_ON if key.startswith(beginning)), None)
