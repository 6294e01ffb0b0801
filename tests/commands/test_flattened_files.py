"""Tekton's and Spark's kinds in files: inspected, gated, hardened and judged for labels where their fields stand."""

import copy
import json
import re
from pathlib import Path
from textwrap import indent
from typing import Any

import pytest
import yaml

from kubectl_caps.core.kubernetes.kinds import kind_of
from kubectl_caps.core.kubernetes.pod import members
from kubectl_caps.core.kubernetes.unknown_kinds import read_whole
from kubectl_caps.main import main

TASK = """\
apiVersion: tekton.dev/v1
kind: Task
metadata:
  name: build
spec:
  params:
    - name: image
      type: string
  stepTemplate:
    env: [{name: HOME, value: /tekton/home}]
  steps:
    - name: build
      image: $(params.image)  # comes from the run
      script: |
        #!/bin/sh
        make all
    - image: alpine:3
      securityContext: {runAsUser: 1000}
      command: [echo]
  sidecars:
    - name: docker
      image: docker:dind
"""
TASK_RUN = """\
apiVersion: tekton.dev/v1
kind: TaskRun
metadata: {generateName: build-}
spec:
  podTemplate:
    securityContext: {runAsNonRoot: true}
  taskSpec:
    steps:
      - {name: build, image: golang, script: go build}
"""
PIPELINE = """\
apiVersion: tekton.dev/v1
kind: Pipeline
metadata: {name: release}
spec:
  tasks:
    - name: fetch
      taskRef: {name: git-clone}
    - name: build
      taskSpec:
        steps:
          - name: build
            image: golang
  finally:
    - name: tell
      taskSpec:
        steps:
          - name: tell
            image: curl
"""
PIPELINE_RUN = """\
apiVersion: tekton.dev/v1
kind: PipelineRun
metadata: {name: release-1}
spec:
  taskRunTemplate: {podTemplate: {securityContext: {fsGroup: 5}}}
  pipelineSpec:
    tasks:
      - name: build
        taskSpec: {steps: [{name: build, image: golang}]}
"""
STEP_ACTION = """\
apiVersion: tekton.dev/v1beta1
kind: StepAction
metadata: {name: scan}
spec:
  image: trivy
  script: trivy .
"""
_ROLES = """\
  type: Python
  sparkVersion: 3.5.3
  image: spark:3.5.3
  mainApplicationFile: local:///opt/pi.py
  sparkConf:
    spark.executor.memory: 1g
  driver:
    cores: 1
    serviceAccount: spark
    initContainers:
      - name: fetch
        image: curl
  executor:
    instances: 2
    securityContext:
      capabilities: {drop: [NET_RAW]}
    sidecars:
      - {name: logs, image: fluent-bit}
"""
SPARK = f"""\
apiVersion: sparkoperator.k8s.io/v1beta2
kind: SparkApplication
metadata: {{name: pi}}
spec:
{_ROLES}"""
SCHEDULED = f"""\
apiVersion: sparkoperator.k8s.io/v1beta2
kind: ScheduledSparkApplication
metadata: {{name: nightly}}
spec:
  schedule: "@every 1h"
  template:
{indent(_ROLES, "  ")}"""
TEMPLATE = """\
apiVersion: sparkoperator.k8s.io/v1beta2
kind: SparkApplication
metadata: {name: templated}
spec:
  driver:
    template:
      spec:
        containers:
          - name: spark-kubernetes-driver
            securityContext: {readOnlyRootFilesystem: true}
          - name: proxy
            image: envoy
  executor: {}
"""
ALL = {
    "Task": TASK,
    "TaskRun": TASK_RUN,
    "Pipeline": PIPELINE,
    "PipelineRun": PIPELINE_RUN,
    "StepAction": STEP_ACTION,
    "SparkApplication": SPARK,
    "ScheduledSparkApplication": SCHEDULED,
    "SparkApplication with a template": TEMPLATE,
}
CONTAINERS = {
    "Task": ["step-build", "step-unnamed-1", "sidecar-docker"],
    "TaskRun": ["step-build"],
    "Pipeline": ["step-build", "step-tell"],
    "PipelineRun": ["step-build"],
    "StepAction": ["step-scan"],
    "SparkApplication": ["fetch", "spark-kubernetes-driver", "spark-kubernetes-executor", "logs"],
    "ScheduledSparkApplication": ["fetch", "spark-kubernetes-driver", "spark-kubernetes-executor", "logs"],
    "SparkApplication with a template": ["spark-kubernetes-driver", "proxy", "spark-kubernetes-executor"],
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty working directory."""
    monkeypatch.chdir(tmp_path)


def put(text: str) -> Path:
    Path("a.yaml").write_text(text)
    return Path("a.yaml")


def inspected(capsys: pytest.CaptureFixture[str], *flags: str) -> tuple[int, list[dict[str, Any]], str]:
    status = main(["inspect", "-f", "a.yaml", "-o", "json", *flags])
    said = capsys.readouterr()
    return status, json.loads(said.out)["items"], said.err


@pytest.mark.parametrize("name", ALL)
def test_each_container_is_inspected(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    put(ALL[name])
    status, items, _ = inspected(capsys, "--require", "baseline")
    assert [one["name"] for item in items for one in item["containers"]] == CONTAINERS[name]
    assert (status, {item["podSecurity"]["level"] for item in items}) == (0, {"baseline"})


BAD_TASKS = {
    "a privileged step": ("{runAsUser: 1000}", "{privileged: true}", "spec.steps[1].securityContext.privileged"),
    "a sidecar with SYS_ADMIN": (
        "      image: docker:dind\n",
        "      image: docker:dind\n      securityContext: {capabilities: {add: [SYS_ADMIN]}}\n",
        "spec.sidecars[0].securityContext.capabilities.add",
    ),
    "defaults with SYS_ADMIN": (
        "  stepTemplate:\n",
        "  stepTemplate:\n    securityContext: {capabilities: {add: [SYS_ADMIN]}}\n",
        "spec.stepTemplate.securityContext.capabilities.add",
    ),
    "a volume of the node": (
        "  sidecars:\n",
        "  volumes:\n    - name: docker\n      hostPath: {path: /run/docker.sock}\n  sidecars:\n",
        "spec.volumes[0].hostPath",
    ),
}
BAD_SPARK = {
    "a driver on the node's network": ("    cores: 1\n", "    hostNetwork: true\n", "spec.driver.hostNetwork"),
    "a privileged executor": (
        "{drop: [NET_RAW]}",
        "{}\n      privileged: true",
        "spec.executor.securityContext.privileged",
    ),
    "a privileged sidecar": (
        "image: fluent-bit}",
        "image: fluent-bit, securityContext: {privileged: true}}",
        "spec.executor.sidecars[0].securityContext.privileged",
    ),
}
BAD_ROWS = [
    *((name, TASK, *row) for name, row in BAD_TASKS.items()),
    *((name, SPARK, *row) for name, row in BAD_SPARK.items()),
]


@pytest.mark.parametrize(
    ("text", "old", "new", "field"), [row[1:] for row in BAD_ROWS], ids=[row[0] for row in BAD_ROWS]
)
def test_a_violation_of_baseline_fails_the_gate_and_is_named_by_its_field(
    text: str, old: str, new: str, field: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert old in text
    bad = text.replace(old, new, 1)
    put(bad)
    status, items, _ = inspected(capsys, "--require", "baseline")
    found = [one for item in items for one in item["podSecurity"]["violations"] if one["level"] == "baseline"]
    assert (status, {name for one in found for name in one["fields"]}) == (1, {field})
    assert main(["inspect", "-f", "a.yaml", "-o", "sarif"]) == 0
    (run,) = json.loads(capsys.readouterr().out)["runs"]
    names = re.compile(r"/" + re.escape(field) + r"(\[\d+\])?$")
    lines = {
        place["physicalLocation"]["region"]["startLine"]
        for result in run["results"]
        for place in result["locations"]
        if result["level"] == "error" and names.search(place["logicalLocations"][0]["fullyQualifiedName"])
    }
    own = field.rpartition(".")[2]
    assert lines == {number for number, line in enumerate(bad.splitlines(), 1) if f"{own}:" in line}


def test_a_host_path_counts_for_the_step_that_mounts_it(capsys: pytest.CaptureFixture[str]) -> None:
    volume = "  volumes: [{name: sock, hostPath: {path: /run/docker.sock}}]\n"
    put(TASK.replace("command: [echo]", "volumeMounts: [{name: sock, mountPath: /s}]") + volume)
    status, (item,), _ = inspected(capsys, "--fail-on", "critical")
    assert (status, {one["name"]: one["risk"] for one in item["containers"]}["step-unnamed-1"]) == (1, "critical")


@pytest.mark.parametrize("name", ["Task", "TaskRun", "Pipeline", "PipelineRun", "StepAction"])
def test_no_tekton_object_passes_restricted(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    put(ALL[name])
    assert main(["harden", "-f", "a.yaml", "--write", "--profile", "restricted", "--run-as-user", "1000"]) == 0
    assert capsys.readouterr().out.count("restricted is not judged: Tekton adds containers of its own") == 1
    status, items, said = inspected(capsys, "--require", "restricted")
    assert (status, [item["podSecurity"]["violations"] for item in items]) == (2, [[]] * len(items))
    assert "is not judged by restricted: Tekton adds containers of its own to the pod" in said
    assert "not restricted" not in said


def test_an_unjudged_restricted_level_can_be_exempted(capsys: pytest.CaptureFixture[str]) -> None:
    put(TASK)
    main(["harden", "-f", "a.yaml", "--write", "--profile", "restricted", "--run-as-user", "1000"])
    entry = {"kind": "Task", "name": "build", "notJudged": True, "reason": "the flag is set", "until": "never"}
    Path("exempt.yaml").write_text(
        json.dumps({"apiVersion": "kubectl-caps/v1alpha1", "kind": "Exemptions", "exemptions": [entry]})
    )
    capsys.readouterr()
    assert main(["inspect", "-f", "a.yaml", "--require", "restricted", "--exemptions", "exempt.yaml"]) == 0
    assert "the flag is set" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["SparkApplication", "ScheduledSparkApplication", "SparkApplication with a template"])
def test_a_hardened_spark_application_passes_restricted(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    put(ALL[name])
    assert inspected(capsys, "--require", "restricted")[0] == 1
    assert main(["harden", "-f", "a.yaml", "--write", "--profile", "restricted", "--run-as-user", "185"]) == 0
    capsys.readouterr()
    assert inspected(capsys, "--require", "restricted")[0] == 0


def without_contexts(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: without_contexts(inner) for key, inner in node.items() if key != "securityContext"}
    return [without_contexts(item) for item in node] if isinstance(node, list) else node


@pytest.mark.parametrize(
    "flags", [(), ("--profile", "restricted"), ("--run-as-user", "7", "--profile", "restricted")], ids=str
)
@pytest.mark.parametrize("name", ALL)
def test_every_container_is_hardened_and_no_other_text_is_edited(name: str, flags: tuple[str, ...]) -> None:
    file = put(ALL[name])
    assert main(["harden", "-f", "a.yaml", "--check", *flags]) == 1
    assert file.read_text() == ALL[name]
    assert main(["harden", "-f", "a.yaml", "--write", *flags]) == 0
    before, after = yaml.safe_load(ALL[name]), yaml.safe_load(file.read_text())
    assert without_contexts(after) == without_contexts(before)
    row = kind_of(after["apiVersion"], after["kind"])
    assert row
    contexts = [
        member.container.security
        for workload in read_whole(row, copy.deepcopy(after), {})
        for member in members(workload.template.spec)
    ]
    assert len(contexts) == len(CONTAINERS[name])
    for context in contexts:
        assert context.capabilities
        assert (context.capabilities.drop, context.allow_privilege_escalation) == (["ALL"], False)
        assert not flags or context.seccomp_profile is not None
    lines = set(file.read_text().splitlines())
    assert "# comes from the run" not in ALL[name] or any("# comes from the run" in line for line in lines)
    assert main(["harden", "-f", "a.yaml", "--check", *flags]) == 0


def test_the_diff_has_only_the_lines_that_change(capsys: pytest.CaptureFixture[str]) -> None:
    put(TASK)
    assert main(["harden", "-f", "a.yaml", "--diff", "-c", "sidecar-docker"]) == 0
    changed = [
        line for line in capsys.readouterr().out.splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")
    ]
    assert [line.strip("+ ") for line in changed] == [
        "securityContext:",
        "allowPrivilegeEscalation: false",
        "capabilities:",
        'drop: ["ALL"]',
    ]


NAMESPACE = "apiVersion: v1\nkind: Namespace\nmetadata: {name: ci}\n---\n"
SHARED = TASK.replace("  stepTemplate:\n", "  stepTemplate:\n    securityContext: {capabilities: {add: [NET_ADMIN]}}\n")


def test_an_add_of_the_step_template_stays_where_steps_drop_all(capsys: pytest.CaptureFixture[str]) -> None:
    file = put(SHARED)
    assert main(["harden", "-f", "a.yaml", "--write"]) == 0
    spec = yaml.safe_load(file.read_text())["spec"]
    assert spec["stepTemplate"] == yaml.safe_load(SHARED)["spec"]["stepTemplate"]
    assert [step["securityContext"]["capabilities"] for step in spec["steps"]] == [{"drop": ["ALL"]}] * 2


def test_a_null_over_the_step_template_is_written_over() -> None:
    """Go takes null for absent, so the step has the capabilities of the stepTemplate."""
    file = put(SHARED.replace("    - name: build\n", "    - name: build\n      securityContext: null\n"))
    assert "null" in file.read_text()
    assert main(["harden", "-f", "a.yaml", "--write"]) == 0
    assert yaml.safe_load(file.read_text())["spec"]["steps"][0]["securityContext"]["capabilities"] == {"drop": ["ALL"]}


def test_an_add_that_steps_share_is_not_taken_from_one(capsys: pytest.CaptureFixture[str]) -> None:
    """Tekton merges the stepTemplate into each step: a step cannot say that it has no adds."""
    file = put(SHARED)
    assert main(["harden", "-f", "a.yaml", "--write", "--remove-adds"]) == 2
    said = capsys.readouterr()
    assert file.read_text() == SHARED
    where = "spec.stepTemplate.securityContext.capabilities.add is shared with other containers: change it there"
    assert f"container step-build: {where}" in said.out + said.err


MENDED = TASK + "      securityContext: {capabilities: {add: [NET_ADMIN]}}\n"


def test_the_proposed_fix_works(capsys: pytest.CaptureFixture[str]) -> None:
    put(NAMESPACE + MENDED)
    assert main(["label-ns", "-f", "a.yaml", "--check", "--enforce", "baseline"]) == 1
    assert "-c=sidecar-docker --remove-adds\n" in capsys.readouterr().out
    assert main(["harden", "-f", "a.yaml", "--write", "-c=sidecar-docker", "--remove-adds"]) == 0
    assert main(["label-ns", "-f", "a.yaml", "--write", "--enforce", "baseline"]) == 0


def test_no_fix_is_proposed_that_harden_refuses(capsys: pytest.CaptureFixture[str]) -> None:
    put(NAMESPACE + SHARED)
    assert main(["label-ns", "-f", "a.yaml", "--check", "--enforce", "baseline"]) == 1
    out = capsys.readouterr().out
    assert "to fix: by hand\n" in out
    assert "--remove-adds" not in out


def test_a_step_without_a_name_is_guarded_by_its_image(capsys: pytest.CaptureFixture[str]) -> None:
    put(TASK)
    assert main(["harden", "-f", "a.yaml", "-c", "step-unnamed-1", "-o", "patch"]) == 0
    assert json.loads(capsys.readouterr().out)[0] == {"op": "test", "path": "/spec/steps/1/image", "value": "alpine:3"}


def test_the_plan_names_the_containers_and_their_own_fields(capsys: pytest.CaptureFixture[str]) -> None:
    put(STEP_ACTION)
    assert main(["harden", "-f", "a.yaml", "-o", "json"]) == 0
    (item,) = json.loads(capsys.readouterr().out)["items"]
    assert {(change["container"], change["path"]) for change in item["changes"]} == {
        ("step-scan", "spec.securityContext.allowPrivilegeEscalation"),
        ("step-scan", "spec.securityContext.capabilities.drop"),
    }


@pytest.mark.parametrize("name", ALL)
def test_a_namespace_may_enforce_baseline(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    put(NAMESPACE + ALL[name])
    assert main(["label-ns", "-f", "a.yaml", "--write", "--enforce", "baseline"]) == 0
    assert "pod-security.kubernetes.io/enforce: baseline" in Path("a.yaml").read_text()


def test_a_privileged_step_holds_back_the_label(capsys: pytest.CaptureFixture[str]) -> None:
    put(NAMESPACE + TASK.replace("{runAsUser: 1000}", "{privileged: true}"))
    assert main(["label-ns", "-f", "a.yaml", "--write", "--enforce", "baseline"]) == 1
    out = capsys.readouterr().out
    assert "task.tekton.dev/build" in out
    assert "spec.steps[1].securityContext.privileged" in out


@pytest.mark.parametrize("namespace", [NAMESPACE, NAMESPACE + NAMESPACE.replace("ci", "other")], ids=["one", "two"])
def test_no_namespace_with_a_task_may_enforce_restricted(namespace: str, capsys: pytest.CaptureFixture[str]) -> None:
    put(TASK)
    main(["harden", "-f", "a.yaml", "--write", "--profile", "restricted", "--run-as-user", "1000"])
    put(namespace + Path("a.yaml").read_text())
    assert main(["label-ns", "-f", "a.yaml", "--write", "--enforce", "restricted"]) == 2
    assert "task.tekton.dev/build: whether restricted:latest refuses its pods is not known" in "".join(
        capsys.readouterr()
    )
    assert "pod-security" not in Path("a.yaml").read_text()


def test_warn_at_restricted_reports_that_restricted_is_not_judged(capsys: pytest.CaptureFixture[str]) -> None:
    put(NAMESPACE + TASK)
    assert main(["label-ns", "-f", "a.yaml", "--check", "--enforce", "baseline", "--warn", "restricted"]) == 1
    assert "warn=restricted:latest: task.tekton.dev/build: whether restricted:latest refuses" in "".join(
        capsys.readouterr()
    )


def test_a_run_with_pod_fields_and_its_task_in_another_object_is_not_judged(
    capsys: pytest.CaptureFixture[str],
) -> None:
    run = TASK_RUN.replace("  taskSpec:\n    steps:\n", "  taskRef: {name: t}\n").replace(
        "      - {name: build", "  x: {a: b"
    )
    put(run)
    assert main(["inspect", "-f", "a.yaml", "--fail-on", "critical"]) == 2
    said = (
        "seems to make pods (spec.podTemplate.securityContext) of containers in another object, which cannot be judged"
    )
    assert f"error: a.yaml:1: TaskRun : {said}" in capsys.readouterr().err
    put(run.replace("  podTemplate:\n    securityContext: {runAsNonRoot: true}\n", "") + "---\n" + TASK)
    assert main(["inspect", "-f", "a.yaml", "--fail-on", "critical"]) == 0


def test_a_kind_of_the_table_is_not_given_again(capsys: pytest.CaptureFixture[str]) -> None:
    put(TASK)
    assert main(["inspect", "-f", "a.yaml", "--kind", "tekton.dev/Task=spec.template"]) == 2
    assert "tekton.dev/Task is known already" in capsys.readouterr().err
