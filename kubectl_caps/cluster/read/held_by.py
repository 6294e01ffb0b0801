"""The policy of kubectl caps that holds the workloads of a namespace."""

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
    """The policy with its actions, or why that is not known; nothing where there is no policy of kubectl caps."""
    try:
        binding = msgspec.convert(cluster.get(_BINDINGS, None, policy_name(namespace)), _Binding)
    except (ApiError, Unreachable) as error:
        # 404 is also the answer of a server that has no such resource.
        is_absent = isinstance(error, ApiError) and error.code == 404
        return "" if is_absent else f"not known: {lacking(error, 'get')}"
    except msgspec.ValidationError:
        return "not known: the binding of its policy cannot be read"
    if (binding.metadata.labels or {}).get(MANAGED_BY) != MANAGER:
        return ""
    actions = ", ".join(action.lower() for action in binding.spec.validation_actions)
    return f"policy {binding.spec.policy_name} ({actions})"
