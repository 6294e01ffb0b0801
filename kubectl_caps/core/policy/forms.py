"""Lists the forms of a policy, and the objects of each form."""

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
"""The function that makes the objects, by the value of --form."""

PLURALS: Final[Mapping[str, str]] = {
    "ConfigMap": "configmaps",
    "ValidatingAdmissionPolicy": "validatingadmissionpolicies",
    "ValidatingAdmissionPolicyBinding": "validatingadmissionpolicybindings",
    "MutatingAdmissionPolicy": "mutatingadmissionpolicies",
    "MutatingAdmissionPolicyBinding": "mutatingadmissionpolicybindings",
}
"""The plural of the resource that serves a kind."""

SINCE: Final[Mapping[str, str]] = {
    "ValidatingAdmissionPolicy": "1.30",
    "MutatingAdmissionPolicy": "1.36",
}
"""The first version of Kubernetes that serves a kind as v1."""
