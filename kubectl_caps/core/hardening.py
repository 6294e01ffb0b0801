"""From a workload and what the user asks for to the changes of its containers' security contexts.

`capabilities.drop` becomes exactly `["ALL"]`, `allowPrivilegeEscalation` false, and only the chosen capabilities are
added. What the manifest adds already stays to the letter: a spelling that a runtime ignores today (`CAP_NET_ADMIN` on
containerd) would *grant* something if it were put right.
"""

import copy
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from msgspec import Struct

from kubectl_caps.core.patch import ABSENT, Json, Patch, between, lookup
from kubectl_caps.core.pod import Member, Path, field_path, members
from kubectl_caps.core.profile import restrict_alone, restrict_container, restrict_pod, what_is_left, without_unconfined
from kubectl_caps.core.workloads import Workload


class Wishes(Struct, frozen=True, kw_only=True):
    """What the command line asks for. `add` holds canonical names; no `containers` means all of them."""

    add: tuple[str, ...] = ()
    containers: tuple[str, ...] = ()
    remove_adds: bool = False
    escalation: Literal["false", "keep"] = "false"
    profile: Literal["none", "restricted"] = "none"
    run_as_user: int | None = None


class Note(Struct, frozen=True):
    """Something the user should know of one container (or of the pod, where `container` is empty)."""

    container: str
    message: str


class Hardening(Struct, frozen=True):
    """The patch, what to say beside it, and why it must not be sent (`refusals`, empty where it may)."""

    patch: Patch
    notes: tuple[Note, ...] = ()
    refusals: tuple[Note, ...] = ()


class Field(Struct, frozen=True):
    """One leaf of a change, for people: where, in which container, old and new."""

    path: Path
    container: str
    before: Json
    after: Json


def harden(obj: Mapping[str, Any], workloads: tuple[Workload, ...], wishes: Wishes) -> Hardening:
    """The hardening of one object; `workloads` are its pod templates as `workloads.read` gave them.

    Raises ValueError where `wishes.containers` names a container that the object does not have.
    """
    wanted = copy.deepcopy(dict(obj))
    notes: list[Note] = []
    refusals: list[Note] = []
    missing = set(wishes.containers)
    for workload in workloads:
        missing -= {member.container.name for member in members(workload.template.spec)}
        _harden_template(wanted, workload, wishes, notes, refusals)
    if missing:
        raise ValueError(_no_such_container(missing, workloads))
    return Hardening(between(obj, wanted), tuple(notes), tuple(refusals))


def fields(patch: Patch, obj: Mapping[str, Any]) -> Iterator[Field]:
    """The single fields that a patch changes, an object that is added or removed whole taken apart."""
    for change in patch.changes:
        for path, before, after in _leaves(change.path, change.before, change.after):
            yield Field(path, _container_at(path, obj), before, after)


def wished(patch: Patch, obj: Mapping[str, Any]) -> frozenset[tuple[str, str, str, str]]:
    """What a patch changes, whatever the places of the containers: to compare the plans of two states of an object."""
    return frozenset(
        (field.container, field_path(_below_container(field.path)), repr(field.before), repr(field.after))
        for field in fields(patch, obj)
    )


def void_adds(add: list[str], drop: list[str]) -> list[str]:
    """The adds that the same container also drops, so that neither containerd nor CRI-O grants them.

    Both compare in upper case and take drops away last. An add with `CAP_` is void on containerd anyway, so a drop
    without it makes it void on CRI-O too.
    """
    dropped = {name.upper() for name in drop} - {"ALL"}
    return [name for name in add if {name.upper(), name.upper().removeprefix("CAP_")} & dropped]


def disputed_adds(add: list[str], drop: list[str]) -> list[str]:
    """The adds that are dropped with `CAP_` only: containerd drops nothing and grants them, CRI-O takes them away."""
    dropped, void = {name.upper() for name in drop}, void_adds(add, drop)
    return [name for name in add if f"CAP_{name.upper()}" in dropped and name not in void]


