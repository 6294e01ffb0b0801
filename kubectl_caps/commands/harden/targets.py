"""Finds the objects to harden on a cluster: named objects, all objects of some types, or every top owner."""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from kubectl_caps.cli.harden import HardenArguments
from kubectl_caps.cluster.api.client import Cluster
from kubectl_caps.cluster.api.decode import MalformedObject, metadata_of
from kubectl_caps.cluster.api.resources import parse_targets, resource_of, served_as, workload_kinds
from kubectl_caps.commands.shared.connect import NamedTarget
from kubectl_caps.core.kubernetes.kinds import Kind, all_kinds, kind_of
from kubectl_caps.core.kubernetes.pod import Metadata, OwnerReference
from kubectl_caps.core.kubernetes.workloads import reference
from kubectl_caps.core.label.plan_labels import SYSTEM_NAMESPACES
from kubectl_caps.core.pods.inactive import has_ended
from kubectl_caps.errors import ApiError, CapsError, InputError, UsageError
from kubectl_caps.report.terminal import say


class HardenTarget(Struct, frozen=True):
    """A requested object with its metadata. `named` says that the command line has the name of the object."""

    kind: Kind
    obj: dict[str, Any]
    metadata: Metadata
    named: bool


class TargetScope(Struct, frozen=True):
    """The namespace and the label selector of the search. A namespace of None means all namespaces.

    With `force`, namespaces of the system are searched, too.
    """

    namespace: str | None
    selector: str | None
    force: bool


def requested_targets(cluster: Cluster, arguments: HardenArguments) -> list[NamedTarget]:
    """The kinds and names that the command line names or selects. Raises UsageError in kubectl's words, ApiError."""
    targets = [
        NamedTarget(kind, name)
        for word, name in parse_targets(arguments.resources)
        for kind in workload_kinds(cluster, word)
    ] if arguments.resources else [NamedTarget(kind, None) for kind in _served(cluster)]  # fmt: skip
    if any(target.name is not None for target in targets):
        if arguments.all_namespaces:
            raise UsageError("a resource cannot be retrieved by name across all namespaces")
        if arguments.selector:
            raise UsageError("name cannot be provided when a selector is specified")
        if arguments.all:
            raise UsageError("name cannot be provided when --all is specified")
    return list(dict.fromkeys(targets))


class Owners:
    """Finds the controllers of objects, and reads each controller once."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._known: dict[str, OwnerReference | None] = {}

    def chain(self, metadata: Metadata) -> Iterator[OwnerReference]:
        """The controller of an object, then the controller's controller, and so on, as far as they can be read."""
        owner, passed = metadata.controller, set[str]()
        while owner and owner.uid not in passed:
            passed.add(owner.uid)
            yield owner
            owner = self._above(owner, metadata.namespace)

    def top(self, metadata: Metadata) -> str | None:
        """The topmost controller as kubectl prints it; None for an object without a controller."""
        names = [reference(owner.api_version, owner.kind, owner.name) for owner in self.chain(metadata)]
        return names[-1] if names else None

    def _above(self, owner: OwnerReference, namespace: str | None) -> OwnerReference | None:
        if owner.uid not in self._known:
            self._known[owner.uid] = None
            try:
                group, _, version = owner.api_version.rpartition("/")
                kind = kind_of(owner.api_version, owner.kind)
                word = f"{owner.kind}.{version}.{group}"
                resource = resource_of(kind) if kind and kind.builtin else self._cluster.resource(word)
                read = self._cluster.get(resource, namespace, owner.name)
                self._known[owner.uid] = metadata_of(owner.api_version, owner.kind, read).controller
            except CapsError as error:  # the chain ends at an owner that cannot be read
                if isinstance(error, ApiError) and error.code == 403:
                    name = reference(owner.api_version, owner.kind, owner.name)
                    say(f"{name}: its own controller cannot be read: {error}")
        return self._known[owner.uid]


def find_targets(
    cluster: Cluster, targets: Sequence[NamedTarget], scope: TargetScope, owners: Owners
) -> Iterator[HardenTarget | CapsError]:
    """The objects, and an error for each object that could not be read.

    An object is left out if its controller is among the objects, too.
    """
    seen: set[str | None] = set()
    owned: list[HardenTarget] = []
    left_out = 0
    # Pods come last, because most of their controllers have been found by then.
    for target in sorted(targets, key=lambda target: target.kind.kind == "Pod"):
        try:
            for found in _objects(cluster, target, scope):
                if isinstance(found, MalformedObject):
                    yield found
                    continue
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
            yield error
    for found in owned:
        if not any(owner.uid in seen for owner in owners.chain(found.metadata)):
            yield found
    if left_out:
        are = "object is" if left_out == 1 else "objects are"
        say(f"{left_out} {are} in a namespace of the system and left alone; -n names one, --force takes all")


def _served(cluster: Cluster) -> Iterator[Kind]:
    """Every kind that runs pods. A custom kind is left out if this cluster does not serve it."""
    for kind in all_kinds():
        if kind.builtin:
            if kind.kind != "PodTemplate":  # a PodTemplate runs no pods
                yield kind
            continue
        try:
            yield served_as(kind, cluster.resource(f"{kind.kind}.{kind.group}"))
        except UsageError:
            continue


def _objects(cluster: Cluster, target: NamedTarget, scope: TargetScope) -> Iterator[HardenTarget | MalformedObject]:
    resource = resource_of(target.kind)
    if target.name is not None:
        yield _found(target, cluster.get(resource, scope.namespace, target.name))
        return
    for page in cluster.pages(resource, scope.namespace, label_selector=scope.selector):
        for raw in page:
            try:
                yield _found(target, msgspec.json.decode(raw))
            except MalformedObject as error:
                yield error


def _found(target: NamedTarget, obj: Any) -> HardenTarget:
    """The target of an object in a list. Raises MalformedObject."""
    api_version, kind = target.kind.api_version, target.kind.kind
    metadata = metadata_of(api_version, kind, obj)
    # The items of a list have neither apiVersion nor kind.
    return HardenTarget(
        target.kind, {"apiVersion": api_version, "kind": kind, **obj}, metadata, target.name is not None
    )


def _is_finished(found: HardenTarget) -> bool:
    """Whether a pod, a Job or a run of Tekton has ended."""
    if found.kind.kind == "Pod" and found.kind.builtin:
        return (found.obj.get("status") or {}).get("phase") in ("Succeeded", "Failed")
    return has_ended(found.kind.api_version, found.kind.kind, found.obj)
