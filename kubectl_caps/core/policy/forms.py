"""The forms of a policy: which objects each consists of."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from kubectl_caps.core.policy import vap
from kubectl_caps.core.policy.gatekeeper import gatekeeper_manifests
from kubectl_caps.core.policy.kyverno import kyverno_manifests
from kubectl_caps.core.policy.model import NamespacePolicy
from kubectl_caps.core.policy.mutating import mutating_manifests
from kubectl_caps.core.policy.vap import Action, Manifest

FORMS: Final[Mapping[str, Callable[[NamespacePolicy, Sequence[Action], str], list[Manifest]]]] = {
    "vap": vap.manifests,
    "map": mutating_manifests,
    "kyverno": kyverno_manifests,
    "gatekeeper": gatekeeper_manifests,
}
"""By the value of --form."""

PLURALS: Final[Mapping[str, str]] = {
    "ConfigMap": "configmaps",
    "ValidatingAdmissionPolicy": "validatingadmissionpolicies",
    "ValidatingAdmissionPolicyBinding": "validatingadmissionpolicybindings",
    "MutatingAdmissionPolicy": "mutatingadmissionpolicies",
    "MutatingAdmissionPolicyBinding": "mutatingadmissionpolicybindings",
}
"""By kind, the resource that serves it."""

SINCE: Final[Mapping[str, str]] = {
    "ValidatingAdmissionPolicy": "1.30",
    "MutatingAdmissionPolicy": "1.36",
}
"""The first version of Kubernetes that serves it as v1."""
