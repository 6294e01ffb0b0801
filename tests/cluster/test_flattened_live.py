"""Kinds without a pod template on a real API server: inspected, hardened, undone, and judged for labels."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from labeling import GOOD, custom_kinds, judged, labels, make, pod, refused, run, spec
from testbed.cluster import Cluster

SERVED = {
    "Task": ("tekton.dev/v1", "tasks"),
    "TaskRun": ("tekton.dev/v1", "taskruns"),
    "Pipeline": ("tekton.dev/v1", "pipelines"),
    "PipelineRun": ("tekton.dev/v1", "pipelineruns"),
    "StepAction": ("tekton.dev/v1beta1", "stepactions"),
    "SparkApplication": ("sparkoperator.k8s.io/v1beta2", "sparkapplications"),
    "ScheduledSparkApplication": ("sparkoperator.k8s.io/v1beta2", "scheduledsparkapplications"),
}
STEP = {"name": "build", "image": "none:1"}
TASK = {"steps": [STEP, {"image": "none:1", "securityContext": {"runAsUser": 1000}}], "sidecars": [STEP]}
ROLES = {"driver": {"sidecars": [STEP]}, "executor": {"securityContext": {"capabilities": {"drop": ["CHOWN"]}}}}
SPECS: dict[str, Any] = {
    "Task": TASK,
    "TaskRun": {"taskSpec": TASK},
    "Pipeline": {"tasks": [{"name": "a", "taskRef": {"name": "x"}}, {"name": "b", "taskSpec": TASK}]},
    "PipelineRun": {"pipelineSpec": {"tasks": [{"name": "a", "taskSpec": TASK}]}},
    "StepAction": {"image": "none:1"},
    "SparkApplication": {"image": "none:1", **ROLES},
    "ScheduledSparkApplication": {"schedule": "* * * * *", "template": {"image": "none:1", **ROLES}},
}
RUNS = ("TaskRun", "PipelineRun")
TEKTON = [kind for kind, (api_version, _) in SERVED.items() if api_version.startswith("tekton")]
SYS_ADMIN = {"securityContext": {"capabilities": {"add": ["SYS_ADMIN"]}}}


@pytest.fixture(scope="module")
def custom(api_cluster: Cluster) -> Iterator[Cluster]:
    """A cluster that serves them."""
    with custom_kinds(api_cluster, SERVED) as cluster:
        yield cluster


def created(cluster: Cluster, namespace: str, kind: str, body: Any = None, **more: Any) -> dict[str, Any]:
    api_version, plural = SERVED[kind]
    obj = {"kind": kind, "metadata": {"name": "x"}, "spec": SPECS[kind] if body is None else body, **more}
    return make(cluster, namespace, f"{api_version}/{plural}", obj)


def current(cluster: Cluster, namespace: str, kind: str) -> Any:
    api_version, plural = SERVED[kind]
    return cluster.api.get(f"/apis/{api_version}/namespaces/{namespace}/{plural}/x")["spec"]


def word(kind: str) -> str:
    return f"{kind.lower()}.{SERVED[kind][0].partition('/')[0]}/x"


@pytest.mark.parametrize("kind", SERVED)
def test_a_converted_kind_is_listed_only_if_its_type_is_named(custom: Cluster, namespace: str, kind: str) -> None:
    created(custom, namespace, kind)
    named = run(custom, "inspect", word(kind), "-n", namespace, "-o", "json")
    assert (named.status, {item["kind"] for item in json.loads(named.out)["items"]}) == (0, {kind}), named
    listed = run(custom, "inspect", word(kind).partition("/")[0], "-n", namespace, "-o", "name")
    assert listed.out.splitlines()[:1] == [word(kind)]
    unnamed = run(custom, "inspect", "-n", namespace, "-o", "name")
    assert (unnamed.status, unnamed.out) == (0, "")


@pytest.mark.parametrize("kind", [kind for kind in SERVED if kind not in RUNS])
def test_an_object_of_a_converted_kind_is_hardened_and_undone(
    custom: Cluster, namespace: str, kind: str, tmp_path: Path
) -> None:
    before = created(custom, namespace, kind)["spec"]
    undo = str(tmp_path / "undo.json")
    hardened = run(custom, "harden", word(kind), "-n", namespace, "--yes", "--undo-to", undo, "-o", "json")
    (item,) = json.loads(hardened.out)["items"]
    assert (hardened.status, item["result"]) == (0, "notProven"), hardened
    assert all(change["container"] for change in item["changes"])
    after = current(custom, namespace, kind)
    assert json.dumps(after).count('"drop": ["ALL"]') == len({change["container"] for change in item["changes"]})
    again = run(custom, "harden", word(kind), "-n", namespace, "--yes", "-o", "json")
    assert [one["result"] for one in json.loads(again.out)["items"]] == ["unchanged"], again
    undone = run(custom, "harden", "--undo", undo, "--yes")
    assert (undone.status, current(custom, namespace, kind)) == (0, before), undone


@pytest.mark.parametrize("kind", RUNS)
def test_a_run_is_not_changed_but_printed_hardened(custom: Cluster, namespace: str, kind: str) -> None:
    before = created(custom, namespace, kind)["spec"]
    result = run(custom, "harden", word(kind), "-n", namespace, "--yes", "-o", "json")
    (item,) = json.loads(result.out)["items"]
    assert (result.status, item["result"], current(custom, namespace, kind)) == (2, "refused", before), result
    assert "a run cannot be changed once it is made" in item["message"]
    assert json.dumps(item["replacement"]).count('"drop": ["ALL"]') == 3


def test_all_leaves_runs_alone_that_are_finished_or_have_no_steps(custom: Cluster, namespace: str) -> None:
    created(custom, namespace, "Task")
    done = {"conditions": [{"type": "Succeeded", "status": "False"}]}
    created(custom, namespace, "TaskRun", status=done)
    created(custom, namespace, "PipelineRun", {"pipelineRef": {"name": "p"}})
    result = run(custom, "harden", "--all", "-n", namespace, "--dry-run=server", "--yes", "-o", "json")
    found = {item["kind"]: item["result"] for item in json.loads(result.out)["items"]}
    assert (result.status, found) == (0, {"Task": "planned"}), result


@pytest.mark.parametrize("kind", SERVED)
def test_a_namespace_with_such_an_object_may_enforce_baseline(custom: Cluster, namespace: str, kind: str) -> None:
    created(custom, namespace, kind)
    result = judged(custom, namespace, "--enforce", "baseline")
    assert (result.status, result.item["notJudged"]) == (0, []), result
    assert labels(custom, namespace) == {"pod-security.kubernetes.io/enforce": "baseline"}


MOUNTING = {"name": "a", "image": "$(params.i)", "volumeMounts": [{"name": "of-the-run", "mountPath": "$(params.p)"}]}
IN_TASK = "spec.tasks[0].taskSpec.steps[0].securityContext.capabilities"
BAD: list[tuple[str, Any, str]] = [
    ("Task", {"steps": [{**STEP, **SYS_ADMIN}]}, "spec.steps[0].securityContext.capabilities.add"),
    ("Pipeline", {"tasks": [{"name": "a", "taskSpec": {"steps": [{**MOUNTING, **SYS_ADMIN}]}}]}, f"{IN_TASK}.add"),
    ("TaskRun", {"taskSpec": TASK, "podTemplate": {"hostNetwork": True}}, "spec.podTemplate.hostNetwork"),
    ("SparkApplication", {**ROLES, "driver": {"hostNetwork": True}}, "spec.driver.hostNetwork"),
]


@pytest.mark.parametrize(("kind", "body", "field"), BAD, ids=[row[0] for row in BAD])
def test_a_workload_that_baseline_refuses_prevents_the_label(
    custom: Cluster, namespace: str, kind: str, body: Any, field: str
) -> None:
    created(custom, namespace, kind, body)
    result = judged(custom, namespace, "--enforce", "baseline")
    assert (result.status, refused(result.item), labels(custom, namespace)) == (1, {(kind, "x")}, {}), result
    assert [name for found in result.item["violations"] for name in found["fields"]] == [field]


def test_a_finished_run_holds_back_nothing(custom: Cluster, namespace: str) -> None:
    done = {"conditions": [{"type": "Succeeded", "status": "True"}]}
    created(custom, namespace, "TaskRun", {"taskSpec": {"steps": [{**STEP, **SYS_ADMIN}]}}, status=done)
    pod(custom, namespace, "beside", spec(GOOD))
    result = judged(custom, namespace, "--enforce", "restricted")
    assert (result.status, result.item["violations"], result.item["notJudged"]) == (0, [], []), result


@pytest.mark.parametrize("kind", TEKTON)
def test_no_template_of_tekton_is_judged_by_restricted(custom: Cluster, namespace: str, kind: str) -> None:
    created(custom, namespace, kind)
    result = judged(custom, namespace, "--enforce", "restricted")
    (told,) = result.item["notJudged"]
    assert (result.status, labels(custom, namespace)) == (2, {})
    assert told.startswith(f"{word(kind)}: whether restricted:latest refuses its pods is not known: Tekton adds")


def test_a_run_with_pod_fields_and_steps_in_another_object_is_not_judged(
    custom: Cluster, namespace: str
) -> None:
    created(custom, namespace, "TaskRun", {"taskRef": {"name": "t"}, "podTemplate": {"hostNetwork": True}})
    result = judged(custom, namespace, "--enforce", "baseline")
    assert (result.status, labels(custom, namespace)) == (2, {})
    assert "seems to make pods (spec.podTemplate.hostNetwork) of containers in another object" in str(result.item)
