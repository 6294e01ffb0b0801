"""Recognises containers and pod specs in data of any shape, by the fields that they have."""

from collections.abc import Mapping, Sequence
from typing import Any


def looks_like_pods(obj: Any) -> bool:
    """Whether data holds a mapping that is shaped like a pod spec, at any depth.

    A pod spec has a list of containers with an image, a security context or, in a template, a name.
    """
    waiting: list[tuple[Any, bool]] = [(obj, False)]
    while waiting:
        node, in_template = waiting.pop()
        if isinstance(node, list):
            waiting += [(item, in_template) for item in node]
        elif isinstance(node, Mapping):
            if _has(node, _CONTAINERS, (*_SIGNS, "name") if in_template else _SIGNS):
                return True
            waiting += [(value, in_template or "template" in str(key).lower()) for key, value in node.items()]
    return False


def holds_containers(key: str, value: Any, *, in_template: bool) -> bool:
    """Whether a field of a Kubernetes object holds containers.

    The fields are those of pods, and `container`, `script`, `steps` and `sidecars` of Argo Workflows and Tekton.
    """
    if key not in (*_CONTAINERS, *_LIKE_CONTAINERS):
        return False
    signs = (*_SIGNS, "name") if in_template and key in _CONTAINERS else _SIGNS
    return _has({key: value}, (key,), signs)


_CONTAINERS = ("containers", "initContainers", "ephemeralContainers")
_LIKE_CONTAINERS = ("container", "script", "steps", "sidecars")
_SIGNS = ("image", "securityContext")


def _has(node: Mapping[Any, Any], keys: Sequence[str], signs: Sequence[str]) -> bool:
    """Whether one of the keys holds a mapping with one of the signs, or a list with such a mapping."""
    held = [node[key] for key in keys if key in node]
    items = [item for value in held for item in (value if isinstance(value, list) else [value])]
    return any(isinstance(item, Mapping) and any(sign in item for sign in signs) for item in items)
