"""Makes a MutatingAdmissionPolicy beside the policy: it fills in the fields that new pods leave out.

A container without `capabilities` gets drop ALL. A container without `allowPrivilegeEscalation` gets false. A field
that a pod sets stays, and the policy judges it. The patch is a JSON Patch, because `capabilities.drop` is an atomic
list (core/v1 types.go). A container is not filled in if the policy grants it the looser value, even after the last day
of the grant: a new pod has no time yet when it is mutated. After that day the policy refuses the pod.
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
"""The containers for which the API refuses allowPrivilegeEscalation=false (k8s.io/kubernetes
pkg/apis/core/validation)."""

_IDENTITY_VARIABLES: Final = (
    "data", "ephemeral", "template", "spec", "controllers", "owners", "owner", "stem", "made", "account", "tried",
    "named", "keys", "key",
)  # fmt: skip
"""The variables of the policy that find the workload of a pod."""


def mutating_manifests(policy: NamespacePolicy, actions: Sequence[Action], made_from: str) -> list[Manifest]:
    """The objects of the validating policy, then the mutating policy and its binding."""
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
    """The variables of the validating policy that the mutating policy needs, too."""
    known = {one.name: one for one in variables("params.?data.orValue({})")}
    return [known[name] for name in _IDENTITY_VARIABLES]


def _patch(place: str) -> str:
    """The expression for the operations that fill in each container of a list.

    A missing securityContext comes first.
    """
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
