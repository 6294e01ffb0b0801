"""The table of kinds that run pods: the path of each kind's pod template, and the effect of a change of the template.

Only this table knows a kind's shape. A new kind, a custom resource included, is a new row.
"""

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

from kubectl_caps.core.kubernetes import spark, tekton
from kubectl_caps.core.kubernetes.field_path import Path
from kubectl_caps.core.kubernetes.flattened import Converter

TemplateEffect = Literal["rollout", "new pods", "next run", "never"]
"""The effect of a change of the template: the pods are replaced, only later pods have it, or the API refuses it."""


class Kind(Struct, frozen=True):
    """A row. `template` is the path of the pod template: `*` is every item of a list, `()` means the pod itself.

    A kind without a pod template has `convert`, which makes pod templates from its other fields. `template` is then the
    path of most of these fields, and `containers` are the fields that become containers. `unseen` says why the object
    does not show whether its pods satisfy *restricted*.
    """

    group: str
    version: str
    kind: str
    plural: str
    template: Path
    effect: TemplateEffect
    short_names: tuple[str, ...] = ()
    convert: Converter | None = None
    containers: tuple[Path, ...] = ()
    unseen: str = ""

    @property
    def api_version(self) -> str:
        """`apps/v1`, or `v1` for the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def builtin(self) -> bool:
        """Whether every cluster serves the kind."""
        return self.group in ("", "apps", "batch")


_SPEC: Path = ("spec", "template")

KINDS: tuple[Kind, ...] = (
    Kind("", "v1", "Pod", "pods", (), "never", ("po",)),
    Kind("apps", "v1", "Deployment", "deployments", _SPEC, "rollout", ("deploy",)),
    Kind("apps", "v1", "StatefulSet", "statefulsets", _SPEC, "rollout", ("sts",)),
    Kind("apps", "v1", "DaemonSet", "daemonsets", _SPEC, "rollout", ("ds",)),
    Kind("apps", "v1", "ReplicaSet", "replicasets", _SPEC, "new pods", ("rs",)),
    Kind("", "v1", "ReplicationController", "replicationcontrollers", _SPEC, "new pods", ("rc",)),
    Kind("batch", "v1", "Job", "jobs", _SPEC, "never"),
    Kind("batch", "v1", "CronJob", "cronjobs", ("spec", "jobTemplate", "spec", "template"), "next run", ("cj",)),
    # `inspect` without TYPE does not list these kinds, but their templates make pods, so they are judged when read.
    Kind("", "v1", "PodTemplate", "podtemplates", ("template",), "new pods"),
    Kind("argoproj.io", "v1alpha1", "Rollout", "rollouts", _SPEC, "new pods", ("ro",)),
    Kind("apps.kruise.io", "v1alpha1", "CloneSet", "clonesets", _SPEC, "new pods", ("clone",)),
    Kind("apps.kruise.io", "v1beta1", "StatefulSet", "statefulsets", _SPEC, "new pods", ("asts",)),
    Kind("apps.kruise.io", "v1alpha1", "DaemonSet", "daemonsets", _SPEC, "new pods", ("ads",)),
    Kind("apps.openshift.io", "v1", "DeploymentConfig", "deploymentconfigs", _SPEC, "new pods", ("dc",)),
    Kind("keda.sh", "v1alpha1", "ScaledJob", "scaledjobs", ("spec", "jobTargetRef", "template"), "new pods", ("sj",)),
    Kind("serving.knative.dev", "v1", "Service", "services", _SPEC, "new pods", ("kservice", "ksvc")),
    Kind(
        "jobset.x-k8s.io", "v1alpha2", "JobSet", "jobsets",
        ("spec", "replicatedJobs", "*", "template", "spec", "template"), "never",
    ),
    Kind(
        "tekton.dev", "v1", "Task", "tasks", ("spec",), "next run", (),
        tekton.task, tekton.in_task(("spec",)), tekton.UNSEEN,
    ),
    Kind(
        "tekton.dev", "v1", "TaskRun", "taskruns", ("spec", "taskSpec"), "never", ("tr", "trs"),
        tekton.task_run, tekton.in_task(("spec", "taskSpec")), tekton.UNSEEN,
    ),
    Kind(
        "tekton.dev", "v1", "Pipeline", "pipelines", ("spec",), "next run", (),
        tekton.pipeline, tekton.in_pipeline(("spec",)), tekton.UNSEEN,
    ),
    Kind(
        "tekton.dev", "v1", "PipelineRun", "pipelineruns", ("spec", "pipelineSpec"), "never", ("pr", "prs"),
        tekton.pipeline_run, tekton.in_pipeline(("spec", "pipelineSpec")), tekton.UNSEEN,
    ),
    Kind(
        "tekton.dev", "v1beta1", "StepAction", "stepactions", ("spec",), "next run", (),
        tekton.step_action, (("spec",),), tekton.UNSEEN,
    ),
    Kind(
        "sparkoperator.k8s.io", "v1beta2", "SparkApplication", "sparkapplications", ("spec",), "new pods",
        ("sparkapp",), spark.application, spark.in_roles(("spec",)),
    ),
    Kind(
        "sparkoperator.k8s.io", "v1beta2", "ScheduledSparkApplication", "scheduledsparkapplications",
        ("spec", "template"), "next run", ("scheduledsparkapp",), spark.scheduled, spark.in_roles(("spec", "template")),
    ),
)  # fmt: skip

WORKLOADS: tuple[Kind, ...] = KINDS[:8]
"""The eight kinds that `inspect` lists without a TYPE."""

_given: list[Kind] = []


def set_added_kinds(rows: Sequence[Kind]) -> None:
    """Set the rows that the command line adds to the table for this run. They replace the rows of an earlier run."""
    _given[:] = rows


def added_kinds() -> tuple[Kind, ...]:
    """The rows that the command line adds."""
    return tuple(_given)


def all_kinds() -> tuple[Kind, ...]:
    """The table of kinds with the rows that the command line adds."""
    return (*KINDS, *_given)


# Former groups of built-in kinds, which manifests still name.
_FORMER_GROUPS = {"extensions": "apps"}
_BY_NAME = {(row.group, row.kind): row for row in KINDS}


def kind_of(api_version: str, kind: str) -> Kind | None:
    """The row for an object of this group and kind, in any version; None if the kind has no row."""
    group = api_version.partition("/")[0] if "/" in api_version else ""
    group = _FORMER_GROUPS.get(group, group)
    found = _BY_NAME.get((group, kind))
    return found or next((row for row in _given if (row.group, row.kind) == (group, kind)), None)
