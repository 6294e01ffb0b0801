"""Makes the policy for Gatekeeper: a ConstraintTemplate with the CEL, and a constraint with the parameters.

Gatekeeper evaluates the CEL with the API server's library (open-policy-agent/gatekeeper pkg/drivers/k8scel). A review
of its audit has no user. Then owner references count.
"""

from collections.abc import Sequence
from typing import Final

from kubectl_caps.core.policy import vap
from kubectl_caps.core.policy.cel import ALLOWED, MESSAGE, variables
from kubectl_caps.core.policy.model import NamespacePolicy
from kubectl_caps.core.policy.vap import Action, Manifest

KIND: Final = "KubectlCapsPolicy"
_TARGET: Final = "admission.k8s.gatekeeper.sh"
_ENFORCEMENT: Final = {"audit": "dryrun", "warn": "warn", "deny": "deny"}


def gatekeeper_manifests(policy: NamespacePolicy, actions: Sequence[Action], made_from: str) -> list[Manifest]:
    """The ConstraintTemplate, which is the same for every namespace, and the constraint of the policy's namespace."""
    return [_template(), _constraint(policy, actions, made_from)]


def _template() -> Manifest:
    source = {
        "failurePolicy": "Fail",
        "variables": [
            {"name": one.name, "expression": one.expression} for one in variables("variables.params.?data.orValue({})")
        ],
        "validations": [{"expression": ALLOWED, "message": vap.FALLBACK, "messageExpression": MESSAGE}],
    }
    data = {"type": "object", "additionalProperties": {"type": "string"}}
    schema = {"type": "object", "properties": {"data": data}}
    return {
        "apiVersion": "templates.gatekeeper.sh/v1",
        "kind": "ConstraintTemplate",
        "metadata": {"name": KIND.lower(), "labels": {vap.MANAGED_BY: vap.MANAGER}},
        "spec": {
            "crd": {"spec": {"names": {"kind": KIND}, "validation": {"openAPIV3Schema": schema}}},
            "targets": [{"target": _TARGET, "code": [{"engine": "K8sNativeValidation", "source": source}]}],
        },
    }


def _constraint(policy: NamespacePolicy, actions: Sequence[Action], made_from: str) -> Manifest:
    return {
        "apiVersion": "constraints.gatekeeper.sh/v1beta1",
        "kind": KIND,
        "metadata": vap.metadata(policy, made_from),
        "spec": {
            "enforcementAction": _ENFORCEMENT[actions[-1]],
            "match": {
                "namespaces": [policy.namespace],
                "kinds": [{"apiGroups": [group], "kinds": list(kinds)} for group, kinds in _KINDS],
            },
            "parameters": {"data": policy.parameters()},
        },
    }


_KINDS: Final = (
    ("", ("Pod", "PodTemplate", "ReplicationController")),
    ("apps", ("DaemonSet", "Deployment", "ReplicaSet", "StatefulSet")),
    ("batch", ("CronJob", "Job")),
)
