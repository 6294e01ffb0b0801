"""Which configured admission may change a pod that is created somewhere, and which cannot."""

from typing import Any

import msgspec
import pytest

from kubectl_caps.core.mutation import Mutation, Mutator, Selector, of_new_pods

PODS = {"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]}


def mutator(**fields: Any) -> Mutator:
    """A configuration as the API sends it."""
    return msgspec.convert({"metadata": {"name": "m"}, **fields}, Mutator)


@pytest.mark.parametrize(
    ("rule", "meets"),
    [
        (PODS, True),
        ({**PODS, "operations": ["*"], "apiGroups": ["*"], "resources": ["*"]}, True),
        ({**PODS, "resources": ["*/*"]}, True),
        ({**PODS, "resources": ["deployments", "pods"]}, True),
        ({**PODS, "operations": ["UPDATE", "DELETE"]}, False),
        ({**PODS, "apiGroups": ["apps"], "resources": ["*"]}, False),
        ({**PODS, "resources": ["services"]}, False),
        ({**PODS, "resources": ["pods/exec"]}, False),
    ],
)
@pytest.mark.parametrize("policy", [False, True], ids=["webhook", "policy"])
def test_only_rules_about_new_pods_count(rule: dict[str, Any], meets: bool, policy: bool) -> None:
    found = {"spec": {"matchConstraints": {"resourceRules": [rule]}}} if policy else {"webhooks": [{"rules": [rule]}]}
    assert bool(of_new_pods([mutator(**found)])) is meets


def expression(key: str, operator: str, *values: str) -> dict[str, Any]:
    """A selector of one requirement."""
    return {"matchExpressions": [{"key": key, "operator": operator, "values": list(values)}]}


@pytest.mark.parametrize(
    ("selector", "meets"),
    [
        ({}, True),
        ({"matchLabels": {"a": "1"}}, True),
        ({"matchLabels": {"a": "1", "b": "1"}}, False),
        (expression("a", "In", "0", "1"), True),
        (expression("a", "In", "0"), False),
        (expression("b", "In", "0"), False),
        (expression("a", "NotIn", "1"), False),
        (expression("b", "NotIn", "1"), True),
        (expression("a", "Exists"), True),
        (expression("b", "Exists"), False),
        (expression("a", "DoesNotExist"), False),
        (expression("b", "DoesNotExist"), True),
        (expression("b", "SomethingNew"), True),
        (expression("added", "Exists"), True),
        (expression("added", "DoesNotExist"), True),
    ],
)
def test_selectors_select_as_the_api_server_has_it(selector: dict[str, Any], meets: bool) -> None:
    assert msgspec.convert(selector, Selector).meets({"a": "1"}, unknown=["added"]) is meets


def hook(**fields: Any) -> Mutation:
    """A webhook for new pods."""
    return of_new_pods([mutator(webhooks=[{"rules": [PODS], **fields}])])[0]


def test_a_namespace_may_be_met_by_the_labels_that_it_has_or_gets() -> None:
    found = hook(namespaceSelector={"matchLabels": {"new": "yes"}})
    assert not found.meets([{}], {})
    assert found.meets([{}, {"new": "yes"}], {})


def test_the_pods_labels_count_where_they_are_known() -> None:
    found = hook(objectSelector={"matchLabels": {"inject": "yes"}})
    assert not found.meets([{}], {"app": "web"})
    assert found.meets([{}], {"inject": "yes"})
    assert found.meets([{}], None)
