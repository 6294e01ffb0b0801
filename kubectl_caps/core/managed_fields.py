"""What an object says of who wrote it: `metadata.managedFields` and the annotation of client-side apply.

fieldsV1: kubernetes.io/docs/reference/using-api/server-side-apply, "Managed fields"; its keys are `f:NAME` for a field
and `k:{...}` for an item of a list that has keys. The annotation: k8s.io/kubectl pkg/util/apply.go.
"""

import json
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from kubectl_caps.core.patch import ABSENT, Json, lookup
from kubectl_caps.core.pod import Path

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


class Named(Struct, frozen=True):
    """A step into a list: the item with this name."""

    name: str


Steps = tuple[str | Named, ...]


class Entry(Struct, frozen=True):
    """One entry of managedFields."""

    manager: str
    operation: str
    owned: Mapping[str, Any]


class Record(Struct, frozen=True):
    """What an object says of its writers. `applied` is what kubectl's annotation holds, None where there is none."""

    obj: Mapping[str, Any]
    entries: tuple[Entry, ...]
    marks: Mapping[str, str]
    applied: Json
    merges_lists: bool

    def owns(self, entry: Entry, path: Path) -> bool:
        """Whether a manager owns a field, or the whole list that the field is in."""
        node: Mapping[str, Any] = entry.owned
        for step in steps(self.obj, path):
            # A map without members is owned as such, and what is put into it later is not; a list without is atomic.
            if not node:
                return isinstance(step, Named)
            child = _child(node, step)
            if child is None:
                return False
            node = child
        return True

    def is_applied(self, path: Path) -> bool:
        """Whether what was last applied on the client's side says something about a field."""
        return self.applied is not None and _says(self.applied, steps(self.obj, path), self.merges_lists)


def record(obj: Mapping[str, Any], *, merges_lists: bool) -> Record:
    """The record of an object as the API server sent it.

    `merges_lists` says that client-side apply merges containers by name, as it does for built-in kinds; for custom
    resources it replaces the list.
    """
    metadata = obj.get("metadata") or {}
    annotations = metadata.get("annotations") or {}
    entries = tuple(
        Entry(item.get("manager") or "", item.get("operation") or "", item.get("fieldsV1") or {})
        for item in metadata.get("managedFields") or ()
        if not item.get("subresource")
    )
    marks = {**(metadata.get("labels") or {}), **annotations}
    return Record(obj, entries, marks, _parsed(annotations.get(LAST_APPLIED)), merges_lists)


def _parsed(text: str | None) -> Json:
    try:
        return json.loads(text) if text else None
    except ValueError:
        return None


def _child(node: Mapping[str, Any], step: str | Named) -> Mapping[str, Any] | None:
    if isinstance(step, str):
        return node.get(f"f:{step}")
    keys = (key for key in node if key.startswith("k:") and json.loads(key[2:]).get("name") == step.name)
    return next((node[key] for key in keys), None)


def steps(obj: Json, path: Path) -> Steps:
    """A path with the names of list items in place of their indexes."""
    return tuple(
        Named(str(lookup(obj, (*path[: at + 1], "name")))) if isinstance(step, int) else step
        for at, step in enumerate(path)
    )


def _says(node: Json, path: Steps, merges_lists: bool) -> bool:
    """Whether a manifest says something about a field; a null above it says that there shall be nothing."""
    for step in path:
        if isinstance(step, Named):
            if not merges_lists:
                return True
            items = node if isinstance(node, list) else ()
            node = next((item for item in items if isinstance(item, dict) and item.get("name") == step.name), ABSENT)
        elif isinstance(node, dict):
            node = node.get(step, ABSENT)
        else:
            return True
        if node is ABSENT:
            return False
    return True
