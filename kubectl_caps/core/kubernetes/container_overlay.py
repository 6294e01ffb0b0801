"""Merges a container over its defaults, as a strategic merge patch of core/v1 Container does."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from kubectl_caps.core.kubernetes.field_path import Path

_MERGE_KEYS: Mapping[str, str] = {
    "volumeMounts": "mountPath",
    "volumeDevices": "devicePath",
    "env": "name",
    "ports": "containerPort",
}
"""The lists of a container that are merged item by item (k8s.io/api core/v1 types.go, `patchMergeKey`). All other lists
are replaced."""


class Merged(Struct, frozen=True):
    """The merged container. `taken` maps each field that is from the defaults to its path in the defaults."""

    value: Any
    taken: dict[Path, Path]


def overlaid(own: Any, default: Any) -> Merged:
    """`own` over `default`. An empty list or text of `own` counts as absent: Go leaves it out of the JSON to merge.

    (tektoncd/pipeline pkg/apis/pipeline/v1/merge.go MergeStepsWithStepTemplate)
    """
    taken: dict[Path, Path] = {}
    return Merged(_value(own, default, (), (), taken), taken)


def _value(own: Any, default: Any, path: Path, there: Path, taken: dict[Path, Path]) -> Any:
    """The merged value of a field, which is at `path` in the container and at `there` in the defaults."""
    if default is None:
        return own
    if isinstance(default, Mapping) and (own is None or isinstance(own, Mapping)):
        below = own or {}
        keys = dict.fromkeys([*below, *default])
        return {key: _value(below.get(key), default.get(key), (*path, key), (*there, key), taken) for key in keys}
    key = _MERGE_KEYS.get(str(path[-1])) if path else None
    if key and isinstance(default, list) and (own is None or isinstance(own, list)):
        return _items(own or [], default, key, path, there, taken)
    if own is None or (own in ([], "") and type(own) is type(default)):
        taken[path] = there
        return default
    return own


def _items(
    own: list[Any], default: list[Any], key: str, path: Path, there: Path, taken: dict[Path, Path]
) -> list[Any]:  # fmt: skip
    known = {_key(item, key): index for index, item in reversed(list(enumerate(default)))}
    found = []
    for index, item in enumerate(own):
        at = known.pop(_key(item, key), None)
        other = None if at is None else default[at]
        found.append(_value(item, other, (*path, index), (*there, at or 0), taken))
    for at, item in enumerate(default):
        if known.get(_key(item, key)) == at:
            merged_at: Path = (*path, len(found))
            taken[merged_at] = (*there, at)
            found.append(item)
    return found


def _key(item: Any, key: str) -> str:
    return repr(item.get(key)) if isinstance(item, Mapping) else repr(item)
