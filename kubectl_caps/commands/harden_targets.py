"""Which objects of a cluster are to be hardened: named ones, all of some types, or every top owner."""

import argparse
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from kubectl_caps.cluster.objects import Cluster
from kubectl_caps.cluster.resources import parse_targets, resource_of, workload_kinds
from kubectl_caps.commands.live import Target
from kubectl_caps.core.labelling import SYSTEM_NAMESPACES
from kubectl_caps.core.pod import Metadata
from kubectl_caps.core.workloads import KINDS, Kind, kind_of, reference
from kubectl_caps.errors import ApiError, CapsError, InputError, UsageError
from kubectl_caps.report.terminal import say


class Found(Struct, frozen=True):
    """An object that was asked for, whole, and its metadata; `named` if its name was on the command line."""

    kind: Kind
    obj: dict[str, Any]
    metadata: Metadata
    named: bool


class Scope(Struct, frozen=True):
    """Where to look; no namespace means all of them."""

    namespace: str | None
    selector: str | None
    force: bool


def asked(cluster: Cluster, options: argparse.Namespace) -> list[Target]:
    """What the command line means. Raises UsageError with kubectl's words."""
    targets = [
        Target(kind, name)
        for word, name in parse_targets(options.resources)
        for kind in workload_kinds(cluster, word)
    ] if options.resources else [Target(kind, None) for kind in _served(cluster)]  # fmt: skip
    if any(target.name is not None for target in targets):
        if options.all_namespaces:
            raise UsageError("a resource cannot be retrieved by name across all namespaces")
        if options.selector:
            raise UsageError("name cannot be provided when a selector is specified")
        if options.all:
            raise UsageError("name cannot be provided when --all is specified")
    return list(dict.fromkeys(targets))


def find(cluster: Cluster, targets: Sequence[Target], scope: Scope, errors: list[CapsError]) -> Iterator[Found]:
    """The objects; what could not be read is added to `errors`. What is part of another object is left out and said."""
    owned: dict[str, list[str]] = {}
    left_out = 0
    for target in targets:
        try:
            for found in _objects(cluster, target, scope):
                if found.named:
                    yield found
                elif scope.namespace is None and found.metadata.namespace in SYSTEM_NAMESPACES and not scope.force:
                    left_out += 1
                elif owner := found.metadata.controller:
                    name = reference(owner.api_version, owner.kind, owner.name)
                    owned.setdefault(name, []).append(found.metadata.name or "")
                elif not _is_finished(found):
                    yield found
        except (ApiError, InputError) as error:
            errors.append(error)
    if left_out:
        are = "object is" if left_out == 1 else "objects are"
        say(f"{left_out} {are} in a namespace of the system and left alone; -n names one, --force takes all")
    if owned:
        count = sum(map(len, owned.values()))
        some = ", ".join(list(owned)[:_SHOWN]) + (", …" if len(owned) > _SHOWN else "")
        say(f"{count} object{'s are' if count > 1 else ' is'} controlled by others and left alone (by {some})")


def top_owner(cluster: Cluster, metadata: Metadata, known: dict[str, str]) -> str | None:
    """The topmost controller as kubectl prints it, as far up as it can be read. `known` remembers the answers."""
    owner = metadata.controller
    if owner is None:
        return None
    if owner.uid not in known:
        known[owner.uid] = reference(owner.api_version, owner.kind, owner.name)
        try:
            group, _, version = owner.api_version.rpartition("/")
            kind = kind_of(owner.api_version, owner.kind)
            resource = resource_of(kind) if kind else cluster.resource(f"{owner.kind}.{version}.{group}")
            above = cluster.get(resource, metadata.namespace, owner.name).get("metadata", {})
            known[owner.uid] = top_owner(cluster, msgspec.convert(above, Metadata), known) or known[owner.uid]
        except CapsError:
            pass  # an owner that cannot be read is named itself
    return known[owner.uid]


_SHOWN = 3


def _served(cluster: Cluster) -> Iterator[Kind]:
    """Every kind that runs pods, of the custom ones those that this cluster serves."""
    for kind in KINDS:
        if kind.builtin:
            if kind.kind != "PodTemplate":  # runs nothing by itself
                yield kind
            continue
        try:
            cluster.resource(f"{kind.plural}.{kind.version}.{kind.group}")
        except UsageError:
            continue
        yield kind


def _objects(cluster: Cluster, target: Target, scope: Scope) -> Iterator[Found]:
    resource = resource_of(target.kind)
    if target.name is not None:
        yield _found(target, cluster.get(resource, scope.namespace, target.name))
        return
    for page in cluster.pages(resource, scope.namespace, label_selector=scope.selector):
        for raw in page:
            # Items of a list carry neither apiVersion nor kind.
            yield _found(target, {"apiVersion": target.kind.api_version, "kind": target.kind.kind, **_decoded(raw)})


def _decoded(raw: msgspec.Raw) -> dict[str, Any]:
    obj: dict[str, Any] = msgspec.json.decode(raw)
    return obj


def _found(target: Target, obj: dict[str, Any]) -> Found:
    return Found(target.kind, obj, msgspec.convert(obj["metadata"], Metadata), target.name is not None)


def _is_finished(found: Found) -> bool:
    """Whether a pod or a job has ended for good: it runs nothing any more."""
    status = found.obj.get("status") or {}
    if found.kind.kind == "Pod":
        return status.get("phase") in ("Succeeded", "Failed")
    conditions = status.get("conditions") or () if found.kind.kind == "Job" else ()
    return any(item.get("type") in ("Complete", "Failed") and item.get("status") == "True" for item in conditions)
