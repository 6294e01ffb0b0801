"""Recognises partial objects, such as patches and test assertions, which have a workload's kind and make no pods."""

from collections.abc import Iterator, Mapping
from typing import Any

from kubectl_caps.core.kubernetes.container_signs import looks_like_pods
from kubectl_caps.core.kubernetes.kinds import Kind
from kubectl_caps.core.kubernetes.workloads import MalformedWorkload, MissingField, read_workloads
from kubectl_caps.core.podsecurity.policy import NEWEST_MINOR
from kubectl_caps.core.podsecurity.registry import evaluate

_WHOLE = ("selector", "schedule")
"""Fields that the API server requires of a Deployment, StatefulSet, DaemonSet and ReplicaSet, or of a CronJob."""
_LISTS = ("containers", "initContainers", "ephemeralContainers")


def is_partial(kind: Kind, obj: Mapping[str, Any]) -> bool:
    """Whether an object of a built-in kind is only a part of an object, which need not be judged.

    The API server refuses to create such an object: no container has an image (k8s.io/kubernetes
    pkg/apis/core/validation requires an image of each), or there are neither containers nor a selector. But `kubectl
    apply` merges the part into an existing object. So a part with a violation of the level baseline is judged.
    """
    if not kind.builtin or any(_child(_child(obj, "spec"), field) is not None for field in _WHOLE):
        return False
    template: Any = obj
    for step in kind.template:
        template = _child(template, step)
    spec = _child(template, "spec")
    containers = [container for name in _LISTS for container in _items(_child(spec, name))]
    if not isinstance(template or {}, Mapping) or not isinstance(spec or {}, Mapping):
        return False
    if containers:
        whole = not kind.template or any(_child(container, "image") is not None for container in containers)
    else:
        whole = looks_like_pods(obj)
    return not whole and not _forbidden(kind, obj)


def _child(node: Any, name: str | int) -> Any:
    return node.get(name) if isinstance(node, Mapping) else None


def _items(value: Any) -> Iterator[Any]:
    yield from value if isinstance(value, list) else ()


def _forbidden(kind: Kind, obj: Mapping[str, Any]) -> bool:
    """Whether a partial object violates baseline or has a malformed field."""
    try:
        workloads = list(read_workloads(kind, obj, {}))
    except MalformedWorkload as error:
        return not isinstance(error, MissingField)
    return any(evaluate(workload.template, "baseline", NEWEST_MINOR) for workload in workloads)
