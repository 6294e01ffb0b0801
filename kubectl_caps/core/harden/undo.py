"""Reads a document that `--undo-to` saved: the `undo` of each item as a patch of its object."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from kubectl_caps.core.harden.aftermath import Aftermath
from kubectl_caps.core.harden.written_fields import others
from kubectl_caps.core.kubernetes.field_path import Path, field_path
from kubectl_caps.core.kubernetes.kinds import KINDS, Kind
from kubectl_caps.core.kubernetes.patch import ABSENT, Change, Conflict, Json, Patch


class SavedUndo(Struct, frozen=True, rename="camel"):
    """One object of a saved undo: the JSON Patch that undoes the run, the result, and the state that the run left."""

    api_version: str
    kind: str
    namespace: str
    name: str
    undo: list[dict[str, Any]]
    result: str = "planned"
    left: Aftermath | None = None


class _Document(Struct, frozen=True):
    kind: str
    items: list[SavedUndo]


def saved(document: Any) -> list[SavedUndo]:
    """The objects of a `Hardening` document that have something to undo.

    Raises ValueError for a document of another form; its text says what is wrong.
    """
    try:
        found = msgspec.convert(document, _Document)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from error
    if found.kind != "Hardening":
        raise ValueError(f"kind {found.kind} is not Hardening")
    return [item for item in found.items if item.undo and item.result not in ("refused", "unchanged", "skipped")]


def checked(item: SavedUndo, kind: Kind) -> Patch:
    """The patch of one object. Raises ValueError for an object or a patch that `harden` cannot have saved."""
    for word, value in (("name", item.name), ("namespace", item.namespace)):
        if value in ("", ".", "..") or "/" in value or "%" in value:  # apimachinery's IsValidPathSegmentName
            raise ValueError(f'{kind.kind} "{item.name}": invalid {word} "{value}"')
    try:
        patch = patch_of(item.undo)
    except ValueError as error:
        raise ValueError(f"{kind.kind} {item.name}: its undo is no JSON Patch of ours: {error}") from error
    if paths := [field_path(path) for path in others(patch, kind)]:
        raise ValueError(f"{kind.kind} {item.name}: harden does not write {', '.join(paths)}")
    return patch


def patch_of(operations: Sequence[Mapping[str, Any]]) -> Patch:
    """The patch whose `json_patch` are these operations. Raises ValueError for operations of another form."""
    for item in operations:
        _check(item)
    tests = {item["path"]: item.get("value") for item in operations if item["op"] == "test"}
    changes = [item for item in operations if item["op"] != "test"]
    changed = {item["path"] for item in changes}
    if not changed <= set(tests):
        raise ValueError("a change without a test of what was there before")
    guards = tuple((_path(text), value) for text, value in tests.items() if text not in changed)
    return Patch(tuple(_changes(changes, tests)), guards)


def _check(operation: Mapping[str, Any]) -> None:
    if operation.get("op") not in ("test", "add", "replace", "remove"):
        raise ValueError(f"an operation with op {operation.get('op')!r}")
    if not isinstance(operation.get("path"), str) or not operation["path"].startswith("/"):
        raise ValueError(f"an operation with path {operation.get('path')!r}")
    if operation["op"] in ("add", "replace") and "value" not in operation:
        raise ValueError(f"an operation without a value: {operation['op']} {operation['path']}")


def left_alone(conflicts: Sequence[Conflict]) -> str:
    """A sentence about the fields that an undo does not touch."""
    return f"changed by somebody else since, left alone: {', '.join(field_path(item.path) for item in conflicts)}"


def _changes(operations: Sequence[Mapping[str, Any]], tests: Mapping[str, Json]) -> Iterator[Change]:
    for item in operations:
        before = tests[item["path"]]
        after = ABSENT if item["op"] == "remove" else item["value"]
        yield Change(_path(item["path"]), ABSENT if before is None else before, after)


def _path(text: str) -> Path:
    """A JSON pointer as a path: a number is an index if the field before it is a list of a pod or of a known kind."""
    path: Path = ()
    for part in text.split("/")[1:]:
        step = part.replace("~1", "/").replace("~0", "~")
        path = (*path, int(step) if step.isdecimal() and path[-1:] in _LISTS else step)
    return path


_LISTS = {
    *(("containers",), ("initContainers",)),
    *(
        path[at : at + 1]
        for row in KINDS
        for path in (row.template, *row.containers)
        for at, below in enumerate(path[1:])
        if below == "*"
    ),
}
