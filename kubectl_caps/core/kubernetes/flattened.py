"""Builds pod templates for kinds that have none, from other fields of the object, and records each field's path."""

import copy
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from msgspec import Struct

from kubectl_caps.core.kubernetes.field_path import Path, field_path
from kubectl_caps.core.kubernetes.patch import ABSENT, lookup

Places = Mapping[Path, Path]
"""From a field of a pod template to the field of the object that it was made from. Fields below it move with it."""


class NotConvertible(ValueError):
    """An object that cannot be converted to a pod template. The text names the field of the object and the reason."""


class Flattened(Struct, frozen=True):
    """A pod template that a controller makes from an object's fields.

    `base` is the field of the object that holds most of these fields. `judged` are the fields of the object that went
    into the template.
    """

    base: Path
    template: dict[str, Any]
    places: Places
    judged: tuple[Path, ...]


Converter = Callable[[Mapping[str, Any]], Iterator[Flattened]]
"""From an object to its pod templates. Raises NotConvertible."""


def place(places: Places, path: Path) -> Path | None:
    """The path in the object of a field of the template; None if the object has no such field."""
    for end in range(len(path), 0, -1):
        origin = places.get(path[:end])
        if origin is not None:
            return (*origin, *path[end:])
    return None


class Draft:
    """A template that is being built. Each value is added together with the path of its field in the object."""

    def __init__(self, base: Path, template: Mapping[str, Any] | None = None) -> None:
        self.base = base
        self.template: dict[str, Any] = copy.deepcopy(dict(template or {}))
        self.places: dict[Path, Path] = {}
        self.judged: list[Path] = []

    def put(self, path: Path, value: Any, origin: Path) -> None:
        """Set a field. The value ABSENT only records the field's path in the object. Raises NotConvertible."""
        self.places[path] = origin
        if value is ABSENT or value is None:
            return
        self._holder(path)[path[-1]] = copy.deepcopy(value)

    def append(self, path: Path, value: Any, origin: Path) -> Path:
        """Add an item to a list and return its path in the template. Raises NotConvertible if the field is no list."""
        holder = self._holder(path)
        if holder.get(path[-1]) is None:
            holder[path[-1]] = []
        items = holder[path[-1]]
        if not isinstance(items, list):
            raise self._wrong(path, "array", items)
        items.append(copy.deepcopy(value))
        at: Path = (*path, len(items) - 1)
        self.places[at] = origin
        return at

    def _holder(self, path: Path) -> Any:
        """The parent of the last step of a path. Missing and null objects above it are created.

        Raises NotConvertible for a parent of another type.
        """
        node: Any = self.template
        for end, step in enumerate(path[:-1], 1):
            if not isinstance(step, int) and node.get(step) is None:
                node[step] = {}
            node = node[step]
            if not isinstance(node, list if isinstance(path[end], int) else dict):
                raise self._wrong(path[:end], "object", node)
        return node

    def _wrong(self, path: Path, expected: str, found: Any) -> NotConvertible:
        return NotConvertible(f"{field_path(self.where(path))}: expected {expected}, got {_type(found)}")

    def where(self, path: Path) -> Path:
        """The field of the object that gave a field of the template its value."""
        return place(self.places, path) or self.base

    def done(self) -> Flattened:
        """The template as it is now."""
        return Flattened(self.base, self.template, self.places, tuple(self.judged))


def mapping_at(obj: Any, path: Path) -> dict[str, Any]:
    """The mapping at a path, an empty one if there is none. Raises NotConvertible for anything else."""
    found = lookup(obj, path)
    if found is ABSENT or found is None:
        return {}
    if not isinstance(found, dict):
        raise NotConvertible(f"{field_path(path)}: expected object, got {_type(found)}")
    return found


def mappings_at(obj: Any, path: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """The mappings of the list at a path, each with its own path. Raises NotConvertible for anything else, null too."""
    found = lookup(obj, path)
    if found is ABSENT or found is None:
        return
    if not isinstance(found, list):
        raise NotConvertible(f"{field_path(path)}: expected array, got {_type(found)}")
    for index, item in enumerate(found):
        if item is None:
            raise NotConvertible(f"{field_path((*path, index))}: expected object, got null")
        yield (*path, index), mapping_at(obj, (*path, index))


def text_at(obj: Any, path: Path) -> str:
    """The text at a path, an empty one if there is none. Raises NotConvertible for anything else."""
    found = lookup(obj, path)
    if found is ABSENT or found is None:
        return ""
    if not isinstance(found, str):
        raise NotConvertible(f"{field_path(path)}: expected str, got {_type(found)}")
    return found


def required_value(path: Path) -> NotConvertible:
    """The error for a missing field, in Kubernetes' words."""
    return NotConvertible(f"{field_path(path)}: Required value")


def _type(value: Any) -> str:
    names = {"dict": "object", "list": "array"}
    name = type(value).__name__
    return names.get(name, name)
