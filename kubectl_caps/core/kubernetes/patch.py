"""`Patch`: the changes from the object that was read to the wanted object, as a value that all commands share.

A patch is built, shown and tested before it is sent or written. The server gets it as JSON Patch (RFC 6902) whose first
operations are `test`s. If somebody else has changed one of the tested fields meanwhile, the server refuses the patch. A
`test` with null succeeds for an absent field (github.com/evanphx/json-patch, which the API server uses). A file gets
the patch as text edits (`manifests/edit/edit.py`).
"""

from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from typing import Any, Final, Literal

from msgspec import Struct

from kubectl_caps.core.kubernetes.field_path import Path


class _Absent:
    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Final = _Absent()
"""The value of an absent field."""

_UID: Path = ("metadata", "uid")

Json = Any
"""A JSON value: dict, list, str, int, float, bool or None."""


def copied(value: Json) -> Json:
    """A copy of its own of what JSON can say, in a fifth of the time of copy.deepcopy."""
    if isinstance(value, dict):
        return {key: copied(inner) for key, inner in value.items()}
    return [copied(item) for item in value] if isinstance(value, list) else value


class Change(Struct, frozen=True):
    """The change of one field: the path, the old value, the new value. `ABSENT` means no field; it never means null."""

    path: Path
    before: Json
    after: Json

    def swapped(self) -> "Change":
        """The change that undoes this one."""
        return Change(self.path, self.after, self.before)


class Patch(Struct, frozen=True):
    """Changes of one object. `guards` are tested too: the object's uid, and the names of the changed list items."""

    changes: tuple[Change, ...]
    guards: tuple[tuple[Path, Json], ...] = ()

    def json_patch(self) -> list[dict[str, Json]]:
        """RFC 6902 operations: every guard and every old value as a `test`, then the changes."""
        if not self.changes:
            return []
        return [*self._tests(), *(_operation(change) for change in self.changes)]

    def _tests(self) -> Iterator[dict[str, Json]]:
        for path, value in self.guards:
            yield {"op": "test", "path": pointer(path), "value": value}
        for change in self.changes:
            value = None if change.before is ABSENT else change.before
            yield {"op": "test", "path": pointer(change.path), "value": value}

    def inverse(self) -> "Patch":
        """The patch that undoes exactly these changes."""
        return Patch(tuple(change.swapped() for change in reversed(self.changes)), self.guards)

    def applied(self, obj: Json) -> Json:
        """A copy of `obj` with the changes made; `obj` itself is untouched."""
        result = copied(obj)
        for change in self.changes:
            parent = lookup(result, change.path[:-1])
            if change.after is ABSENT:
                del parent[change.path[-1]]
            else:
                parent[change.path[-1]] = copied(change.after)
        return result


class Conflict(Struct, frozen=True):
    """A field that somebody else has changed: the expected value, and the present value."""

    path: Path
    expected: Json
    found: Json


def between(before: Json, after: Json) -> Patch:
    """The patch that changes `before` (an object as read) to `after`.

    Mappings are compared field by field, lists of the same objects item by item (containers), other lists as a whole:
    `capabilities.add` and `drop` are atomic (`+listType=atomic`, core/v1 types.go).
    """
    changes = tuple(_differences(before, after, ()))
    guards = list(_names(before, changes))
    uid = lookup(before, _UID)
    if changes and isinstance(uid, str):
        guards.insert(0, (_UID, uid))
    return Patch(changes, tuple(guards))


def rebased(patch: Patch, current: Json) -> tuple[Patch, list[Conflict]]:
    """The patch that gives the present object the same wanted values. List items are found by name, not by index.

    A field that already has its wanted value is not in the patch. A field with neither its old nor its wanted value was
    changed by somebody else: the field stays as it is and is returned as a `Conflict`. An added or removed object is
    compared field by field, so that fields of others in it stay. Another object of the same name is one conflict.
    """
    names = dict(patch.guards)
    uid, found = names.get(_UID, ABSENT), lookup(current, _UID)
    if patch.changes and uid is not ABSENT and uid != found:
        return Patch(()), [Conflict(_UID, uid, found)]
    wanted = copy(current)
    conflicts: list[Conflict] = []
    for change in patch.changes:
        path = _relocated(change.path, names, current)
        if path is None:
            conflicts.append(Conflict(change.path, change.before, ABSENT))
        else:
            _own(wanted, path)
            conflicts.extend(_settle(wanted, path, change.before, change.after))
    return between(current, wanted), conflicts


