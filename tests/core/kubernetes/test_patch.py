"""The patch builder: from two objects to operations, back again, and onto an object that has moved on."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubectl_caps.core.kubernetes.patch import (
    ABSENT,
    Change,
    Conflict,
    Patch,
    between,
    lookup,
    pointer,
    rebased,
    unkept,
)

WEB: dict[str, Any] = {
    "metadata": {"uid": "u1", "labels": {"a": "b"}},
    "spec": {"containers": [{"name": "web", "image": "x"}, {"name": "log", "securityContext": {"runAsUser": 7}}]},
}


def hardened(obj: dict[str, Any], index: int = 0) -> dict[str, Any]:
    """`obj` with the container at `index` dropping ALL."""
    wanted = copy.deepcopy(obj)
    context = wanted["spec"]["containers"][index].setdefault("securityContext", {})
    context["capabilities"] = {"drop": ["ALL"]}
    return wanted


def test_json_patch_tests_uid_names_and_old_values_before_it_changes_anything() -> None:
    operations = between(WEB, hardened(WEB)).json_patch()
    path = "/spec/containers/0/securityContext"
    assert operations == [
        {"op": "test", "path": "/metadata/uid", "value": "u1"},
        {"op": "test", "path": "/spec/containers/0/name", "value": "web"},
        {"op": "test", "path": path, "value": None},
        {"op": "add", "path": path, "value": {"capabilities": {"drop": ["ALL"]}}},
    ]


def test_only_the_absent_part_of_an_existing_object_is_added() -> None:
    patch = between(WEB, hardened(WEB, 1))
    path = ("spec", "containers", 1, "securityContext", "capabilities")
    assert patch.changes == (Change(path, ABSENT, {"drop": ["ALL"]}),)


def test_equal_objects_need_no_operation() -> None:
    assert between(WEB, copy.deepcopy(WEB)).json_patch() == []


@pytest.mark.parametrize(
    ("before", "after", "operation"),
    [
        ({"a": None}, {"a": 1}, {"op": "add", "path": "/a", "value": 1}),
        ({"a": 1}, {"a": 2}, {"op": "replace", "path": "/a", "value": 2}),
        ({"a": 1}, {}, {"op": "remove", "path": "/a"}),
        ({"a": ["X"]}, {"a": ["X", "Y"]}, {"op": "replace", "path": "/a", "value": ["X", "Y"]}),
        ({"a": False}, {"a": 0}, {"op": "replace", "path": "/a", "value": 0}),
    ],
)
def test_the_operation_follows_from_the_old_value(before: Any, after: Any, operation: dict[str, Any]) -> None:
    assert between(before, after).json_patch()[-1] == operation


def test_pointer_escapes_slash_and_tilde() -> None:
    assert pointer(("metadata", "labels", "a.b/c~d", 0)) == "/metadata/labels/a.b~1c~0d/0"


KEYS = st.sampled_from(["a", "b", "c/d"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(0, 3) | st.sampled_from(["x", "y"]),
    lambda inner: st.dictionaries(KEYS, inner, max_size=3) | st.lists(inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(KEYS, VALUES, max_size=3)


@given(OBJECTS, OBJECTS)
def test_applying_a_patch_gives_the_wanted_object_and_its_inverse_the_old_one(
    before: dict[str, Any], after: dict[str, Any]
) -> None:
    patch = between(before, after)
    assert (patch.applied(before), patch.inverse().applied(after)) == (after, before)


@given(OBJECTS, OBJECTS)
def test_a_patch_leaves_its_object_untouched(before: dict[str, Any], after: dict[str, Any]) -> None:
    kept = copy.deepcopy(before)
    between(before, after).applied(before)
    assert before == kept


@given(OBJECTS, OBJECTS)
def test_rebasing_onto_the_unchanged_object_changes_nothing(before: dict[str, Any], after: dict[str, Any]) -> None:
    patch = between(before, after)
    rebuilt, conflicts = rebased(patch, before)
    assert (rebuilt.applied(before), conflicts) == (after, [])


CAPABILITIES = st.lists(st.sampled_from(["ALL", "CHOWN", "KILL"]), max_size=2, unique=True)
SECURITY = st.fixed_dictionaries(
    {},
    optional={
        "privileged": st.booleans(),
        "runAsUser": st.integers(0, 2),
        "capabilities": st.fixed_dictionaries({}, optional={"add": CAPABILITIES, "drop": CAPABILITIES}),
    },
)
NAMES = st.lists(st.sampled_from("abcd"), min_size=1, max_size=3, unique=True)


@st.composite
def pods(draw: st.DrawFn, names: list[str] | None = None) -> dict[str, Any]:
    """A pod with containers of some names."""
    containers = [
        {"name": name, "image": draw(st.sampled_from("xy"))}
        | draw(st.fixed_dictionaries({}, optional={"securityContext": SECURITY}))
        for name in names or draw(NAMES)
    ]
    labels = draw(st.dictionaries(st.sampled_from(["a", "b/c"]), st.sampled_from("xy"), max_size=2))
    return {"metadata": {"uid": "u1", "labels": labels}, "spec": {"containers": containers}}


@given(pods(), pods())
def test_a_patch_applies_the_change_and_its_inverse_undoes_it(before: dict[str, Any], after: dict[str, Any]) -> None:
    """By RFC 6902, also where containers came, went, moved or were renamed."""
    patch = between(before, after)
    assert performed(before, patch.json_patch()) == after
    assert performed(after, patch.inverse().json_patch()) == before


class Refused(Exception):
    """A `test` failed, or a path is not there."""


def performed(obj: Any, operations: list[dict[str, Any]]) -> Any:
    """RFC 6902 as the API server does it: a `test` for null is true of an absent field."""
    result = copy.deepcopy(obj)
    for operation in operations:
        *parents, last = [step.replace("~1", "/").replace("~0", "~") for step in operation["path"].split("/")[1:]]
        target = result
        for step in parents:
            target = target[int(step)] if isinstance(target, list) else target.get(step, {})
        key: Any = int(last) if isinstance(target, list) else last
        there = key < len(target) if isinstance(target, list) else key in target
        if operation["op"] == "test":
            if (target[key] if there else None) != operation["value"]:
                raise Refused(operation)
        elif operation["op"] == "remove":
            del target[key]
        else:
            assert there or operation["op"] == "add"
            target[key] = copy.deepcopy(operation["value"])
    return result


def fields(obj: Any, path: tuple[str, ...] = ()) -> dict[tuple[str, ...], Any]:
    """Every field of a pod by its path, in which containers go by their names."""
    if isinstance(obj, list) and obj and isinstance(obj[0], dict):
        obj = {item["name"]: item for item in obj}
    if not isinstance(obj, dict):
        return {path: obj}
    return {key: value for step, item in obj.items() for key, value in fields(item, (*path, step)).items()}


@given(st.data())
def test_rebasing_never_overwrites_a_field_that_somebody_else_changed(data: st.DataObject) -> None:
    names = data.draw(NAMES)
    before, after = data.draw(pods(names)), data.draw(pods(names))
    theirs = data.draw(pods(data.draw(st.just(names) | st.permutations(names) | NAMES)))
    patch, conflicts = rebased(between(before, after), theirs)
    was, want, now, merged = map(fields, (before, after, theirs, patch.applied(theirs)))
    changed = {path for path in was | want if was.get(path, ABSENT) != want.get(path, ABSENT)}
    touched = {path for path in now | merged if now.get(path, ABSENT) != merged.get(path, ABSENT)}
    assert touched <= {path for path in changed if now.get(path, ABSENT) == was.get(path, ABSENT)}
    assert conflicts or all(merged.get(path, ABSENT) == want.get(path, ABSENT) for path in changed)


@given(st.data())
def test_the_patch_applies_to_the_object_that_was_read(data: st.DataObject) -> None:
    """The patch itself is refused wherever somebody else changed a field that it changes, or moved its container."""
    names = data.draw(NAMES)
    before, after, theirs = (data.draw(pods(names)) for _ in range(3))
    patch = between(before, after)
    try:
        performed(theirs, patch.json_patch())
    except Refused:
        assert any(lookup(theirs, change.path) != change.before for change in patch.changes)
    else:
        assert all(lookup(theirs, change.path) == change.before for change in patch.changes)


def test_rebasing_onto_an_object_already_as_wanted_needs_nothing() -> None:
    patch, conflicts = rebased(between(WEB, hardened(WEB)), hardened(WEB))
    assert (patch.changes, conflicts) == ((), [])


def test_rebasing_finds_a_container_that_moved_by_its_name() -> None:
    moved = copy.deepcopy(WEB)
    moved["spec"]["containers"].insert(0, {"name": "new"})
    patch, conflicts = rebased(between(WEB, hardened(WEB)), moved)
    assert (patch.applied(moved), conflicts) == (hardened(moved, 1), [])


def test_rebasing_leaves_another_object_of_the_same_name_alone() -> None:
    recreated = {**copy.deepcopy(WEB), "metadata": {"uid": "u2"}}
    patch, conflicts = rebased(between(WEB, hardened(WEB)), recreated)
    assert (patch.changes, conflicts) == ((), [Conflict(("metadata", "uid"), "u1", "u2")])


def test_rebasing_says_when_the_container_is_gone() -> None:
    gone = copy.deepcopy(WEB)
    del gone["spec"]["containers"][0]
    patch, conflicts = rebased(between(WEB, hardened(WEB)), gone)
    assert (patch.changes, len(conflicts)) == ((), 1)


def test_undoing_keeps_a_field_that_somebody_else_put_beside_ours() -> None:
    patch = between(WEB, hardened(WEB))
    current = hardened(WEB)
    current["spec"]["containers"][0]["securityContext"]["runAsUser"] = 5
    undo, conflicts = rebased(patch.inverse(), current)
    assert undo.applied(current)["spec"]["containers"][0]["securityContext"] == {"runAsUser": 5}
    assert conflicts == []


def test_undoing_leaves_fields_that_somebody_else_changed_since() -> None:
    patch = between(WEB, hardened(WEB))
    current = hardened(WEB)
    current["spec"]["containers"][0]["securityContext"]["capabilities"]["drop"] = ["NET_RAW"]
    undo, conflicts = rebased(patch.inverse(), current)
    path = ("spec", "containers", 0, "securityContext", "capabilities", "drop")
    assert (undo.changes, conflicts) == ((), [Conflict(path, ["ALL"], ["NET_RAW"])])


def test_a_part_of_the_patch_that_the_answer_lacks_is_named_and_additions_are_not() -> None:
    patch, context = between(WEB, hardened(WEB)), ("spec", "containers", 0, "securityContext")
    assert unkept(patch, WEB) == [context]
    answer = hardened(WEB)
    answer["spec"]["containers"][0]["securityContext"]["runAsNonRoot"] = True
    assert unkept(patch, answer) == []
    answer["spec"]["containers"][0]["securityContext"]["capabilities"] = {"drop": ["NET_RAW"]}
    assert unkept(patch, answer) == [(*context, "capabilities", "drop")]


def test_lookup_tells_an_absent_field_from_null() -> None:
    assert (lookup({"a": None}, ("a",)), lookup({"a": None}, ("b",))) == (None, ABSENT)


def test_an_empty_patch_has_no_guards_to_send() -> None:
    assert Patch((), ((("metadata", "uid"), "u1"),)).json_patch() == []
