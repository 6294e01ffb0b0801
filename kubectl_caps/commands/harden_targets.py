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
from kubectl_caps.core.pod import Metadata, OwnerReference
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


class Owners:
    """The controllers above objects, each read once."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._known: dict[str, OwnerReference | None] = {}

    def chain(self, metadata: Metadata) -> Iterator[OwnerReference]:
        """The controller, the controller's own, and so on, as far up as they can be read."""
        owner, passed = metadata.controller, set[str]()
        while owner and owner.uid not in passed:
            passed.add(owner.uid)
            yield owner
            owner = self._above(owner, metadata.namespace)

    def top(self, metadata: Metadata) -> str | None:
        """The topmost controller as kubectl prints it."""
        names = [reference(owner.api_version, owner.kind, owner.name) for owner in self.chain(metadata)]
        return names[-1] if names else None

    def _above(self, owner: OwnerReference, namespace: str | None) -> OwnerReference | None:
        if owner.uid not in self._known:
            self._known[owner.uid] = None
            try:
                group, _, version = owner.api_version.rpartition("/")
                kind = kind_of(owner.api_version, owner.kind)
                resource = resource_of(kind) if kind else self._cluster.resource(f"{owner.kind}.{version}.{group}")
                read = self._cluster.get(resource, namespace, owner.name).get("metadata", {})
                self._known[owner.uid] = msgspec.convert(read, Metadata).controller
            except CapsError:
                pass  # an owner that cannot be read is the last that is known
        return self._known[owner.uid]


def find(
    cluster: Cluster, targets: Sequence[Target], scope: Scope, owners: Owners, errors: list[CapsError]
) -> Iterator[Found]:
    """The objects; what could not be read is added to `errors`.

    What is controlled by another object is left out where that one is found as well: it stands for both.
    """
    seen: set[str | None] = set()
    owned: list[Found] = []
    left_out = 0
    # Pods come last: most of their controllers have been seen by then, and they need not be kept.
    for target in sorted(targets, key=lambda target: target.kind.kind == "Pod"):
        try:
            for found in _objects(cluster, target, scope):
                seen.add(found.metadata.uid)
                controller = found.metadata.controller
                if found.named:
                    yield found
                elif scope.namespace is None and found.metadata.namespace in SYSTEM_NAMESPACES and not scope.force:
                    left_out += 1
                elif _is_finished(found) or (controller and controller.uid in seen):
                    continue
                elif controller:
                    owned.append(found)
                else:
                    yield found
        except (ApiError, InputError) as error:
            errors.append(error)
    for found in owned:
        if not any(owner.uid in seen for owner in owners.chain(found.metadata)):
            yield found
    if left_out:
        are = "object is" if left_out == 1 else "objects are"
        say(f"{left_out} {are} in a namespace of the system and left alone; -n names one, --force takes all")


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
