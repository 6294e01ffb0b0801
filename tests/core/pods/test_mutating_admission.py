"""Which hooks may change new objects in a namespace, and which may tell a pod of a dry run from others."""

from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from kubectl_caps.core.kubernetes.kinds import KINDS
from kubectl_caps.core.pods.mutating_admission import AdmissionScope, Hook, Mutator, Selector

POD = KINDS[:1]
PODS = {"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]}


def hooks(**fields: Any) -> list[Hook]:
    """The hooks of a configuration as the API sends it."""
    return list(msgspec.convert({"metadata": {"name": "m"}, **fields}, Mutator).hooks("webhook/m"))


def scope(
    *found: Hook, before: Mapping[str, str] | None = None, after: Mapping[str, str] | None = None
) -> AdmissionScope:
    """A namespace with these labels, and with what hooks may change in it."""
    return AdmissionScope(found, before or {}, after or before or {})


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
    spec = {"spec": {"matchConstraints": {"resourceRules": [rule]}}}
    found = hooks(**spec) if policy else hooks(webhooks=[{"rules": [rule]}])
    assert [hook.source for hook in scope(*found).running(POD)] == (["webhook/m"] if meets else [])


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
    ],
)
def test_selectors_select_as_on_the_api_server(selector: dict[str, Any], meets: bool) -> None:
    assert msgspec.convert(selector, Selector).meets({"a": "1"}) is meets


def hook(**fields: Any) -> Hook:
    """A webhook for new pods."""
    return hooks(webhooks=[{"rules": [PODS], **fields}])[0]


def test_a_hook_runs_in_a_namespace_with_the_labels_that_it_has_or_gets() -> None:
    found = hook(namespaceSelector={"matchLabels": {"new": "yes"}})
    assert scope(found).running(POD) == []
    assert scope(found, after={"new": "yes"}).running(POD) == [found]
    assert scope(found, before={"new": "yes"}, after={"new": "no"}).running(POD) == [found]


@pytest.mark.parametrize(("selector", "switched"), [("enforce", True), ("audit", False)])
def test_a_hook_is_switched_by_a_label_that_changes_and_no_other(selector: str, switched: bool) -> None:
    found = hook(namespaceSelector=expression(selector, "DoesNotExist"))
    labels = scope(found, before={"team": "a"}, after={"team": "a", "enforce": "baseline"})
    assert labels.is_switched(found) is switched


@pytest.mark.parametrize(
    ("selector", "tells"),
    [
        ({}, False),
        ({"matchLabels": {"inject": "yes"}}, False),
        ({"matchLabels": {"pod-template-hash": "0"}}, True),
        (expression("batch.kubernetes.io/job-name", "In", "backup"), True),
        (expression("batch.kubernetes.io/job-name", "Exists"), False),
    ],
)
def test_a_hook_that_reads_the_value_of_a_generated_label_may_treat_samples_differently(
    selector: dict[str, Any], tells: bool
) -> None:
    assert hook(objectSelector=selector).tells_samples is tells


@pytest.mark.parametrize(
    ("condition", "tells"),
    [
        ("request.userInfo.username == 'x'", True),
        ("authorizer.group('').resource('pods').check('create').allowed()", True),
        ("object.spec.hostNetwork", False),
    ],
)
@pytest.mark.parametrize("where", ["webhooks", "matchConditions", "mutations", "variables"])
def test_a_hook_whose_expressions_read_the_user_may_treat_samples_differently(
    where: str, condition: str, tells: bool
) -> None:
    named = [{"name": "c", "expression": condition}]
    policy = {"matchConstraints": {"resourceRules": [PODS]}, where: named}
    obj = {"webhooks": [{"rules": [PODS], "matchConditions": named}]} if where == "webhooks" else {"spec": policy}
    text = msgspec.json.encode(obj)
    (found,) = msgspec.json.decode(text, type=Mutator).hooks("x", text)
    assert found.tells_samples is tells
