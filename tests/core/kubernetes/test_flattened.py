"""Kinds without a pod template: what pod they make, and where each of its fields stands in the object."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import pytest

from kubectl_caps.core.kubernetes.field_path import field_path
from kubectl_caps.core.kubernetes.kinds import kind_of
from kubectl_caps.core.kubernetes.pod import members
from kubectl_caps.core.kubernetes.unknown_kinds import read_whole
from kubectl_caps.core.kubernetes.workloads import MalformedWorkload, Workload
from kubectl_caps.core.podsecurity.policy import NEWEST_MINOR
from kubectl_caps.core.podsecurity.registry import evaluate

TEKTON, SPARK = "tekton.dev/v1", "sparkoperator.k8s.io/v1beta2"
STEP = {"name": "a", "image": "i"}
ROLES: dict[str, Any] = {"driver": {}, "executor": {}}
PRIVILEGED = {"securityContext": {"privileged": True}}
NODE = {"name": "v", "hostPath": {"path": "/"}}
MOUNT = {"name": "v", "mountPath": "/v"}
APPARMOR = "container.apparmor.security.beta.kubernetes.io/x"
UNCONFINED = {"annotations": {APPARMOR: "unconfined"}}


def task(**fields: Any) -> dict[str, Any]:
    return {"steps": [STEP], **fields}


def pipeline(*tasks: Mapping[str, Any], **fields: Any) -> dict[str, Any]:
    return {"tasks": [{"name": f"t{at}", **one} for at, one in enumerate(tasks)], **fields}


def read(api_version: str, kind: str, spec: Any, **metadata: Any) -> list[Workload]:
    row = kind_of(api_version, kind)
    assert row
    obj = {"apiVersion": api_version, "kind": kind, "metadata": {"name": "x", **metadata}, "spec": spec}
    found = read_whole(row, obj, {})
    raw = read_whole(row, msgspec.Raw(msgspec.json.encode(obj)), {})
    assert [(one.template, one.path) for one in raw] == [(one.template, one.path) for one in found]
    return found


def refused(workloads: list[Workload]) -> list[str]:
    """The fields, in the object, of what baseline refuses."""
    return [
        field_path(workload.at(path))
        for workload in workloads
        for violation in evaluate(workload.template, "baseline", NEWEST_MINOR)
        for path in violation.fields
    ]


OWN: dict[str, tuple[dict[str, Any], str]] = {
    "privileged": (PRIVILEGED, "securityContext.privileged"),
    "add": ({"securityContext": {"capabilities": {"add": ["SYS_ADMIN"]}}}, "securityContext.capabilities.add"),
    "seccomp": (
        {"securityContext": {"seccompProfile": {"type": "Unconfined"}}},
        "securityContext.seccompProfile.type",
    ),
    "procMount": ({"securityContext": {"procMount": "Unmasked"}}, "securityContext.procMount"),
    "apparmor": (
        {"securityContext": {"appArmorProfile": {"type": "Unconfined"}}},
        "securityContext.appArmorProfile.type",
    ),
    "selinux": ({"securityContext": {"seLinuxOptions": {"user": "u"}}}, "securityContext.seLinuxOptions.user"),
}
SIDECAR: dict[str, tuple[dict[str, Any], str]] = {
    **OWN,
    "port": ({"ports": [{"containerPort": 80, "hostPort": 80}]}, "ports[0].hostPort"),
    "probe": ({"livenessProbe": {"httpGet": {"host": "h"}}}, "livenessProbe.httpGet.host"),
    "handler": ({"lifecycle": {"preStop": {"httpGet": {"host": "h"}}}}, "lifecycle.preStop.httpGet.host"),
}
RUN_POD: dict[str, tuple[dict[str, Any], str]] = {
    "hostNetwork": ({"hostNetwork": True}, "hostNetwork"),
    "seccomp": ({"securityContext": {"seccompProfile": {"type": "Unconfined"}}}, "securityContext.seccompProfile.type"),
    "sysctl": ({"securityContext": {"sysctls": [{"name": "kernel.a"}]}}, "securityContext.sysctls[0].name"),
    "volume": ({"volumes": [NODE]}, "volumes[0].hostPath"),
}
SPARK_POD: dict[str, tuple[dict[str, Any], str]] = {
    **OWN,
    "hostNetwork": ({"hostNetwork": True}, "hostNetwork"),
    "podSeccomp": (
        {"podSecurityContext": {"seccompProfile": {"type": "Unconfined"}}},
        "podSecurityContext.seccompProfile.type",
    ),
    "handler": ({"lifecycle": {"preStop": {"httpGet": {"host": "h"}}}}, "lifecycle.preStop.httpGet.host"),
    "port": ({"ports": [{"containerPort": 80, "hostPort": 80}]}, "ports[0].hostPort"),
    "init": ({"initContainers": [{"name": "c", **PRIVILEGED}]}, "initContainers[0].securityContext.privileged"),
    "sidecar": ({"sidecars": [{"name": "c", **PRIVILEGED}]}, "sidecars[0].securityContext.privileged"),
    "template": ({"template": {"spec": {"hostPID": True}}}, "template.spec.hostPID"),
    "templateContainer": (
        {"template": {"spec": {"containers": [{"name": "c", **PRIVILEGED}]}}},
        "template.spec.containers[0].securityContext.privileged",
    ),
    "annotation": (UNCONFINED, f"annotations[{APPARMOR}]"),
}


def cases() -> list[Any]:
    """Kind, spec, and the field that baseline refuses."""
    found: list[tuple[str, str, Any, str]] = []
    holders: dict[str, tuple[str, Callable[[Any], Any]]] = {
        "Task": ("spec", lambda one: one),
        "TaskRun": ("spec.taskSpec", lambda one: {"taskSpec": one}),
        "Pipeline": ("spec.tasks[0].taskSpec", lambda one: pipeline({"taskSpec": one})),
        "PipelineRun": (
            "spec.pipelineSpec.tasks[0].taskSpec",
            lambda one: {"pipelineSpec": pipeline({"taskSpec": one})},
        ),
    }
    for kind, (at, holding) in holders.items():
        for name, (own, field) in SIDECAR.items():
            sidecar = holding(task(sidecars=[{**STEP, **own}]))
            found.append((f"{kind} sidecar {name}", kind, sidecar, f"{at}.sidecars[0].{field}"))
        for name, (own, field) in OWN.items():
            steps, default = holding({"steps": [STEP, {**STEP, **own}]}), holding(task(stepTemplate=own))
            found.append((f"{kind} step {name}", kind, steps, f"{at}.steps[1].{field}"))
            found.append((f"{kind} stepTemplate {name}", kind, default, f"{at}.stepTemplate.{field}"))
        found.append((f"{kind} volume", kind, holding(task(volumes=[NODE])), f"{at}.volumes[0].hostPath"))
    last = {"finally": [{"name": "f", "taskSpec": {"steps": [{**STEP, **PRIVILEGED}]}}]}
    at = "finally[0].taskSpec.steps[0].securityContext.privileged"
    found.append(("Pipeline finally", "Pipeline", pipeline({"taskRef": {"name": "r"}}, **last), f"spec.{at}"))
    inline = {"pipelineSpec": pipeline({"taskSpec": task()})}
    for name, (pod, field) in RUN_POD.items():
        run = {"taskSpec": task(volumes=[{"name": "w"}]), "podTemplate": pod}
        found.append((f"TaskRun pod {name}", "TaskRun", run, f"spec.podTemplate.{field}"))
        bodies: dict[str, dict[str, Any]] = {
            "taskRunTemplate.podTemplate": {"taskRunTemplate": {"podTemplate": pod}},
            "podTemplate": {"podTemplate": pod},
            "taskRunSpecs[0].podTemplate": {"taskRunSpecs": [{"pipelineTaskName": "t0", "podTemplate": pod}]},
            "taskRunSpecs[0].taskPodTemplate": {"taskRunSpecs": [{"pipelineTaskName": "t0", "taskPodTemplate": pod}]},
        }
        for key, body in bodies.items():
            found.append((f"PipelineRun {key} {name}", "PipelineRun", {**inline, **body}, f"spec.{key}.{field}"))
    for name, (own, field) in OWN.items():
        found.append((f"StepAction {name}", "StepAction", {"image": "i", **own}, f"spec.{field}"))
    for role in ROLES:
        for name, (own, field) in SPARK_POD.items():
            spec = {**ROLES, role: own}
            found.append((f"SparkApplication {role} {name}", "SparkApplication", spec, f"spec.{role}.{field}"))
            found.append(
                (
                    f"Scheduled {role} {name}",
                    "ScheduledSparkApplication",
                    {"template": spec},
                    f"spec.template.{role}.{field}",
                )
            )
    conf = {**ROLES, "sparkConf": {f"spark.kubernetes.executor.annotation.{APPARMOR}": "unconfined"}}
    key = f"spec.sparkConf[spark.kubernetes.executor.annotation.{APPARMOR}]"
    found.append(("an annotation of Spark's configuration", "SparkApplication", conf, key))
    return [pytest.param(*row[1:], id=row[0]) for row in found]


def version(kind: str) -> str:
    return SPARK if "Spark" in kind else TEKTON


@pytest.mark.parametrize(("kind", "spec", "field"), cases())
def test_each_field_is_judged_and_named_where_it_stands(kind: str, spec: Any, field: str) -> None:
    assert refused(read(version(kind), kind, spec)) == [field]


@pytest.mark.parametrize("kind", ["Task", "TaskRun", "Pipeline", "PipelineRun"])
def test_annotations_of_tekton_reach_the_pod(kind: str) -> None:
    """pkg/pod/pod.go: the pod has the annotations of its TaskRun, which has those of what it is made from."""
    specs = {
        "Task": task(),
        "TaskRun": {"taskSpec": task()},
        "Pipeline": pipeline({"taskSpec": task()}),
        "PipelineRun": {"pipelineSpec": pipeline({"taskSpec": task()})},
    }
    assert refused(read(TEKTON, kind, specs[kind], **UNCONFINED)) == [f"metadata.annotations[{APPARMOR}]"]


def test_annotations_of_a_task_in_a_pipeline_reach_its_pod() -> None:
    spec = pipeline({"taskSpec": task(metadata=UNCONFINED)}, {"taskSpec": task()})
    assert refused(read(TEKTON, "Pipeline", spec)) == [f"spec.tasks[0].taskSpec.metadata.annotations[{APPARMOR}]"]


def test_containers_are_called_as_tekton_calls_them() -> None:
    steps = [STEP, {"image": "i"}, {"name": "n" * 70, "image": "i"}]
    (found,) = read(TEKTON, "Task", {"steps": steps, "sidecars": [{"name": "s", "image": "i"}]})
    names = [member.container.name for member in members(found.template.spec)]
    assert names == ["step-a", "step-unnamed-1", f"step-{'n' * 58}", "sidecar-s"]


MERGED: list[tuple[str, dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    ("the default", {"image": "d"}, {"name": "s"}, {"image": "d"}),
    ("the step's own", {"image": "d"}, {"image": "s"}, {"image": "s"}),
    (
        "both lists of capabilities",
        {"securityContext": {"capabilities": {"add": ["A"], "drop": ["X"]}}},
        {"securityContext": {"capabilities": {"drop": ["ALL"]}}},
        {"securityContext": {"capabilities": {"add": ["A"], "drop": ["ALL"]}}},
    ),
    (
        "an empty list takes nothing away",
        {"securityContext": {"capabilities": {"add": ["A"]}}},
        {"securityContext": {"capabilities": {"add": []}}},
        {"securityContext": {"capabilities": {"add": ["A"]}}},
    ),
    (
        "a false is no absence",
        {"securityContext": {"privileged": True}},
        {"securityContext": {"privileged": False}},
        {"securityContext": {"privileged": False}},
    ),
    (
        "mounts by their path",
        {"volumeMounts": [{"name": "d", "mountPath": "/a", "readOnly": True}, {"name": "d", "mountPath": "/b"}]},
        {"volumeMounts": [{"name": "s", "mountPath": "/a"}]},
        {"volumeMounts": [{"name": "s", "mountPath": "/a", "readOnly": True}, {"name": "d", "mountPath": "/b"}]},
    ),
]


@pytest.mark.parametrize(("default", "own", "result"), [row[1:] for row in MERGED], ids=[row[0] for row in MERGED])
def test_a_step_is_merged_over_the_step_template(default: Any, own: Any, result: Any) -> None:
    (found,) = read(TEKTON, "Task", {"stepTemplate": default, "steps": [own]})
    (member,) = members(found.template.spec)
    merged = {key: value for key, value in msgspec.to_builtins(member.container).items() if value is not None}
    wanted = msgspec.to_builtins(msgspec.convert(result, type(member.container)))
    assert merged == {**{key: value for key, value in wanted.items() if value is not None}, "name": merged["name"]}


def test_a_field_of_a_merged_step_has_its_path_in_step_or_template() -> None:
    default = {"securityContext": {"capabilities": {"add": ["SYS_ADMIN"]}, "procMount": "Unmasked"}}
    step = {**STEP, "securityContext": {"procMount": "Default"}}
    found = read(TEKTON, "Task", {"stepTemplate": default, "steps": [step]})
    assert refused(found) == ["spec.stepTemplate.securityContext.capabilities.add"]
    at = found[0].at(("spec", "containers", 0, "securityContext", "procMount"))
    assert field_path(at) == "spec.steps[0].securityContext.procMount"


def test_the_pod_template_of_a_task_goes_before_the_one_for_all_tasks() -> None:
    spec = {
        "pipelineSpec": pipeline({"taskSpec": task()}, {"taskSpec": task()}),
        "taskRunTemplate": {"podTemplate": {"securityContext": {"runAsNonRoot": True}, "hostNetwork": True}},
        "taskRunSpecs": [
            {"pipelineTaskName": "t1", "podTemplate": {"securityContext": {"runAsUser": 5}, "hostNetwork": False}}
        ],
    }
    first, second = (one.template.spec for one in read(TEKTON, "PipelineRun", spec))
    assert (first.security.run_as_non_root, first.security.run_as_user) == (True, None)
    assert (second.security.run_as_non_root, second.security.run_as_user) == (None, 5)
    assert (first.host_network, second.host_network) == (True, True)


def test_a_field_without_a_place_in_a_task_is_shown_at_its_spec() -> None:
    (found,) = read(TEKTON, "Task", task())
    assert (found.place(("spec", "securityContext")), found.at(("spec", "securityContext"))) == (None, ("spec",))


NOTHING: list[tuple[str, str, dict[str, Any]]] = [
    ("a TaskRun of a Task", "TaskRun", {"taskRef": {"name": "t"}, "podTemplate": {"nodeSelector": {"a": "b"}}}),
    ("a PipelineRun of a Pipeline", "PipelineRun", {"pipelineRef": {"name": "p"}}),
    ("a Pipeline of Tasks", "Pipeline", pipeline({"taskRef": {"name": "t"}})),
    ("a custom task", "Pipeline", pipeline({"taskSpec": {"apiVersion": "a.io/v1", "kind": "K", "spec": {"b": 1}}})),
]


@pytest.mark.parametrize(("kind", "spec"), [row[1:] for row in NOTHING], ids=[row[0] for row in NOTHING])
def test_an_object_with_its_steps_in_another_object_makes_no_pods_itself(kind: str, spec: Any) -> None:
    assert read(TEKTON, kind, spec) == []


REF = {"taskRef": {"name": "t"}}
VARIABLE = "$(params.a)"
ADD = "spec.steps[0].securityContext.capabilities.add[0]"
ELSEWHERE = "of containers in another object, which cannot be judged"
UNJUDGED: list[tuple[str, str, dict[str, Any], str]] = [
    ("no steps", "Task", {}, "spec.steps: Required value"),
    ("no task", "TaskRun", {}, "spec.taskSpec.steps: Required value"),
    ("no tasks", "Pipeline", {}, "spec.tasks: Required value"),
    ("no pipeline", "PipelineRun", {}, "spec.pipelineSpec.tasks: Required value"),
    ("steps that are no list", "Task", {"steps": {}}, "spec.steps: expected array, got object"),
    ("a step that is none", "Task", {"steps": ["a"]}, "spec.steps[0]: expected object, got str"),
    ("a step that is null", "Task", {"steps": [None]}, "spec.steps[0]: expected object, got null"),
    (
        "a volume's name that is none",
        "Task",
        task(volumes=[{"name": ["a"]}]),
        "spec.volumes[0].name: expected str, got array",
    ),
    (
        "an empty text over the defaults' object",
        "Task",
        {
            "steps": [{**STEP, "securityContext": {"capabilities": ""}}],
            "stepTemplate": {"securityContext": {"capabilities": {"add": ["CHOWN"]}}},
        },
        "spec.steps[0].securityContext.capabilities: expected object | null, got str",
    ),
    ("a name that is none", "Task", {"steps": [{"name": 1}]}, "spec.steps[0].name: expected str, got int"),
    (
        "a step of another object",
        "Task",
        {"steps": [STEP, {"name": "b", "ref": {"name": "r"}}]},
        "spec.steps[1].ref: the step is in another object, so it cannot be judged",
    ),
    (
        "a variable instead of a flag",
        "Task",
        {"steps": [{**STEP, "securityContext": {"privileged": VARIABLE}}]},
        "spec.steps[0].securityContext.privileged: $(params.a) is only known in the run, so it cannot be judged",
    ),
    (
        "a variable instead of a flag in the defaults",
        "Task",
        task(stepTemplate={"securityContext": {"privileged": VARIABLE}}),
        "spec.stepTemplate.securityContext.privileged: $(params.a) is only known in the run, so it cannot be judged",
    ),
    (
        "a variable instead of a flag of the pod",
        "TaskRun",
        {"taskSpec": task(), "podTemplate": {"hostNetwork": VARIABLE}},
        "spec.podTemplate.hostNetwork: expected bool | null, got str",
    ),
    (
        "a variable as a capability",
        "Task",
        {"steps": [{**STEP, "securityContext": {"capabilities": {"add": [VARIABLE]}}}]},
        f"{ADD}: $(params.a) is only known in the run, so it cannot be judged",
    ),
    (
        "the pod of a Task elsewhere",
        "TaskRun",
        {**REF, "podTemplate": {"securityContext": {"runAsUser": 0}}},
        f"seems to make pods (spec.podTemplate.securityContext) {ELSEWHERE}",
    ),
    (
        "the pods of a Pipeline elsewhere",
        "PipelineRun",
        {"pipelineRef": {"name": "p"}, "taskRunTemplate": {"podTemplate": {"hostNetwork": True}}},
        f"seems to make pods (spec.taskRunTemplate.podTemplate.hostNetwork) {ELSEWHERE}",
    ),
    (
        "the pod of one Task elsewhere, beside steps",
        "PipelineRun",
        {
            "pipelineSpec": pipeline({"taskSpec": task()}, REF),
            "taskRunTemplate": {"podTemplate": {"hostNetwork": True}},
        },
        "seems to make other pods, too (spec.taskRunTemplate.podTemplate.hostNetwork), which cannot be judged",
    ),
    (
        "the own pod of a Task elsewhere",
        "PipelineRun",
        {
            "pipelineSpec": pipeline({"taskSpec": task()}, REF),
            "taskRunSpecs": [{"pipelineTaskName": "t1", "podTemplate": {"hostNetwork": True}}],
        },
        "seems to make other pods, too (spec.taskRunSpecs[0].podTemplate.hostNetwork), which cannot be judged",
    ),
    (
        "a field that Tekton does not have",
        "TaskRun",
        {"taskSpec": task(), "podTemplate": {"hostUsers": False}},
        "seems to make other pods, too (spec.podTemplate.hostUsers), which cannot be judged",
    ),
    (
        "a pipeline in a pipeline",
        "Pipeline",
        pipeline({"pipelineSpec": pipeline({"taskSpec": task()})}),
        f"seems to make pods (spec.tasks[0].pipelineSpec.tasks[0].taskSpec.steps) {ELSEWHERE}",
    ),
    ("no driver", "SparkApplication", {"executor": {}}, "spec.driver: Required value"),
    ("no executor", "SparkApplication", {"driver": {}}, "spec.executor: Required value"),
    ("no template", "ScheduledSparkApplication", {}, "spec.template.driver: Required value"),
    (
        "a wrong type",
        "SparkApplication",
        {**ROLES, "driver": {"hostNetwork": "yes"}},
        "spec.driver.hostNetwork: expected bool | null, got str",
    ),
    *(
        (f"a wrong type beside what is added: {words}", "SparkApplication", {**ROLES, **spec}, words)
        for spec, words in (
            ({"volumes": [{"name": ["a"]}]}, "spec.volumes[0].name: expected str, got array"),
            (
                {"driver": {"volumeMounts": [{"name": ["a"]}]}, "volumes": [{"name": "a"}]},
                "spec.driver.volumeMounts[0].name: expected str, got array",
            ),
            (
                {"driver": {"template": {"metadata": {"annotations": "x"}}, "annotations": {"a": "b"}}},
                "spec.driver.template.metadata.annotations: expected object, got str",
            ),
            (
                {"driver": {"template": {"spec": {"volumes": "x"}}}, "volumes": [{"name": "a"}]},
                "spec.driver.template.spec.volumes: expected array, got str",
            ),
            (
                {"driver": {"template": {"spec": {"containers": [None]}}}},
                "spec.driver.template.spec.containers[0]: expected object, got null",
            ),
        )
    ),
    (
        "a field that Spark does not have",
        "SparkApplication",
        {**ROLES, "driver": {"hostPID": True}},
        "seems to make other pods, too (spec.driver.hostPID), which cannot be judged",
    ),
    *(
        (
            key,
            "SparkApplication",
            {**ROLES, "sparkConf": {f"spark.kubernetes.{key}": "x"}},
            f"spec.sparkConf[spark.kubernetes.{key}]: changes its pods in a way that cannot be judged",
        )
        for key in (
            "driver.podTemplateFile",
            "executor.podTemplateFile",
            "driver.volumes.hostPath.v.mount.path",
            "executor.pod.featureSteps",
            "driver.securityContext.privileged",
        )
    ),
]


@pytest.mark.parametrize(("kind", "spec", "words"), [row[1:] for row in UNJUDGED], ids=[row[0] for row in UNJUDGED])
def test_a_field_that_cannot_be_judged_is_named(kind: str, spec: Any, words: str) -> None:
    with pytest.raises(MalformedWorkload) as error:
        read(version(kind), kind, spec)
    assert str(error.value) == words


CONF = {
    "spark.executor.memory": "1g",
    "spark.kubernetes.container.image.pullPolicy": "Always",
    "spark.kubernetes.driver.label.a": "b",
    "spark.kubernetes.driver.volumes.persistentVolumeClaim.v.mount.path": "/v",
}


def test_spark_configuration_that_changes_no_judged_field_is_ignored() -> None:
    assert refused(read(SPARK, "SparkApplication", {**ROLES, "sparkConf": CONF})) == []


MOUNTED: list[tuple[str, dict[str, Any], list[str]]] = [
    ("by the driver", {"driver": {"volumeMounts": [MOUNT]}}, ["driver"]),
    (
        "by a sidecar of the executor",
        {"executor": {"sidecars": [{"name": "c", "volumeMounts": [MOUNT]}]}},
        ["executor"],
    ),
    ("by nobody", {}, ["driver", "executor"]),
]


@pytest.mark.parametrize(("roles", "who"), [row[1:] for row in MOUNTED], ids=[row[0] for row in MOUNTED])
def test_a_volume_of_spark_is_in_the_pods_that_mount_it(roles: dict[str, Any], who: list[str]) -> None:
    found = read(SPARK, "SparkApplication", {**ROLES, **roles, "volumes": [NODE]})
    assert [one.path[-1] for one in found if refused([one]) == ["spec.volumes[0].hostPath"]] == who


def test_fields_of_a_spark_role_go_before_its_template() -> None:
    """internal/webhook/sparkpod_defaulter.go replaces both security contexts as a whole."""
    template = {
        "spec": {
            "securityContext": {"runAsUser": 1},
            "containers": [
                {"name": "other", "image": "o"},
                {"name": "spark-kubernetes-driver", "image": "t", "securityContext": {"runAsUser": 2}},
            ],
        }
    }
    own = {"podSecurityContext": {"runAsNonRoot": True}, "securityContext": {"procMount": "Default"}}
    driver, _ = read(SPARK, "SparkApplication", {"image": "s", "driver": {"template": template, **own}, "executor": {}})
    pod, spark = driver.template.spec, driver.template.spec.containers[1]  # type: ignore[index]
    assert (pod.security.run_as_user, pod.security.run_as_non_root) == (None, True)
    assert (spark.image, spark.security.run_as_user, spark.security.proc_mount) == ("s", None, "Default")


def test_only_tekton_adds_containers_that_the_object_does_not_show() -> None:
    assert {one.unseen != "" for one in read(TEKTON, "Task", task())} == {True}
    assert {one.unseen for one in read(SPARK, "SparkApplication", ROLES)} == {""}