def _own(obj: Json, path: Path) -> None:
    """Replace the value at a path, and each object and list above the value, with a copy.

    `obj` may share them with another object. A change at the path then leaves the other object as it is.
    """
    *above, last = path
    for step in above:
        if not isinstance(inner := lookup(obj, (step,)), dict | list):
            return
        obj[step] = copy(inner)
        obj = obj[step]
    if (value := lookup(obj, (last,))) is not ABSENT:
        obj[last] = copied(value)


def unkept(patch: Patch, obj: Json) -> list[Path]:
    """The paths of the patch's changes that the object does not have."""
    rest, conflicts = rebased(patch, obj)
    return [change.path for change in rest.changes] + [conflict.path for conflict in conflicts]


def lookup(obj: Json, path: Sequence[str | int]) -> Json:
    """The value at `path`, or `ABSENT`."""
    for step in path:
        if isinstance(step, str) and isinstance(obj, dict):
            obj = obj.get(step, ABSENT)
        elif isinstance(step, int) and isinstance(obj, list) and step < len(obj):
            obj = obj[step]
        else:
            return ABSENT
    return obj


def pointer(path: Path) -> str:
    """RFC 6901: `/metadata/labels/a.b~1c`."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)


def _operation(change: Change) -> dict[str, Json]:
    op: Literal["add", "remove", "replace"]
    if change.after is ABSENT:
        return {"op": "remove", "path": pointer(change.path)}
    op = "add" if change.before is ABSENT or change.before is None else "replace"
    return {"op": op, "path": pointer(change.path), "value": change.after}


def _differences(before: Json, after: Json, path: Path) -> Iterator[Change]:
    if before is after:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for key in [*before, *(key for key in after if key not in before)]:
            old, new = before.get(key, ABSENT), after.get(key, ABSENT)
            if old is not new:
                yield from _differences(old, new, (*path, key))
    elif _same_items(before, after):
        for index, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from _differences(old, new, (*path, index))
    elif type(before) is not type(after) or before != after:
        yield Change(path, before, after)


def _same_items(before: Json, after: Json) -> bool:
    """Whether two lists hold objects of the same names in the same order."""
    if not isinstance(before, list) or not isinstance(after, list) or len(before) != len(after) or not before:
        return False
    return all(
        isinstance(old, dict) and isinstance(new, dict) and old.get("name") == new.get("name")
        for old, new in zip(before, after, strict=True)
    )


def _names(obj: Json, changes: Sequence[Change]) -> Iterator[tuple[Path, Json]]:
    seen = set()
    for change in changes:
        for at in (at for at, step in enumerate(change.path, 1) if isinstance(step, int)):
            path = change.path[:at]
            item = {} if path in seen else lookup(obj, path)
            seen.add(path)
            # A step of Tekton needs no name: then its image identifies the step.
            known = isinstance(item, dict)
            key = next((key for key in ("name", "image") if known and isinstance(item.get(key), str)), None)
            if key is not None:
                yield (*path, key), item[key]


def _relocated(path: Path, names: Mapping[Path, Json], current: Json) -> Path | None:
    found: Path = ()
    for index, step in enumerate(path):
        name = names.get((*path[: index + 1], "name")) if isinstance(step, int) else None
        if name is None:
            found = (*found, step)
            if isinstance(step, int) and lookup(current, found) is ABSENT:
                return None
            continue
        items = lookup(current, found)
        places = [at for at, item in enumerate(items) if item.get("name") == name] if isinstance(items, list) else []
        if not places:
            return None
        found = (*found, places[0])
    return found


def _settle(obj: Json, path: Path, before: Json, after: Json) -> list[Conflict]:
    """Change `obj[path]` from `before` to `after` in place. Fields that somebody else has changed become conflicts."""
    now = lookup(obj, path)
    if type(now) is type(after) and now == after:
        return []
    if type(now) is type(before) and now == before:
        set_field(obj, path, after)
        return []
    if isinstance(now, dict) and all(side is ABSENT or isinstance(side, dict) for side in (before, after)):
        old, new = ({} if side is ABSENT else side for side in (before, after))
        conflicts = [
            conflict
            for key in [*old, *(key for key in new if key not in old)]
            for conflict in _settle(obj, (*path, key), old.get(key, ABSENT), new.get(key, ABSENT))
        ]
        if after is ABSENT and not lookup(obj, path):
            set_field(obj, path, ABSENT)
        return conflicts
    return [Conflict(path, before, now)]


def set_field(obj: Json, path: Path, value: Json) -> None:
    """Set a field in place, and create missing or null objects above it. The value ABSENT removes the field."""
    parent = lookup(obj, path[:-1])
    if parent is ABSENT or parent is None:
        if value is ABSENT:
            return
        set_field(obj, path[:-1], {})
        parent = lookup(obj, path[:-1])
    if value is ABSENT:
        parent.pop(path[-1], None)
    else:
        parent[path[-1]] = copied(value)
