"""The state in which a run left an object: saved with the undo, so that a later undo detects newer runs."""

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from kubectl_caps.core.harden.written_fields import IN_CONTAINER, IN_POD
from kubectl_caps.core.kubernetes.changed_fields import below_container, fields
from kubectl_caps.core.kubernetes.field_path import Path, field_path
from kubectl_caps.core.kubernetes.kinds import Kind
from kubectl_caps.core.kubernetes.managed_fields import owner_of
from kubectl_caps.core.kubernetes.patch import ABSENT, Json, Patch, lookup
from kubectl_caps.core.kubernetes.pod import members
from kubectl_caps.core.kubernetes.workloads import MalformedWorkload, Workload, read_workloads


class StoredSecurityContext(Struct, frozen=True, rename="camel", omit_defaults=True):
    """A stored securityContext: its pod template, its container (empty: the pod's own), and its fields."""

    path: str
    container: str = ""
    security_context: dict[str, Any] | None = None


class Aftermath(Struct, frozen=True, rename="camel"):
    """An object after the last change that a run made.

    `field_manager` sent the change. `security_contexts` are those of its pods and containers.
    """

    generation: int
    field_manager: str
    security_contexts: list[StoredSecurityContext]


def aftermath(kind: Kind, obj: Mapping[str, Any], manager: str) -> Aftermath | None:
    """The state of an object that `manager` has just changed; None if its pod templates cannot be read."""
    try:
        workloads = list(read_workloads(kind, obj, {}))
    except MalformedWorkload:
        return None
    contexts = [
        StoredSecurityContext(field_path(workload.path), name, context if isinstance(context, dict) else None)
        for workload in workloads
        for name, at in _places(workload)
        for context in (lookup(obj, at),)
    ]
    generation = lookup(obj, ("metadata", "generation"))
    return Aftermath(generation if isinstance(generation, int) else 0, manager, contexts)


def hardened_again(left: Aftermath, undo: Patch, kind: Kind, obj: Mapping[str, Any]) -> list[Path]:
    """The fields that a later run has changed; empty if only other writers have changed the object since.

    A later run sends under the same field manager as the earlier run, or leaves no manager: a removed field belongs to
    nobody. Two things are no later run: a field that has its value from before the run again, and a container that no
    longer drops ALL. Raises MalformedWorkload if the object's pod templates cannot be read.
    """
    if left.generation == lookup(obj, ("metadata", "generation")):
        return []
    known = {(context.path, context.container): context.security_context for context in left.security_contexts}
    back = {(field.container, below_container(field.path)): field.after for field in fields(undo, obj)}
    return [
        (*at, *field)
        for workload in read_workloads(kind, obj, {})
        for name, at in _places(workload)
        for field, found in _changed(known.get((field_path(workload.path), name), ABSENT), lookup(obj, at), name)
        if not _is_same(back.get((name, below_container((*at, *field))), obj), found)
        and owner_of(obj, (*at, *field)) in ("", left.field_manager)
    ]


def _changed(before: Json, now: Json, container: str) -> Iterator[tuple[Path, Json]]:
    """The fields of a securityContext that `harden` writes and that have another value now, with the new value."""
    if before is ABSENT or (container and lookup(now, ("capabilities", "drop")) != ["ALL"]):
        return
    for field in IN_CONTAINER if container else IN_POD:
        found = lookup(now, field)
        if not _is_same(lookup(before, field), found):
            yield field, found


def _is_same(one: Json, other: Json) -> bool:
    return type(one) is type(other) and one == other


def _places(workload: Workload) -> Iterator[tuple[str, Path]]:
    """The pod (no name) and each container of a template, with the path of its securityContext."""
    of_pod = workload.place(("spec", "securityContext"))
    if of_pod is not None:
        yield "", of_pod
    for member in members(workload.template.spec):
        yield member.container.name, workload.at((*member.path, "securityContext"))
