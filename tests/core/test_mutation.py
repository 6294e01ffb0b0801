"""Which configured admission may change a pod that is created somewhere, and which cannot."""

from typing import Any

import msgspec
import pytest

from kubectl_caps.core.mutation import Mutation, Mutator, Selector, on_the_way

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
    assert any(one.meets_new("", "pods") for one in on_the_way([mutator(**found)])) is meets


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
    return on_the_way([mutator(webhooks=[{"rules": [PODS], **fields}])])[0]


def test_a_namespace_may_be_met_by_the_labels_that_it_has_or_gets() -> None:
    found = hook(namespaceSelector={"matchLabels": {"new": "yes"}})
    assert not found.meets([{}], {})
    assert found.meets([{}, {"new": "yes"}], {})


def test_the_pods_labels_count_where_they_are_known() -> None:
    found = hook(objectSelector={"matchLabels": {"inject": "yes"}})
    assert not found.meets([{}], {"app": "web"})
    assert found.meets([{}], {"inject": "yes"})
    assert found.meets([{}], None)


@pytest.mark.parametrize(
    ("selector", "unknown", "guessed"),
    [
        (expression("added", "Exists"), ["added"], False),
        (expression("added", "DoesNotExist"), ["added"], False),
        (expression("added", "In", "0"), ["added"], True),
        (expression("added", "NotIn", "0"), ["added"], True),
        ({"matchLabels": {"added": "0"}}, ["added"], True),
        ({"matchLabels": {"other": "0"}}, ["added"], False),
        ({"matchLabels": {"other": "0"}}, None, True),
        ({"matchLabels": {"app": "web"}}, None, False),
        ({}, None, False),
    ],
)
def test_a_made_up_value_and_what_nobody_knows_are_guessed(
    selector: dict[str, Any], unknown: list[str] | None, guessed: bool
) -> None:
    pod = {"app": "web", "added": "0"} if unknown else {"app": "web"}
    assert hook(objectSelector=selector).is_guessed(pod, unknown) is guessed
    assert hook(objectSelector=selector, matchConditions=[{"name": "c", "expression": "true"}]).is_guessed(pod, unknown)


def test_the_conditions_of_a_policy_are_those_of_its_constraints() -> None:
    constraints = {"resourceRules": [PODS]}
    (found,) = on_the_way([mutator(spec={"matchConstraints": constraints, "matchConditions": [{"name": "c"}]})])
    assert found.is_guessed({}, ())


def test_a_selector_that_the_new_labels_switch_is_noticed() -> None:
    found = hook(namespaceSelector=expression("enforce", "DoesNotExist"))
    assert found.turns([{}, {"enforce": "baseline"}])
    assert not found.turns([{}, {"audit": "baseline"}])
