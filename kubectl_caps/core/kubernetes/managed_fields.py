"""The fields that each writer of an object declares, from `metadata.managedFields` and client-side apply's annotation.

fieldsV1: kubernetes.io/docs/reference/using-api/server-side-apply, "Managed fields"; its keys are `f:NAME` for a field
and `k:{...}` for an item of a list that has keys. The annotation: k8s.io/kubectl pkg/util/apply.go.
"""

import json
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from kubectl_caps.core.kubernetes.field_path import Path
from kubectl_caps.core.kubernetes.patch import Json, lookup

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_APPLIERS = ("argocd-controller", "argocd-application-controller", "kubectl-client-side-apply")
"""The managers that write the annotation. If none of them wrote the object, the annotation counts as kubectl's."""
_NULL: Mapping[str, Any] = {"": {}}
"""The declaration of a null in a manifest: the field and all fields below it shall be absent."""

Steps = tuple[str, ...]
"""A path as keys of fieldsV1."""


class Entry(Struct, frozen=True):
    """The fields that a manager declares, in the form of fieldsV1; `operation` is `Apply` or `Update`."""

    manager: str
    operation: str
    declared: Mapping[str, Any]

    def owns(self, path: Steps) -> bool:
        """Whether the manager declares a field, or declares the whole list that holds the field."""
        node = self.declared
        for step in path:
            if not node or node == _NULL:
                # The owner of an empty map does not own fields that are added later; an empty list is atomic.
                return node == _NULL or step.startswith("k:")
            if step not in node:
                return False
            node = node[step]
        return True


def managed(obj: Mapping[str, Any]) -> list[Entry]:
    """The entries of `metadata.managedFields`, without entries of subresources."""
    items = (obj.get("metadata") or {}).get("managedFields") or ()
    return [
        Entry(item.get("manager") or "", item.get("operation") or "", item.get("fieldsV1") or {})
        for item in items
        if not item.get("subresource")
    ]


def last_applied(obj: Mapping[str, Any], *, merges_lists: bool) -> list[Entry]:
    """The fields that the annotation of client-side apply declares, as one entry; empty without an annotation.

    `merges_lists` says that client-side apply merges containers by name, as for built-in kinds. For custom resources it
    replaces the list.
    """
    text = ((obj.get("metadata") or {}).get("annotations") or {}).get(LAST_APPLIED)
    entries = [entry for entry in managed(obj) if entry.manager in _APPLIERS]
    try:
        manifest = json.loads(text or "null")
    except ValueError:
        return []
    if not isinstance(manifest, dict) or any(entry.operation == "Apply" for entry in entries):
        return []
    manager = next((entry.manager for entry in entries), _APPLIERS[-1])
    return [Entry(manager, "Update", _declared(manifest, merges_lists))]


def owner_of(obj: Mapping[str, Any], path: Path) -> str:
    """The field manager that owns a field of an object; empty if managedFields names none."""
    return next((entry.manager for entry in managed(obj) if entry.owns(steps(obj, path))), "")


def steps(obj: Json, path: Path) -> Steps:
    """A path in an object as keys of fieldsV1: `f:spec` for a field, `k:{"name":"web"}` for the item of a list."""
    return tuple(
        _item(lookup(obj, (*path[: at + 1], "name"))) if isinstance(step, int) else f"f:{step}"
        for at, step in enumerate(path)
    )


def _item(name: Json) -> str:
    return "k:" + json.dumps({"name": str(name)}, separators=(",", ":"))


def _declared(node: Json, merges_lists: bool) -> Mapping[str, Any]:
    """A manifest in the form of fieldsV1."""
    if isinstance(node, dict):
        return {f"f:{key}": _declared(value, merges_lists) for key, value in node.items()}
    if isinstance(node, list) and merges_lists and all(isinstance(item, dict) and "name" in item for item in node):
        return {_item(item["name"]): _declared(item, merges_lists) for item in node}
    return _NULL if node is None else {}
