"""Finds the admission policy of `kubectl caps policy` that a namespace has."""

import msgspec

from kubectl_caps.cluster.api.client import Cluster
from kubectl_caps.cluster.api.resources import Resource
from kubectl_caps.cluster.api.rights import lacking
from kubectl_caps.core.kubernetes.container import Fields
from kubectl_caps.core.kubernetes.pod import Metadata
from kubectl_caps.core.policy.vap import MANAGED_BY, MANAGER, policy_name
from kubectl_caps.errors import ApiError, Unreachable

_BINDINGS = Resource(
    "admissionregistration.k8s.io", "v1", "validatingadmissionpolicybindings", "ValidatingAdmissionPolicyBinding", False
)


class _Spec(Fields, frozen=True):
    policy_name: str = ""
    validation_actions: tuple[str, ...] = ()


class _Binding(Fields, frozen=True):
    metadata: Metadata = Metadata()
    spec: _Spec = _Spec()


def held_by(cluster: Cluster, namespace: str) -> str:
    """The name and actions of the namespace's policy, for people; empty if kubectl caps has made no policy for it.

    If the policy could not be read, the text is `not known: ` and the reason. Raises ConfigError.
    """
    try:
        binding = msgspec.convert(cluster.get(_BINDINGS, None, policy_name(namespace)), _Binding)
    except (ApiError, Unreachable) as error:
        # A server that does not know the resource also answers 404.
        is_absent = isinstance(error, ApiError) and error.code == 404
        return "" if is_absent else f"not known: {lacking(error, 'get')}"
    except msgspec.ValidationError:
        return "not known: the binding of its policy cannot be read"
    if (binding.metadata.labels or {}).get(MANAGED_BY) != MANAGER:
        return ""
    actions = ", ".join(action.lower() for action in binding.spec.validation_actions)
    return f"policy {binding.spec.policy_name} ({actions})"
