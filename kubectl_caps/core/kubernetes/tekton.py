"""Tekton's kinds, converted to the pods that Tekton makes from them.

Sources: tektoncd/pipeline, pkg/apis/pipeline/v1 (container_types.go, task_types.go, taskrun_types.go,
pipeline_types.go, pipelinerun_types.go), v1beta1/stepaction_types.go, pkg/apis/pipeline/pod/template.go, and
pkg/pod/pod.go, which makes the pod.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kubectl_caps.core.kubernetes.container_overlay import overlaid
from kubectl_caps.core.kubernetes.field_path import Path, field_path
from kubectl_caps.core.kubernetes.flattened import (
    Draft,
    Flattened,
    NotConvertible,
    mapping_at,
    mappings_at,
    required_value,
    text_at,
)
from kubectl_caps.core.kubernetes.managed_fields import LAST_APPLIED
from kubectl_caps.core.kubernetes.patch import lookup

UNSEEN = (
    "Tekton adds containers of its own to the pod, which satisfy restricted only where its feature flag "
    "set-security-context is true"
)
"""Why *restricted* cannot be judged. The flag is false by default (pkg/apis/config/feature_flags.go,
DefaultSetSecurityContext); place-scripts, prepare and working-dir-initializer then have no securityContext at all."""

_CONTAINER = frozenset(
    (
        "args", "command", "env", "envFrom", "image", "imagePullPolicy", "lifecycle", "livenessProbe", "ports",
        "readinessProbe", "securityContext", "startupProbe", "stdin", "stdinOnce", "terminationMessagePath",
        "terminationMessagePolicy", "tty", "volumeDevices", "volumeMounts", "workingDir",
    )
)  # fmt: skip
"""The fields of a step or sidecar that become fields of its container (container_types.go, ToK8sContainer)."""

_OF_POD = ("securityContext", "hostNetwork", "runtimeClassName")
"""The fields of a podTemplate that are judged, beside its volumes (pod/template.go, Template)."""

_LONGEST = 63
_ANNOTATIONS: Path = ("metadata", "annotations")


def in_task(spec: Path) -> tuple[Path, ...]:
    """The fields of a task that become containers."""
    return tuple((*spec, key, "*") for key in ("steps", "sidecars"))


def in_pipeline(spec: Path) -> tuple[Path, ...]:
    """The fields of a pipeline that become containers."""
    return tuple(path for part in ("tasks", "finally") for path in in_task((*spec, part, "*", "taskSpec")))


def task(obj: Mapping[str, Any]) -> Iterator[Flattened]:
    """A Task: the pod of a TaskRun that has no podTemplate. Raises NotConvertible."""
    yield _pod(obj, ("spec",), (), (_ANNOTATIONS,))


def task_run(obj: Mapping[str, Any]) -> Iterator[Flattened]:
    """A TaskRun with an inline task. A TaskRun that refers to a Task gives none. Raises NotConvertible."""
    if mapping_at(obj, ("spec", "taskRef")):
        return
    yield _pod(obj, ("spec", "taskSpec"), (("spec", "podTemplate"),), (_ANNOTATIONS,))


def pipeline(obj: Mapping[str, Any]) -> Iterator[Flattened]:
    """The inline tasks of a Pipeline. Raises NotConvertible."""
    yield from _tasks(obj, ("spec",), {}, ())


def pipeline_run(obj: Mapping[str, Any]) -> Iterator[Flattened]:
    """The inline tasks of a PipelineRun. A PipelineRun that refers to a Pipeline gives none. Raises NotConvertible.

    A task's own podTemplate takes precedence over the podTemplate for all tasks (pipelinerun_types.go, GetTaskRunSpec).
    In v1beta1 the two are `taskPodTemplate` and `spec.podTemplate`.
    """
    if mapping_at(obj, ("spec", "pipelineRef")):
        return
    specs = mappings_at(obj, ("spec", "taskRunSpecs"))
    own: dict[str, Path] = {text_at(obj, (*path, "pipelineTaskName")): path for path, _ in specs}
    for_all: list[Path] = [("spec", "taskRunTemplate", "podTemplate"), ("spec", "podTemplate")]
    yield from _tasks(obj, ("spec", "pipelineSpec"), own, for_all)


def step_action(obj: Mapping[str, Any]) -> Iterator[Flattened]:
    """A StepAction: a step that Tasks refer to. Raises NotConvertible."""
    spec = mapping_at(obj, ("spec",))
    if not spec:
        raise required_value(("spec",))
    draft = Draft(("spec",))
    _add(draft, spec, ("spec",), f"step-{text_at(obj, ('metadata', 'name'))}")
    draft.judged.append(("spec", "securityContext"))
    _no_variables(draft)
    yield draft.done()


def _tasks(
    obj: Mapping[str, Any], pipeline: Path, own: Mapping[str, Path], for_all: Sequence[Path]
) -> Iterator[Flattened]:
    """The pods of the inline tasks of a pipeline.

    A podTemplate for all tasks counts as judged only if all tasks are inline.
    """
    found = [item for part in ("tasks", "finally") for item in mappings_at(obj, (*pipeline, part))]
    if not found:
        raise required_value((*pipeline, "tasks"))
    shared = tuple(for_all) if all(_is_inline(obj, path) for path, _ in found) else ()
    for path, _ in found:
        if not _is_inline(obj, path):
            continue
        special = own.get(text_at(obj, (*path, "name")))
        pods = [(*special, key) for key in ("podTemplate", "taskPodTemplate")] if special else []
        annotations: list[Path] = [_ANNOTATIONS, (*path, "taskSpec", *_ANNOTATIONS)]
        annotations += [(*special, *_ANNOTATIONS)] if special else []
        yield _pod(obj, (*path, "taskSpec"), (*pods, *for_all), annotations, (*pods, *shared))


def _is_inline(obj: Mapping[str, Any], path: Path) -> bool:
    """Whether a task of a pipeline is inline. A custom task has no steps (pipeline_types.go, EmbeddedTask)."""
    task = mapping_at(obj, (*path, "taskSpec"))
    return bool(task) and not (task.get("apiVersion") or task.get("kind"))


def _pod(
    obj: Mapping[str, Any],
    spec: Path,
    pods: Sequence[Path],
    annotations: Sequence[Path],
    judged: Sequence[Path] | None = None,
) -> Flattened:
    """The pod of one task. `pods` are its podTemplates by precedence; the `judged` podTemplates count as judged.

    The containers have Tekton's names: `step-NAME`, `step-unnamed-INDEX` and `sidecar-NAME`.
    """
    draft = Draft(spec)
    steps = list(mappings_at(obj, (*spec, "steps")))
    if not steps:
        raise required_value((*spec, "steps"))
    default = mapping_at(obj, (*spec, "stepTemplate"))
    for index, (path, step) in enumerate(steps):
        if step.get("ref") is not None:
            raise NotConvertible(f"{field_path((*path, 'ref'))}: the step is in another object, so it cannot be judged")
        name = text_at(obj, (*path, "name"))
        _add(draft, step, path, f"step-{name}" if name else f"step-unnamed-{index}", default, (*spec, "stepTemplate"))
    for path, sidecar in mappings_at(obj, (*spec, "sidecars")):
        _add(draft, sidecar, path, f"sidecar-{text_at(obj, (*path, 'name'))}")
    _pod_fields(draft, obj, pods)
    _volumes(draft, obj, [spec, *pods])
    for origin in annotations:
        for key, value in mapping_at(obj, origin).items():
            if key != LAST_APPLIED:
                draft.put((*_ANNOTATIONS, key), value, (*origin, key))
    draft.judged += [(*spec, key) for key in ("steps", "sidecars", "stepTemplate", "volumes")]
    for pod in pods if judged is None else judged:
        draft.judged += [(*pod, key) for key in (*_OF_POD, "volumes")]
    _no_variables(draft)
    return draft.done()


def _add(
    draft: Draft,
    own: Mapping[str, Any],
    path: Path,
    name: str,
    default: Mapping[str, Any] | None = None,
    origin: Path = (),
) -> None:
    """Add a container to the draft, with the defaults of the stepTemplate at `origin`."""
    result = overlaid(_fields(own), _fields(default or {}))
    at = draft.append(("spec", "containers"), {"name": name[:_LONGEST], **result.value}, path)
    for field, there in result.taken.items():
        merged_at: Path = (*at, *field)
        draft.places[merged_at] = (*origin, *there)


def _fields(container: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in container.items() if key in _CONTAINER}


def _pod_fields(draft: Draft, obj: Mapping[str, Any], pods: Sequence[Path]) -> None:
    """Put each field in, from the first podTemplate that has it (template.go, MergePodTemplateWithDefault)."""
    for key in _OF_POD:
        found = [pod for pod in pods if mapping_at(obj, pod).get(key) not in (None, False)]
        for pod in [*found, *pods][:1]:
            draft.put(("spec", key), lookup(obj, (*pod, key)), (*pod, key))


def _volumes(draft: Draft, obj: Mapping[str, Any], holders: Sequence[Path]) -> None:
    """Add the task's volumes, then the podTemplates' volumes. Of volumes with the same name the first counts."""
    known: set[str] = set()
    for holder in holders:
        listed = mappings_at(obj, (*holder, "volumes"))
        found = [(text_at(obj, (*path, "name")), path, volume) for path, volume in listed]
        for name, path, volume in found:
            if name not in known or holder == holders[0]:
                draft.append(("spec", "volumes"), volume, path)
        known |= {name for name, _, _ in found}


def _no_variables(draft: Draft) -> None:
    """Raises NotConvertible for a variable of Tekton in a security context. Its value is known only in a run."""
    spec = draft.template["spec"]
    for index, container in enumerate(spec["containers"]):
        _no_variable(draft, ("spec", "containers", index, "securityContext"), container.get("securityContext"))
    _no_variable(draft, ("spec", "securityContext"), spec.get("securityContext"))


def _no_variable(draft: Draft, path: Path, value: Any) -> None:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            _no_variable(draft, (*path, key), inner)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            _no_variable(draft, (*path, index), inner)
    elif isinstance(value, str) and "$(" in value:
        where = field_path(draft.where(path))
        raise NotConvertible(f"{where}: {value} is only known in the run, so it cannot be judged")
