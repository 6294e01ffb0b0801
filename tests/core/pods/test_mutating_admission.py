"""What dry runs of pods cannot show is named, once for a namespace, and only where something depends on it."""

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from kubectl_caps.core.kubernetes.kinds import KINDS
from kubectl_caps.core.kubernetes.pod import Metadata, PodTemplate
from kubectl_caps.core.kubernetes.workloads import Workload
from kubectl_caps.core.pods.mutating_admission import Hook, MutatingAdmission, Mutator

ENFORCE = "pod-security.kubernetes.io/enforce"
BEFORE = {"team": "a"}
AFTER = {**BEFORE, ENFORCE: "baseline"}
PODS = {"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]}
JOBS = {**PODS, "apiGroups": ["batch"], "resources": ["jobs"]}
SETS = {**PODS, "apiGroups": ["apps"], "resources": ["replicasets"]}


def workload(kind: str) -> Workload:
    """A workload of a kind."""
    row = next(row for row in KINDS if row.kind == kind)
    metadata, template = Metadata(name="x", uid=kind), PodTemplate()
    return Workload(api_version=row.api_version, kind=kind, metadata=metadata, template=template, path=row.template)


def hooks(source: str = "a", *, webhooks: Sequence[Any] = (), spec: Any = None) -> list[Hook]:
    """The hooks of a configuration or policy, as they are read from the API."""
    text = msgspec.json.encode({"metadata": {"name": source}, "webhooks": webhooks, "spec": spec or {}})
    found = msgspec.json.decode(text, type=Mutator).hooks
    return [msgspec.structs.replace(hook, source=source, text=text) for hook in found]


def hook(source: str, rule: dict[str, Any], key: str = "", operator: str = "Exists") -> Hook:
    """A webhook for new objects, in the namespaces that have a label or have it not."""
    selector = {"namespaceSelector": {"matchExpressions": [{"key": key, "operator": operator}]}} if key else {}
    return hooks(source, webhooks=[{"rules": [rule], **selector}])[0]


def doubted(
    found: Sequence[Hook],
    *kinds: str,
    hidden: Sequence[str] = (),
    after: dict[str, str] = AFTER,
    unproven: bool = False,
) -> list[str]:
    """What the sentence names for a namespace that gets labels, with workloads of these kinds."""
    active = [*map(workload, kinds)]
    said = MutatingAdmission(found, hidden).doubts(BEFORE, after, active, active if unproven else [])
    return [name for words in said for name in words.partition(": ")[2].split(", ")]


@pytest.mark.parametrize(
    ("rule", "meets"),
    [
        (JOBS, True),
        ({**JOBS, "operations": ["*"], "apiGroups": ["*"], "resources": ["*"]}, True),
        ({**JOBS, "resources": ["*/*"]}, True),
        ({**JOBS, "resources": ["deployments", "jobs"]}, True),
        ({**JOBS, "operations": ["UPDATE", "DELETE"]}, False),
        ({**JOBS, "apiGroups": ["apps"], "resources": ["*"]}, False),
        ({**JOBS, "resources": ["services"]}, False),
        ({**JOBS, "resources": ["jobs/status"]}, False),
    ],
)
@pytest.mark.parametrize("policy", [False, True], ids=["webhook", "policy"])
def test_only_rules_about_new_objects_count(rule: dict[str, Any], meets: bool, policy: bool) -> None:
    spec = {"matchConstraints": {"resourceRules": [rule]}}
    found = hooks(spec=spec) if policy else hooks(webhooks=[{"rules": [rule]}])
    assert doubted(found, "CronJob") == (["a"] if meets else [])


@pytest.mark.parametrize(
    ("found", "kinds", "told"),
    [
        (hook("a", PODS), ("Deployment",), False),
        (hook("a", PODS, "team"), ("Deployment",), False),
        (hook("a", PODS, ENFORCE), ("Deployment",), True),
        (hook("a", PODS, ENFORCE, "DoesNotExist"), ("Pod",), True),
        (hook("a", PODS, ENFORCE), (), False),
        (hook("a", JOBS), ("CronJob", "Deployment"), True),
        (hook("a", JOBS), ("Job", "Deployment"), False),
        (hook("a", {**JOBS, "apiGroups": ["*"], "resources": ["*/*"]}), ("DaemonSet", "Pod"), False),
        (hook("a", JOBS, "other"), ("CronJob",), False),
        (hook("a", JOBS, ENFORCE), ("CronJob",), True),
        (hook("a", SETS), ("Deployment",), True),
        (hook("a", SETS), ("Service",), True),
    ],
)
def test_a_hook_is_named_if_it_may_change_objects_that_no_dry_run_shows(
    found: Hook, kinds: tuple[str, ...], told: bool
) -> None:
    assert doubted([found], *kinds) == (["a"] if told else [])


def test_hooks_are_named_together_in_one_sentence_and_each_object_once() -> None:
    found = [hook("a", PODS, ENFORCE), hook("b", JOBS), hook("a", PODS, ENFORCE)]
    (said,) = MutatingAdmission(found, ["cannot list c"]).doubts(BEFORE, AFTER, [workload("CronJob")], [])
    assert said.endswith("for the user of a controller: a, b, cannot list c")


@pytest.mark.parametrize(("before", "after"), [({}, {"new": "y"}), ({"new": "y"}, {}), ({"new": "y"}, {"new": "n"})])
def test_a_hook_runs_in_a_namespace_with_the_labels_that_it_has_or_gets(
    before: dict[str, str], after: dict[str, str]
) -> None:
    found = hooks(webhooks=[{"rules": [PODS], "namespaceSelector": {"matchLabels": {"new": "y"}}}])
    assert MutatingAdmission(found).doubts(before, after, [workload("Pod")], [])
    assert not MutatingAdmission(found).doubts({"new": "n"}, {}, [workload("Pod")], [])


EXPRESSIONS = {
    "a label that changes": (f"namespaceObject.metadata.labels['{ENFORCE}'] == 'baseline'", True, True),
    "a label that stays": ("namespaceObject.metadata.labels['team'] == 'a'", False, False),
    "the user": ("request.userInfo.username == 'x'", True, False),
    "the user's rights": ("authorizer.group('').resource('pods').check('create').allowed()", True, False),
    "a generated label": ("object.metadata.labels['pod-template-hash'] == '0'", True, False),
    "a field that a dry run has as well": ("object.spec.hostNetwork", False, False),
}


@pytest.mark.parametrize("read", EXPRESSIONS)
@pytest.mark.parametrize("where", ["webhooks", "matchConditions", "mutations", "variables"])
def test_a_hook_that_reads_what_differs_from_the_dry_run_is_named_if_nothing_proves_the_dry_run(
    read: str, where: str
) -> None:
    text, unproven, proven = EXPRESSIONS[read]
    named = [{"name": "c", "expression": text}]
    policy = {"matchConstraints": {"resourceRules": [PODS]}, where: named}
    webhook = {"rules": [PODS], "matchConditions": named}
    found = hooks(webhooks=[webhook]) if where == "webhooks" else hooks(spec=policy)
    assert bool(doubted(found, "DaemonSet", unproven=True)) is unproven
    assert bool(doubted(found, "DaemonSet")) is proven


@pytest.mark.parametrize(
    ("selector", "told"),
    [
        ({}, False),
        ({"matchLabels": {"inject": "yes"}}, False),
        ({"matchLabels": {"rollouts-pod-template-hash": "0"}}, True),
        ({"matchExpressions": [{"key": "batch.kubernetes.io/job-name", "operator": "In", "values": ["x"]}]}, True),
        ({"matchExpressions": [{"key": "batch.kubernetes.io/job-completion-index", "operator": "Exists"}]}, True),
    ],
)
def test_a_hook_that_selects_by_a_generated_label_is_named_if_nothing_proves_the_dry_run(
    selector: dict[str, Any], told: bool
) -> None:
    found = hooks(webhooks=[{"rules": [PODS], "objectSelector": selector}])
    assert doubted(found, "DaemonSet", unproven=True) == (["a"] if told else [])
    assert doubted(found, "DaemonSet") == []


@pytest.mark.parametrize(
    ("kinds", "after", "unproven", "matters"),
    [
        (("DaemonSet",), AFTER, False, True),
        (("Deployment",), BEFORE, False, True),
        (("DaemonSet",), BEFORE, False, False),
        (("DaemonSet",), BEFORE, True, True),
        ((), AFTER, False, False),
    ],
)
def test_a_missing_right_matters_where_a_hook_could(
    kinds: tuple[str, ...], after: dict[str, str], unproven: bool, matters: bool
) -> None:
    told = doubted([], *kinds, hidden=["cannot list a"], after=after, unproven=unproven)
    assert told == (["cannot list a"] if matters else [])