def _harden_template(
    wanted: dict[str, Any], workload: Workload, wishes: Wishes, notes: list[Note], refusals: list[Note]
) -> None:
    spec = workload.template.spec
    if spec.os and spec.os.name == "windows":
        notes.append(Note("", "a Windows pod has no Linux capabilities: left as it is"))
        return
    chosen = []
    for member in members(spec):
        name = member.container.name
        if member.role == "ephemeral" or (wishes.containers and name not in wishes.containers):
            continue
        if member.container.security.privileged:
            notes.append(Note(name, "is privileged, which overrides capabilities: left as it is"))
            continue
        raw = lookup(wanted, (*workload.path, *member.path))
        _set_security_context(raw, _container_context(member, raw, wishes, notes, refusals))
        chosen.append(member)
    if chosen and (wishes.profile == "restricted" or wishes.run_as_user is not None):
        _beyond_capabilities(lookup(wanted, workload.path), chosen, workload, wishes, notes, refusals)


def _beyond_capabilities(
    template: dict[str, Any],
    chosen: list[Member],
    workload: Workload,
    wishes: Wishes,
    notes: list[Note],
    refusals: list[Note],
) -> None:
    """User and profile: on the pod where all its containers are meant, else on each container that is."""
    pod = template["spec"]
    if len(chosen) == sum(member.role != "ephemeral" for member in members(workload.template.spec)):
        _set_security_context(pod, _pod_context(pod, wishes))
    else:
        for member in chosen:
            context = lookup(template, member.path)["securityContext"]
            _alone(context, pod.get("securityContext") or {}, wishes)
    if wishes.profile == "restricted":
        _drop_annotations(template, {member.container.name for member in chosen})
        refusals.extend(_root_users(template, chosen))
        notes.extend(Note("", text) for text in what_is_left(template))


def _set_security_context(holder: dict[str, Any], context: dict[str, Any]) -> None:
    if context or holder.get("securityContext") is not None:
        holder["securityContext"] = context


def _container_context(
    member: Member, raw: dict[str, Any], wishes: Wishes, notes: list[Note], refusals: list[Note]
) -> dict[str, Any]:
    name = member.container.name
    context = dict(raw.get("securityContext") or {})
    add = _adds(member, wishes, notes, refusals)
    if wishes.escalation == "false" and context.get("allowPrivilegeEscalation") is not False:
        if "CAP_SYS_ADMIN" in add:
            notes.append(Note(name, "adds CAP_SYS_ADMIN, so the API refuses allowPrivilegeEscalation=false: left"))
        else:
            context["allowPrivilegeEscalation"] = False
    capabilities = dict(context.get("capabilities") or {})
    capabilities["drop"] = ["ALL"]
    if add:
        capabilities["add"] = add
    elif capabilities.get("add"):
        del capabilities["add"]
    context["capabilities"] = capabilities
    if wishes.profile == "restricted":
        restrict_container(context)
    if wishes.run_as_user is not None and context.get("runAsUser") is not None:
        context["runAsUser"] = wishes.run_as_user
    return context


def _adds(member: Member, wishes: Wishes, notes: list[Note], refusals: list[Note]) -> list[str]:
    """The new `capabilities.add`: what is declared and holds today, then what was asked for."""
    name, declared = member.container.name, member.container.capabilities
    kept = list(declared.add or [])
    if kept and wishes.remove_adds:
        notes.append(Note(name, f"adds {', '.join(kept)}: removed (--remove-adds)"))
        kept = []
    if void := void_adds(kept, declared.drop or []):
        notes.append(Note(name, f"adds and drops {', '.join(void)}, which is void today: the add goes"))
        kept = [item for item in kept if item not in void]
    if disputed := [item for item in disputed_adds(kept, declared.drop or []) if item.upper() not in wishes.add]:
        refusals.append(Note(name, _disputed(disputed)))
    if any(item.upper() == "ALL" for item in kept):
        refusals.append(Note(name, "adds ALL capabilities; --remove-adds takes that away, --add says what to keep"))
    for item in kept:
        if item.upper().startswith("CAP_"):
            bare = item.upper().removeprefix("CAP_")
            grants = "grants" if bare in wishes.add else "would grant"
            notes.append(Note(name, f"keeps its declared add {item}, void on containerd; --add {bare} {grants} it"))
    if plain := [item for item in kept if not item.upper().startswith("CAP_") and item not in disputed]:
        notes.append(Note(name, f"keeps its declared add {', '.join(plain)} (--remove-adds takes it away)"))
    return kept + [item for item in wishes.add if item not in {entry.upper() for entry in kept}]


