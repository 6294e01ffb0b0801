"""The fields that `harden` writes: a saved undo may change these and no others."""

from collections.abc import Iterator, Mapping
from typing import Any

from kubectl_caps.core.kubernetes.changed_fields import leaves
from kubectl_caps.core.kubernetes.field_path import Path
from kubectl_caps.core.kubernetes.kinds import Kind
from kubectl_caps.core.kubernetes.min_ready import MIN_READY
from kubectl_caps.core.kubernetes.patch import ABSENT, Json, Patch
from kubectl_caps.core.podsecurity.checks.app_armor_profile import PREFIX

_PROFILE: dict[Path, type] = {("type",): str, ("localhostProfile",): str}
_BOTH: dict[Path, type] = {
    ("runAsUser",): int,
    ("runAsNonRoot",): bool,
    **{(key, *rest): kind for key in ("seccompProfile", "appArmorProfile") for rest, kind in _PROFILE.items()},
}
IN_POD: Mapping[Path, type] = _BOTH
"""The fields of a pod's securityContext that `harden` writes, with the type of each (plan.py, restricted.py)."""

IN_CONTAINER: Mapping[Path, type] = {
    **_BOTH,
    ("allowPrivilegeEscalation",): bool,
    ("procMount",): str,
    ("capabilities", "add"): list,
    ("capabilities", "drop"): list,
}
"""The fields of a container's securityContext that `harden` writes."""

_CONTEXT_OF_POD: Path = ("spec", "securityContext")
_ANNOTATIONS: Path = ("metadata", "annotations")


def others(patch: Patch, kind: Kind) -> Iterator[Path]:
    """The fields of a patch that `harden` does not write, or with a value that `harden` cannot have written."""
    for change in patch.changes:
        for path, before, after in leaves(change.path, change.before, change.after):
            if path == MIN_READY and all(_is(value, int) for value in (before, after)):
                continue
            if not all(_is_written(path, value, kind) for value in (before, after)):
                yield path


def _is_written(path: Path, value: Json, kind: Kind) -> bool:
    if kind.convert is None:
        inside = _inside(path, kind.template)
        return inside is not None and _fits(inside, value)
    below = (_inside(path, container) for container in kind.containers)
    return any(_in_table(one[1:], value, IN_CONTAINER) for one in below if one and one[0] == "securityContext")


def _inside(path: Path, template: Path) -> Path | None:
    """The path below the pod template; None for a field outside of the template."""
    if len(path) < len(template):
        return None
    for step, wanted in zip(path, template, strict=False):
        if not (isinstance(step, int) if wanted == "*" else step == wanted):
            return None
    return path[len(template) :]


def _fits(path: Path, value: Json) -> bool:
    """Whether a field of a pod template is a written field, or an empty mapping that can hold only written fields."""
    if path[:2] == _ANNOTATIONS:
        is_ours = len(path) == len(_ANNOTATIONS) + 1 and str(path[-1]).startswith(PREFIX)
        return _is(value, str) if is_ours else path == _ANNOTATIONS and _bare(value)
    if path[:2] == _CONTEXT_OF_POD:
        return _in_table(path[2:], value, IN_POD)
    in_container = path[:1] == ("spec",) and path[1:2] in (("containers",), ("initContainers",))
    if in_container and isinstance((*path, "")[2], int) and path[3:4] == ("securityContext",):
        return _in_table(path[4:], value, IN_CONTAINER)
    return False


def _in_table(path: Path, value: Json, table: Mapping[Path, type]) -> bool:
    kind = table.get(path)
    if kind is not None:
        return _is(value, kind)
    return _bare(value) and any(field[: len(path)] == path for field in table)


def _bare(value: Json) -> bool:
    return value is ABSENT or value is None or value == {}


def _is(value: Any, kind: type) -> bool:
    if value is ABSENT or value is None:
        return True
    if kind is list:
        return isinstance(value, list) and all(isinstance(item, str) for item in value)
    return type(value) is kind
