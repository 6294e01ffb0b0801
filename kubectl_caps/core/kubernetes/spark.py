"""The Spark operator's kinds, converted to the pods of the driver and the executors.

Sources: kubeflow/spark-operator, api/v1beta2/sparkapplication_types.go (SparkPodSpec), and
internal/webhook/sparkpod_defaulter.go, which puts the fields into the pods; the pod template is Spark's own
(spark.apache.org/docs/latest/running-on-kubernetes.html, Pod Template).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

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
from kubectl_caps.core.kubernetes.patch import ABSENT, lookup

_NAMES: Mapping[str, tuple[str, ...]] = {
    "driver": ("spark-kubernetes-driver",),
    "executor": ("spark-kubernetes-executor", "executor"),
}
"""The name of Spark's own container in each pod (pkg/common/spark.go). Spark 2 has `executor`."""

_TO_POD: Mapping[str, Path] = {
    "podSecurityContext": ("spec", "securityContext"),
    "hostNetwork": ("spec", "hostNetwork"),
    "shareProcessNamespace": ("spec", "shareProcessNamespace"),
    "runtimeClassName": ("spec", "runtimeClassName"),
}
_TO_CONTAINER = ("image", "lifecycle", "securityContext")
_LISTS: Mapping[str, str] = {"ports": "ports", "volumeMounts": "volumeMounts"}
_CONTAINERS: Mapping[str, str] = {"initContainers": "initContainers", "sidecars": "containers"}

_CONF = "spark.kubernetes."
_ANNOTATION = "annotation."
_HARMLESS: tuple[str, ...] = (
    "allocation.", "appKillPodDeletionGracePeriod", "authenticate.", "configMap.", "container.image", "context",
    "driver.annotation.", "driver.connectionTimeout", "driver.container.image", "driver.label.", "driver.limit.cores",
    "driver.master", "driver.node.selector.", "driver.ownPersistentVolumeClaim", "driver.pod.name",
    "driver.request.cores", "driver.requestTimeout", "driver.resource.", "driver.reusePersistentVolumeClaim",
    "driver.scheduler.name", "driver.secretKeyRef.", "driver.secrets.", "driver.service.",
    "driver.volumes.emptyDir.", "driver.volumes.persistentVolumeClaim.", "driver.waitToReusePersistentVolumeClaim",
    "driverEnv.", "dynamicAllocation.", "executor.annotation.", "executor.apiPollingInterval",
    "executor.checkAllContainers", "executor.container.image", "executor.decommissionLabel",
    "executor.deleteOnTermination", "executor.disableConfigMap", "executor.enablePollingWithResourceVersion",
    "executor.eventProcessingInterval", "executor.label.", "executor.limit.cores", "executor.lostCheck",
    "executor.missingPodDetectDelta", "executor.node.selector.", "executor.podNamePrefix", "executor.request.cores",
    "executor.resource.", "executor.rollInterval", "executor.scheduler.name", "executor.secretKeyRef.",
    "executor.secrets.", "executor.useDriverPodIP", "executor.volumes.emptyDir.",
    "executor.volumes.persistentVolumeClaim.", "file.upload.path", "hadoop.configMapName", "jars.", "kerberos.",
    "local.dirs.tmpfs", "memoryOverheadFactor", "namespace", "node.selector.", "pyspark.pythonVersion",
    "report.interval", "resource.type", "scheduler.name", "submission.", "trust.certificates",
)  # fmt: skip
"""Prefixes, after `spark.kubernetes.`, of keys of sparkConf that change no judged field, or only annotations, which are
read here. podTemplateFile, hostPath volumes and pod.featureSteps do change judged fields, so they are not listed."""


def in_roles(spec: Path) -> tuple[Path, ...]:
    """The fields of an application that become containers."""
    within = ("initContainers", "containers")
    lists: list[Path] = [(key, "*") for key in _CONTAINERS] + [("template", "spec", key, "*") for key in within]
    return tuple((*spec, role, *below) for role in _NAMES for below in ((), *lists))


def application(obj: Mapping[str, Any]) -> Iterator[Flattened]:
    """A SparkApplication: its driver, then its executors. Raises NotConvertible."""
    yield from _pods(obj, ("spec",))


def scheduled(obj: Mapping[str, Any]) -> Iterator[Flattened]:
    """A ScheduledSparkApplication: the driver and executors of its applications. Raises NotConvertible."""
    yield from _pods(obj, ("spec", "template"))


