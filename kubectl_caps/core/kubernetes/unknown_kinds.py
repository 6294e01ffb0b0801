"""Finds fields of pods in objects of unknown kinds, which have no row in the table of kinds.

Kinds of many operators have single fields of pods (`spec.securityContext.privileged` of an OpenTelemetryCollector).
Every command reports such an object as not judged.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from kubectl_caps.core.kubernetes.container_signs import holds_containers
from kubectl_caps.core.kubernetes.field_path import Path, field_path
from kubectl_caps.core.kubernetes.kinds import Kind
from kubectl_caps.core.kubernetes.workloads import MalformedWorkload, Workload, read_workloads


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def _is_id(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_mapping(value: Any) -> bool:
    return isinstance(value, Mapping)


def _has_lists(value: Any) -> bool:
    """Whether a value looks like the capabilities of a container. Other kinds use this field name for other data."""
    return isinstance(value, Mapping) and any(isinstance(value.get(key), list) for key in ("add", "drop"))


def _has_path(value: Any) -> bool:
    return isinstance(value, Mapping) and "path" in value


def _has_type(value: Any) -> bool:
    return isinstance(value, Mapping) and "type" in value


POD_FIELDS: Mapping[str, Callable[[Any], bool]] = {
    **dict.fromkeys(("hostNetwork", "hostPID", "hostIPC", "hostUsers", "shareProcessNamespace"), _is_flag),
    **dict.fromkeys(("privileged", "allowPrivilegeEscalation", "runAsNonRoot"), _is_flag),
    **dict.fromkeys(("runAsUser", "runAsGroup", "fsGroup", "hostPort"), _is_id),
    **dict.fromkeys(("securityContext", "podSecurityContext", "containerSecurityContext"), _is_mapping),
    **dict.fromkeys(("seccompProfile", "appArmorProfile"), _has_type),
    **dict.fromkeys(("seLinuxOptions", "windowsOptions"), _is_mapping),
    "capabilities": _has_lists,
    "hostPath": _has_path,
}
"""The fields of pods and containers that Pod Security judges, each with a test of its type (core/v1 types.go)."""


class WithoutPods(Struct, frozen=True):
    """A kind that holds fields of pods and makes no pods. A `kind` of `*` means the whole group.

    Fields below a key of `but` still count.
    """

    group: str
    kind: str
    why: str
    but: tuple[str, ...] = ()


_TESTS = "says what pods must look like"
_SCHEMA = "holds the schema of a kind"

WITHOUT_PODS: tuple[WithoutPods, ...] = (
    WithoutPods("", "ConfigMap", "holds text"),
    WithoutPods("", "Secret", "holds text"),
    WithoutPods("", "PersistentVolume", "is a volume; the pods that mount it are judged"),
    WithoutPods("", "SecurityContextConstraints", _TESTS),
    WithoutPods("security.openshift.io", "SecurityContextConstraints", _TESTS),
    WithoutPods("policy", "PodSecurityPolicy", _TESTS),
    WithoutPods("extensions", "PodSecurityPolicy", _TESTS),
    WithoutPods("admissionregistration.k8s.io", "*", "says what is asked about new objects"),
    WithoutPods("apiextensions.k8s.io", "CustomResourceDefinition", _SCHEMA),
    WithoutPods("apiextensions.crossplane.io", "CompositeResourceDefinition", _SCHEMA),
    WithoutPods("kyverno.io", "*", _TESTS, but=("generate",)),
    WithoutPods("policies.kyverno.io", "*", _TESTS, but=("generate",)),
    WithoutPods("cli.kyverno.io", "*", "holds the input of a test"),
    WithoutPods("chainsaw.kyverno.io", "*", "holds the steps of a test"),
    WithoutPods("constraints.gatekeeper.sh", "*", _TESTS),
    WithoutPods("templates.gatekeeper.sh", "*", _SCHEMA),
    WithoutPods("mutations.gatekeeper.sh", "*", "changes pods that others make"),
    WithoutPods("expansion.gatekeeper.sh", "*", "says which kinds make pods"),
    *(
        WithoutPods("policies.kubewarden.io", kind, _TESTS)
        for kind in ("AdmissionPolicy", "AdmissionPolicyGroup", "ClusterAdmissionPolicy", "ClusterAdmissionPolicyGroup")
    ),
    WithoutPods("kind.x-k8s.io", "Cluster", "configures containers of Docker, no pods"),
)
"""Every kind that has such fields and still makes no pods, and the reason."""


def makes_no_pods(api_version: str, kind: str) -> WithoutPods | None:
    """The row for a kind that holds fields of pods and makes none."""
    group = _group(api_version)
    return next((row for row in WITHOUT_PODS if row.group == group and row.kind in (kind, "*")), None)


def read_whole(kind: Kind, obj: Mapping[str, Any] | msgspec.Raw, source: Mapping[str, Any]) -> list[Workload]:
    """The workloads of one object, as `read_workloads` gives them.

    Also raises MalformedWorkload for a custom resource that has fields of pods outside the templates of its row.
    """
    found = list(read_workloads(kind, obj, source))
    if not kind.builtin:
        content = msgspec.json.decode(obj) if isinstance(obj, msgspec.Raw) else obj
        field = pod_field(content, {path for workload in found for path in workload.judged or (workload.path,)})
        if field is not None:
            raise MalformedWorkload(_not_whole(field, found))
    return found


def _not_whole(field: Path, found: list[Workload]) -> str:
    """Why not all pods of an object are judged. If it has no workloads, its containers are in another object."""
    if not found:
        return f"seems to make pods ({field_path(field)}) of containers in another object, which cannot be judged"
    return f"seems to make other pods, too ({field_path(field)}), which cannot be judged"


def pod_field(obj: Any, templates: Collection[Path] = ()) -> Path | None:
    """The path of the first field that only pods have, in an object of an unknown kind; None if there is no such field.

    Fields below the paths `templates` do not count.
    """
    if not isinstance(obj, Mapping):
        return None
    api_version, kind = str(obj.get("apiVersion", "")), str(obj.get("kind", ""))
    row = makes_no_pods(api_version, kind)
    if row is not None and not row.but:
        return None
    body = {key: value for key, value in obj.items() if key not in ("metadata", "status")}
    for path, key, value, in_template in _fields(body, templates):
        if row is not None and not any(step in row.but for step in path):
            continue
        if key in POD_FIELDS and POD_FIELDS[key](value):
            return path
        if holds_containers(key, value, in_template=in_template):
            return path
    return None


def not_judged(path: Path) -> str:
    """The error for an object of an unknown kind with a pod field."""
    return f"seems to make pods ({field_path(path)}), but the kind is unknown"


def _group(api_version: str) -> str:
    return api_version.partition("/")[0] if "/" in api_version else ""


def _fields(root: dict[str, Any], templates: Collection[Path]) -> Iterator[tuple[Path, str, Any, bool]]:
    """Every field below a mapping of plain JSON, parents first.

    Yields the path, the name and the value of a field, and whether the field is in a template.
    """
    waiting: list[tuple[Any, Path, bool]] = [(root, (), False)]
    for node, path, in_template in waiting:
        if isinstance(node, dict):
            for key, value in node.items():
                below = (*path, str(key))
                if below in templates:
                    continue
                yield below, str(key), value, in_template
                if isinstance(value, dict | list):
                    waiting.append((value, below, in_template or "template" in str(key).lower()))
        else:
            found = [(item, (*path, at), in_template) for at, item in enumerate(node)]
            waiting += [one for one in found if isinstance(one[0], dict | list) and one[1] not in templates]
