"""A MutatingAdmissionPolicy beside the policy: pods that say nothing of capabilities get what *restricted* wants.

JSON Patch, because `capabilities.drop` is an atomic list (core/v1 types.go). Only containers without any `capabilities`
are filled in, and only a missing `allowPrivilegeEscalation`; what a pod says itself stays, and is judged. Containers
that the policy lets keep the default capabilities, or escalate, are left alone, also after that has ended: a pod has no
time yet when it is filled in. Then the policy refuses it.
"""

from collections.abc import Sequence
from typing import Any, Final

from kubectl_caps.core.policy import model, vap
from kubectl_caps.core.policy.cel import Variable, variables
from kubectl_caps.core.policy.model import NamespacePolicy
from kubectl_caps.core.policy.vap import API_VERSION, Action, Manifest

_LISTS: Final = ("initContainers", "containers")
_CONTEXT = "c.?securityContext"
_SAYS_NOTHING = f"!{_CONTEXT}.?capabilities.hasValue() && !{_CONTEXT}.?privileged.orValue(false)"
_IS_UNSET = f"!{_CONTEXT}.?allowPrivilegeEscalation.hasValue() && !{_CONTEXT}.?privileged.orValue(false)"
_ADDS_SYS_ADMIN = (
    f"{_CONTEXT}.?capabilities.?add.orValue([]).exists(a, a.upperAscii() in ['SYS_ADMIN', 'CAP_SYS_ADMIN'])"
)
"""With which the API refuses allowPrivilegeEscalation=false (k8s.io/kubernetes pkg/apis/core/validation)."""

_READ: Final = (
    "data", "ephemeral", "template", "spec", "controllers", "owners", "owner", "stem", "made", "account", "tried",
    "named", "keys", "key",
)  # fmt: skip
"""The variables that tell whose pod it is, from the parameters."""


def mutating_manifests(policy: NamespacePolicy, actions: Sequence[Action], made_from: str) -> list[Manifest]:
    """The objects of the policy, then those of the policy that fills in."""
    objects = vap.manifests(policy, actions, made_from, fills=True)
    return [*objects, _policy(policy, made_from), _binding(policy, made_from)]


def _policy(policy: NamespacePolicy, made_from: str) -> Manifest:
    spec: dict[str, Any] = {
        "failurePolicy": "Fail",
        "reinvocationPolicy": "IfNeeded",
        "paramKind": {"apiVersion": "v1", "kind": "ConfigMap"},
        "matchConstraints": {
            **vap.match_constraints(policy.namespace),
            "resourceRules": vap.match_constraints(policy.namespace)["resourceRules"][:1],
        },
        "variables": [{"name": one.name, "expression": one.expression} for one in _variables()],
        "mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression": _patch(place)}} for place in _LISTS],
    }
    return {
        "apiVersion": API_VERSION,
        "kind": "MutatingAdmissionPolicy",
        "metadata": vap.metadata(policy, made_from),
        "spec": spec,
    }


def _variables() -> list[Variable]:
    """Those of the policy that are read here, too."""
    known = {one.name: one for one in variables("params.?data.orValue({})")}
    return [known[name] for name in _READ]


def _patch(place: str) -> str:
    """For each container of a list, the operations that fill it in: a securityContext first, where there is none."""
    path = f"'/spec/{place}/' + string(i) + '/securityContext"
    may = "(variables.key == '' ? '' : variables.data[?variables.key + c.name].orValue('')).split(',')"
    drops = f"({_SAYS_NOTHING} && !{may}.exists(t, t.split('@')[0] == '{model.DEFAULTS}'))"
    denies = f"({_IS_UNSET} && !{_ADDS_SYS_ADMIN} && !{may}.exists(t, t.split('@')[0] == '{model.ESCALATION}'))"
    operations = (
        (f"!c.?securityContext.hasValue() && ({drops} || {denies})", f"{path}'", "{}"),
        (drops, f"{path}/capabilities'", "{'drop': ['ALL']}"),
        (denies, f"{path}/allowPrivilegeEscalation'", "false"),
    )
    parts = (
        f"variables.spec.?{place}.orValue([]).transformList(i, c, {condition}, "
        f"JSONPatch{{op: 'add', path: {where}, value: {value}}})"
        for condition, where, value in operations
    )
    return " + ".join(parts)


def _binding(policy: NamespacePolicy, made_from: str) -> Manifest:
    name = vap.policy_name(policy.namespace)
    return {
        "apiVersion": API_VERSION,
        "kind": "MutatingAdmissionPolicyBinding",
        "metadata": vap.metadata(policy, made_from),
        "spec": {
            "policyName": name,
            "paramRef": {
                "name": name,
                "namespace": vap.PARAMETERS_NAMESPACE,
                "parameterNotFoundAction": "Deny",
            },
        },
    }
