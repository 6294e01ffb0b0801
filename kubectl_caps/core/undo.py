"""What `--undo-to` saves, read back: the `Hardening` document's `undo` as patches of the objects that it names."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from kubectl_caps.core.patch import ABSENT, Change, Conflict, Json, Patch
from kubectl_caps.core.pod import Path, field_path


class SavedUndo(Struct, frozen=True, rename="camel"):
    """One object and the JSON Patch that undoes what was sent to it."""

    api_version: str
    kind: str
    namespace: str
    name: str
    undo: list[dict[str, Any]]
    result: str = "planned"


class _Document(Struct, frozen=True):
    kind: str
    items: list[SavedUndo]


def saved(document: Any) -> list[SavedUndo]:
    """The objects of a `Hardening` document that there is something to undo of.

    Raises ValueError for anything else; its text says what is wrong.
    """
    try:
        found = msgspec.convert(document, _Document)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from error
    if found.kind != "Hardening":
        raise ValueError(f"kind {found.kind} is not Hardening")
    return [item for item in found.items if item.undo and item.result not in ("refused", "unchanged", "skipped")]


def patch_of(operations: Sequence[Mapping[str, Any]]) -> Patch:
    """The patch whose `json_patch` these operations are. Raises ValueError where they are not of that form."""
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
    """What an undo does not touch, in words."""
    return f"changed by somebody else since, left alone: {', '.join(field_path(item.path) for item in conflicts)}"


def _changes(operations: Sequence[Mapping[str, Any]], tests: Mapping[str, Json]) -> Iterator[Change]:
    for item in operations:
        before = tests[item["path"]]
        after = ABSENT if item["op"] == "remove" else item["value"]
        yield Change(_path(item["path"]), ABSENT if before is None else before, after)


def _path(text: str) -> Path:
    """A JSON pointer as a path: a number is a place where the field before it is a list of a pod or a kind of ours."""
    path: Path = ()
    for part in text.split("/")[1:]:
        step = part.replace("~1", "/").replace("~0", "~")
        path = (*path, int(step) if step.isdecimal() and path[-1:] in _LISTS else step)
    return path


_LISTS = tuple((name,) for name in ("containers", "initContainers", "replicatedJobs"))
