"""A saved undo read back is the very patch that undoes the change; anything else is refused."""

from typing import Any

import pytest

from kubectl_caps.core.patch import between
from kubectl_caps.core.undo import patch_of, saved

OLD: dict[str, Any] = {
    "metadata": {"uid": "u", "labels": {"1": "x"}},
    "spec": {"containers": [{"name": "a"}, {"name": "b", "securityContext": {"runAsUser": 1, "x/y~z": None}}]},
}
NEW: dict[str, Any] = {
    "metadata": {"uid": "u", "labels": {"1": "y"}},
    "spec": {"containers": [{"name": "a", "securityContext": {}}, {"name": "b", "securityContext": {"x/y~z": 2}}]},
}


def test_operations_are_read_back_as_the_patch_that_they_were_made_of() -> None:
    undo = between(OLD, NEW).inverse()
    assert patch_of(undo.json_patch()).json_patch() == undo.json_patch()
    restored = patch_of(undo.json_patch()).applied(NEW)
    assert restored == OLD


def item(**more: Any) -> dict[str, Any]:
    """An item of a Hardening document."""
    operations = between(OLD, NEW).inverse().json_patch()
    return {"apiVersion": "v1", "kind": "X", "namespace": "n", "name": "x", "undo": operations, "patch": [], **more}


def test_what_was_never_sent_is_not_undone() -> None:
    results = ("planned", "refused", "skipped", "unchanged", "rolledBack")
    items = [item(name=result, result=result) for result in results]
    assert [found.name for found in saved({"kind": "Hardening", "items": items})] == ["planned", "rolledBack"]


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([], "Expected `object`"),
        ({"kind": "Inspection", "items": []}, "kind Inspection is not Hardening"),
        ({"kind": "Hardening", "items": [{"undo": []}]}, "apiVersion"),
    ],
)
def test_anything_else_is_no_saved_undo(document: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        saved(document)


@pytest.mark.parametrize(
    ("operation", "message"),
    [
        ({"path": "/spec/x", "value": 1}, "op None"),
        ({"op": "move", "path": "/spec/x", "from": "/spec/y"}, "op 'move'"),
        ({"op": "remove"}, "path None"),
        ({"op": "remove", "path": "spec"}, "path 'spec'"),
        ({"op": "test", "path": 7}, "path 7"),
        ({"op": "replace", "path": "/spec/x"}, "without a value: replace /spec/x"),
    ],
)
def test_what_is_no_operation_of_ours_is_refused(operation: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        patch_of([{"op": "test", "path": "/spec/x", "value": None}, operation])


def test_a_change_without_a_test_is_refused() -> None:
    with pytest.raises(ValueError, match="without a test"):
        patch_of([{"op": "remove", "path": "/spec/x"}])
