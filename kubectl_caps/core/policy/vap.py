"""Makes the policy of Kubernetes itself: a ValidatingAdmissionPolicy, a ConfigMap of parameters, and a binding.

Every field with a default is written out, so that the object on the server equals the made object.
"""

from collections.abc import Sequence
from typing import Any, Final, Literal

from kubectl_caps.core.policy.cel import ALLOWED, MESSAGE, variables
from kubectl_caps.core.policy.model import NamespacePolicy

Action = Literal["audit", "warn", "deny"]
Manifest = dict[str, Any]

API_VERSION: Final = "admissionregistration.k8s.io/v1"
PARAMETERS_NAMESPACE: Final = "kube-system"
"""The namespace of the ConfigMap.

In the namespace of the policy, Kubernetes' role `edit` could change the ConfigMap.
"""
MANAGED_BY, MANAGER = "app.kubernetes.io/managed-by", "kubectl-caps"
OF_NAMESPACE = "kubectl-caps/namespace"
MADE_FROM, MADE_AT, REASONS = "kubectl-caps/made-from", "kubectl-caps/made-at", "kubectl-caps/exemptions"
FALLBACK = "more than kubectl caps policy allows here; `kubectl caps policy --check` compares"

_WORKLOADS: Final = (
    ("apps", "v1", ("deployments", "statefulsets", "daemonsets", "replicasets")),
    ("batch", "v1", ("jobs", "cronjobs")),
    ("", "v1", ("replicationcontrollers", "podtemplates")),
)


def policy_name(namespace: str) -> str:
    """The name of every object of a namespace's policy."""
    return f"kubectl-caps-{namespace}"


def manifests(
    policy: NamespacePolicy, actions: Sequence[Action], made_from: str, *, fills: bool = False
) -> list[Manifest]:
    """The objects in the order in which they must be created. `fills` is explained in `cel.variables`."""
    return [
        parameters(policy, made_from),
        _policy(policy, made_from, fills=fills),
        _binding(policy, actions, made_from),
    ]


def parameters(policy: NamespacePolicy, made_from: str) -> Manifest:
    """The ConfigMap with the parameters and the reasons of exemptions."""
    common = metadata(policy, made_from)
    if policy.reasons:
        common["annotations"][REASONS] = "\n".join(policy.reasons)
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {**common, "namespace": PARAMETERS_NAMESPACE},
        "data": policy.parameters(),
    }


def metadata(policy: NamespacePolicy, made_from: str) -> Manifest:
    """The name, labels and annotations of each object: the maker, the namespace, and the source `made_from`."""
    return {
        "name": policy_name(policy.namespace),
        "labels": {MANAGED_BY: MANAGER, OF_NAMESPACE: policy.namespace},
        "annotations": {MADE_FROM: made_from},
    }


def match_constraints(namespace: str) -> Manifest:
    """The judged requests: new pods, new ephemeral containers, and new or changed workloads, to warn early."""
    rules = [
        _rule("", "v1", ("pods",), ("CREATE",)),
        _rule("", "v1", ("pods/ephemeralcontainers",), ("UPDATE",)),
        *(_rule(group, version, plurals, ("CREATE", "UPDATE")) for group, version, plurals in _WORKLOADS),
    ]
    return {
        "matchPolicy": "Equivalent",
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
        "objectSelector": {},
        "resourceRules": rules,
    }


def _rule(group: str, version: str, resources: Sequence[str], operations: Sequence[str]) -> Manifest:
    return {
        "apiGroups": [group],
        "apiVersions": [version],
        "operations": list(operations),
        "resources": list(resources),
        "scope": "Namespaced",
    }


def _policy(policy: NamespacePolicy, made_from: str, *, fills: bool) -> Manifest:
    validation = {
        "expression": ALLOWED,
        "message": FALLBACK,
        "messageExpression": MESSAGE,
        "reason": "Forbidden",
    }
    return {
        "apiVersion": API_VERSION,
        "kind": "ValidatingAdmissionPolicy",
        "metadata": metadata(policy, made_from),
        "spec": {
            "failurePolicy": "Fail",
            "paramKind": {"apiVersion": "v1", "kind": "ConfigMap"},
            "matchConstraints": match_constraints(policy.namespace),
            "variables": [
                {"name": one.name, "expression": one.expression}
                for one in variables("params.?data.orValue({})", fills=fills)
            ],
            "validations": [validation],
        },
    }


def _binding(policy: NamespacePolicy, actions: Sequence[Action], made_from: str) -> Manifest:
    name = policy_name(policy.namespace)
    return {
        "apiVersion": API_VERSION,
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": metadata(policy, made_from),
        "spec": {
            "policyName": name,
            "paramRef": {"name": name, "namespace": PARAMETERS_NAMESPACE, "parameterNotFoundAction": "Deny"},
            "validationActions": [action.capitalize() for action in actions],
        },
    }
