"""Makes the policy for Kyverno (1.17 and later): a ValidatingPolicy with the CEL, and the parameters in it.

Kyverno's CEL has no parameters. It could read the ConfigMap, but only with a right, and in a cluster. Kyverno's CLI has
no cluster.
"""

import json
from collections.abc import Sequence

from kubectl_caps.core.policy import vap
from kubectl_caps.core.policy.cel import ALLOWED, MESSAGE, variables
from kubectl_caps.core.policy.model import NamespacePolicy
from kubectl_caps.core.policy.vap import Action, Manifest


def kyverno_manifests(policy: NamespacePolicy, actions: Sequence[Action], made_from: str) -> list[Manifest]:
    """The ValidatingPolicy, which is the only object of this form."""
    spec = {
        "failurePolicy": "Fail",
        "validationActions": [action.capitalize() for action in actions],
        "evaluation": {"background": {"enabled": False}},
        "autogen": {"podControllers": {"controllers": []}},
        "matchConstraints": {"resourceRules": vap.match_constraints(policy.namespace)["resourceRules"]},
        "matchConditions": [{"name": "namespace", "expression": f"request.namespace == {_quoted(policy.namespace)}"}],
        "variables": [{"name": one.name, "expression": one.expression} for one in variables(_literal(policy))],
        "validations": [{"expression": ALLOWED, "message": vap.FALLBACK, "messageExpression": MESSAGE}],
    }
    return [
        {
            "apiVersion": "policies.kyverno.io/v1",
            "kind": "ValidatingPolicy",
            "metadata": vap.metadata(policy, made_from),
            "spec": spec,
        }
    ]


def _literal(policy: NamespacePolicy) -> str:
    pairs = (f"{_quoted(key)}: {_quoted(value)}" for key, value in policy.parameters().items())
    return f"{{{', '.join(pairs)}}}"


def _quoted(text: str) -> str:
    return json.dumps(text)  # CEL has the same escapes as JSON