def _disputed(names: list[str]) -> str:
    dropped, bare = ", ".join(f"CAP_{name.upper()}" for name in names), ",".join(name.upper() for name in names)
    who = f"adds {', '.join(names)} and drops {dropped}: granted by containerd today, not by CRI-O"
    return f"{who}; --add {bare} grants it everywhere, --remove-adds nowhere"


def _pod_context(pod: dict[str, Any], wishes: Wishes) -> dict[str, Any]:
    context = dict(pod.get("securityContext") or {})
    if wishes.run_as_user is not None:
        context["runAsUser"] = wishes.run_as_user
    if wishes.profile == "restricted":
        restrict_pod(context)
    return context


def _alone(context: dict[str, Any], pod: dict[str, Any], wishes: Wishes) -> None:
    if wishes.run_as_user is not None:
        context["runAsUser"] = wishes.run_as_user
    if wishes.profile == "restricted":
        restrict_alone(context, pod)


def _drop_annotations(template: dict[str, Any], names: set[str]) -> None:
    annotations = (template.get("metadata") or {}).get("annotations")
    if not annotations:
        return
    left = without_unconfined(annotations, lambda name: name in names)
    if left:
        template["metadata"]["annotations"] = left
    else:  # the API server drops an empty map, so an undo that puts one key back would find no place for it
        del template["metadata"]["annotations"]


def _root_users(template: dict[str, Any], chosen: list[Member]) -> Iterator[Note]:
    """The kubelet does not start a container with runAsNonRoot=true and runAsUser=0."""
    says = "runs as user 0, which runAsNonRoot=true forbids; name another with --run-as-user UID"
    of_pod = (template["spec"].get("securityContext") or {}).get("runAsUser")
    for member in chosen:
        own = lookup(template, member.path)["securityContext"].get("runAsUser")
        if (of_pod if own is None else own) == 0:
            yield Note(member.container.name, says)


def _leaves(path: Path, before: Json, after: Json) -> Iterator[tuple[Path, Json, Json]]:
    sides = [side for side in (before, after) if side is not ABSENT]
    if sides and all(isinstance(side, Mapping) and side for side in sides):
        keys = dict.fromkeys(key for side in sides for key in side)
        for key in keys:
            yield from _leaves((*path, key), lookup(before, (key,)), lookup(after, (key,)))
    else:
        yield path, before, after


def _below_container(path: Path) -> Path:
    """The path from the container on, or the whole path of a field of the pod."""
    lists = [at for at, step in enumerate(path) if step in ("containers", "initContainers")]
    return path[lists[-1] + 2 :] if lists else path


def _container_at(path: Path, obj: Mapping[str, Any]) -> str:
    for end in range(len(path), 0, -1):
        if path[end - 2 : end - 1] in (("containers",), ("initContainers",)):
            name = lookup(obj, (*path[:end], "name"))
            return name if isinstance(name, str) else field_path(path[:end])
    return ""


def _no_such_container(missing: set[str], workloads: tuple[Workload, ...]) -> str:
    names = [member.container.name for workload in workloads for member in members(workload.template.spec)]
    wrong = ", ".join(sorted(missing))
    return f"container {wrong} is not valid for {workloads[0].reference}; its containers are {', '.join(names)}"
