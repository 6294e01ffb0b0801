"""The single fields that a hardening changes, to print them and to compare two plans."""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

import msgspec
from msgspec import Struct

from kubectl_caps.core.kubernetes.field_path import Path, field_path
from kubectl_caps.core.kubernetes.flattened import Converter, place
from kubectl_caps.core.kubernetes.kinds import kind_of
from kubectl_caps.core.kubernetes.patch import ABSENT, Json, Patch, lookup
from kubectl_caps.core.kubernetes.pod import PodTemplate, members


class Field(Struct, frozen=True):
    """One leaf of a change, to print: the path, the container, the old and the new value."""

    path: Path
    container: str
    before: Json
    after: Json


def fields(patch: Patch, obj: Mapping[str, Any]) -> Iterator[Field]:
    """The single fields that a patch changes. An object that is added or removed as a whole gives one entry a field."""
    for change in patch.changes:
        for path, before, after in leaves(change.path, change.before, change.after):
            yield Field(path, _container_at(path, obj), before, after)


def for_source(obj: Mapping[str, Any], patch: Patch) -> dict[str, Json]:
    """The change as a fragment of a manifest, containers by their names; null for a field to remove.

    The fragment is a strategic merge patch for kustomize, and can be copied into a chart or a manifest.
    """
    fragment: dict[str, Json] = {}
    for field in fields(patch, obj):
        node: Json = fragment
        for at, (step, following) in enumerate(pairwise(field.path), 1):
            if isinstance(step, int):
                node = _named_item(node, str(lookup(obj, (*field.path[:at], "name"))))
            else:
                node = node.setdefault(step, [] if isinstance(following, int) else {})
        node[field.path[-1]] = None if field.after is ABSENT else field.after
    return fragment


def _named_item(items: list[Json], name: str) -> Json:
    if not any(item["name"] == name for item in items):
        items.append({"name": name})
    return next(item for item in items if item["name"] == name)


def wished(patch: Patch, obj: Mapping[str, Any]) -> frozenset[tuple[str, str, str, str]]:
    """The changes of a patch, with container names instead of indexes, so that plans of two states can be compared."""
    return frozenset(
        (field.container, field_path(below_container(field.path)), repr(field.before), repr(field.after))
        for field in fields(patch, obj)
    )


def leaves(path: Path, before: Json, after: Json) -> Iterator[tuple[Path, Json, Json]]:
    """The changes of single values that a change of a field consists of."""
    sides = [side for side in (before, after) if side is not ABSENT]
    if sides and all(isinstance(side, Mapping) and side for side in sides):
        keys = dict.fromkeys(key for side in sides for key in side)
        for key in keys:
            yield from leaves((*path, key), lookup(before, (key,)), lookup(after, (key,)))
    else:
        yield path, before, after


def below_container(path: Path) -> Path:
    """The part of the path below the container; for a field of the pod, the whole path."""
    lists = [at for at, step in enumerate(path) if step in _LISTS]
    return path[lists[-1] + 2 :] if lists else path


_LISTS = ("containers", "initContainers", "steps", "sidecars")


def _converted_at(path: Path, obj: Mapping[str, Any], convert: Converter) -> str:
    """The container that has a field, by its name in the pods. The object has no pod template."""
    for flat in convert(obj):
        for member in members(msgspec.convert(flat.template, PodTemplate).spec):
            own = place(flat.places, (*member.path, "securityContext"))
            if own is not None and path[: len(own)] == own:
                return member.container.name
    return ""


def _container_at(path: Path, obj: Mapping[str, Any]) -> str:
    kind = kind_of(str(obj.get("apiVersion", "")), str(obj.get("kind", "")))
    if kind is not None and kind.convert is not None:
        return _converted_at(path, obj, kind.convert)
    for end in range(len(path), 0, -1):
        if path[end - 2 : end - 1] in (("containers",), ("initContainers",)):
            name = lookup(obj, (*path[:end], "name"))
            return name if isinstance(name, str) else field_path(path[:end])
    return ""