def _pods(obj: Mapping[str, Any], spec: Path) -> Iterator[Flattened]:
    for key in mapping_at(obj, (*spec, "sparkConf")):
        if key.startswith(_CONF) and not key.removeprefix(_CONF).startswith(_HARMLESS):
            where = field_path((*spec, "sparkConf", key))
            raise NotConvertible(f"{where}: changes its pods in a way that cannot be judged")
    for role in _NAMES:
        if lookup(obj, (*spec, role)) in (ABSENT, None):
            raise required_value((*spec, role))
        yield _pod(obj, spec, role)


def _pod(obj: Mapping[str, Any], spec: Path, role: str) -> Flattened:
    path = (*spec, role)
    own = mapping_at(obj, path)
    draft = Draft(path, mapping_at(obj, (*path, "template")))
    for key in ("metadata", "spec"):
        mapping_at(obj, (*path, "template", key))
        draft.places[(key,)] = (*path, "template", key)
    at = _container(draft, obj, path, role)
    for key, field in _TO_POD.items():
        if own.get(key) not in (None, False) or lookup(draft.template, field) is ABSENT:
            draft.put(field, lookup(obj, (*path, key)), (*path, key))
    for key in _TO_CONTAINER:
        if own.get(key) is not None or lookup(draft.template, (*at, key)) is ABSENT:
            draft.put((*at, key), lookup(obj, (*path, key)), (*path, key))
    if own.get("image") is None:
        draft.put((*at, "image"), lookup(obj, (*spec, "image")), (*spec, "image"))
    for key, name in _LISTS.items():
        for origin, item in mappings_at(obj, (*path, key)):
            draft.append((*at, name), item, origin)
    for key, name in _CONTAINERS.items():
        for origin, container in mappings_at(obj, (*path, key)):
            draft.append(("spec", name), container, origin)
    for volume, origin in _volumes(obj, spec, role):
        draft.append(("spec", "volumes"), volume, origin)
    _annotations(draft, obj, spec, role)
    draft.judged += [(*path, key) for key in ("template", *_TO_POD, *_TO_CONTAINER, *_LISTS, *_CONTAINERS)]
    draft.judged.append((*spec, "volumes"))
    return draft.done()


def _container(draft: Draft, obj: Mapping[str, Any], path: Path, role: str) -> Path:
    """The path of Spark's container: the template's container of this name, else its first one, else a new one."""
    found = list(mappings_at(obj, (*path, "template", "spec", "containers")))
    if not found:
        return draft.append(("spec", "containers"), {"name": _NAMES[role][0]}, path)
    index = next((at for at, (_, item) in enumerate(found) if item.get("name") in _NAMES[role]), 0)
    draft.template["spec"]["containers"][index].setdefault("name", _NAMES[role][0])
    return ("spec", "containers", index)


def _volumes(obj: Mapping[str, Any], spec: Path, role: str) -> Iterator[tuple[dict[str, Any], Path]]:
    """The volumes of a role's pods: the volumes that the role mounts, and the volumes that no role mounts.

    The webhook adds only mounted volumes. A volume that no role mounts still counts here.
    """
    mounted = {name: set(_mounts(obj, (*spec, name))) for name in _NAMES}
    for path, volume in mappings_at(obj, (*spec, "volumes")):
        name = text_at(obj, (*path, "name"))
        if name in mounted[role] or not any(name in names for names in mounted.values()):
            yield volume, path


def _mounts(obj: Mapping[str, Any], path: Path) -> Iterator[str]:
    """The names of the volumes that a role's containers mount."""
    holders: Sequence[Path] = [path, *(at for key in _CONTAINERS for at, _ in mappings_at(obj, (*path, key)))]
    for holder in holders:
        yield from (text_at(obj, (*at, "name")) for at, _ in mappings_at(obj, (*holder, "volumeMounts")))


def _annotations(draft: Draft, obj: Mapping[str, Any], spec: Path, role: str) -> None:
    """The annotations of a role's pods, from the role and from Spark's configuration."""
    for key, value in mapping_at(obj, (*spec, role, "annotations")).items():
        draft.put(("metadata", "annotations", key), value, (*spec, role, "annotations", key))
    prefix = f"{_CONF}{role}.{_ANNOTATION}"
    for key, value in mapping_at(obj, (*spec, "sparkConf")).items():
        if key.startswith(prefix):
            draft.put(("metadata", "annotations", key.removeprefix(prefix)), value, (*spec, "sparkConf", key))
