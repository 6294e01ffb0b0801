"""Lists the workloads of many namespaces: one list for each kind, or one for each namespace if only that is allowed."""

from collections.abc import Mapping, Sequence

from kubectl_caps.cluster.api.client import Cluster
from kubectl_caps.cluster.api.decode import MalformedObject
from kubectl_caps.cluster.api.resources import served_as
from kubectl_caps.cluster.api.rights import lacking
from kubectl_caps.cluster.read.unknown_kinds import find_unknown_objects
from kubectl_caps.cluster.read.workloads import Inventory, list_kinds
from kubectl_caps.core.kubernetes.kinds import WORKLOADS, Kind, all_kinds
from kubectl_caps.core.kubernetes.workloads import Workload
from kubectl_caps.errors import ApiError, CapsError, InputError

FEW = 3
"""Up to so many namespaces are listed one by one. For more namespaces the whole cluster is listed."""


def list_workloads(cluster: Cluster, namespaces: Sequence[str], source: Mapping[str, str]) -> dict[str, Inventory]:
    """The workloads and the errors of each namespace. Workloads with a template keep their raw object.

    A list that the server refuses is an error of its namespaces. Raises Unreachable, ConfigError.
    """
    by_namespace = {name: Inventory({}, []) for name in namespaces}
    try:
        _list_into(cluster, _served_kinds(cluster), source, by_namespace)
        _add_unknown_kinds(cluster, by_namespace)
    except ApiError as error:  # discovery is refused, so only the built-in kinds can be listed
        _list_into(cluster, WORKLOADS, source, by_namespace)
        for inventory in by_namespace.values():
            inventory.errors.append(error)
    return by_namespace


def _served_kinds(cluster: Cluster) -> tuple[Kind, ...]:
    """The kinds that make pods and that this cluster serves, each in the server's preferred version."""
    served = {(item.group, item.kind): item for item in reversed(cluster.served())}
    others = [kind for kind in all_kinds() if kind not in WORKLOADS and (kind.group, kind.kind) in served]
    return (*WORKLOADS, *(served_as(kind, served[kind.group, kind.kind]) for kind in others))


def _list_into(
    cluster: Cluster, kinds: Sequence[Kind], source: Mapping[str, str], by_namespace: Mapping[str, Inventory]
) -> None:
    together = list_kinds(cluster, kinds, None, source, keep_raw=True) if len(by_namespace) > FEW else Inventory({}, [])
    for inventory in by_namespace.values():
        inventory.found = {kind: [] for kind in kinds}
    for kind in kinds:
        for workload in together.found.get(kind, ()):
            if workload.namespace in by_namespace:
                by_namespace[workload.namespace].found[kind].append(workload)
    missing = [kind for kind in kinds if kind not in together.listed]
    for name, inventory in by_namespace.items() if missing else ():
        own = list_kinds(cluster, missing, name, source, keep_raw=True)
        inventory.found.update(own.found)
        inventory.errors.extend(own.errors)
    for error in together.errors:
        if not isinstance(error, ApiError):
            _add_to_namespace(error, by_namespace)


def _add_to_namespace(error: CapsError, by_namespace: Mapping[str, Inventory]) -> None:
    """Add the error of an unreadable object to its namespace, or to every namespace if its namespace is unknown."""
    namespace = error.namespace if isinstance(error, MalformedObject) else None
    for name, inventory in by_namespace.items():
        if namespace in (name, None):
            inventory.errors.append(error)


def _add_unknown_kinds(cluster: Cluster, by_namespace: Mapping[str, Inventory]) -> None:
    """Add objects of unknown kinds that may make pods, and forbidden lists of such kinds, as errors."""
    known = {one.metadata.uid for inventory in by_namespace.values() for one in all_workloads(inventory)}
    looked = find_unknown_objects(cluster, list(by_namespace), FEW, known)
    for one in looked.found:
        # An object without a namespace may belong to any of the namespaces.
        names = list(by_namespace) if one.metadata.namespace is None else [one.metadata.namespace]
        for name in names:
            if name in by_namespace:
                by_namespace[name].errors.append(InputError(f"{one.reference} {one.why}"))
    for name, inventory in by_namespace.items():
        for listing, error in looked.refused:
            if listing.namespace in (name, None):
                why = " (forbidden)" if error.code == 403 else f": {error.words}"
                words = f"cannot list {listing.resource.qualified}{why}"
                inventory.errors.append(InputError(f"objects of unknown kinds: {words}"))
        for version in looked.stale:
            words = f"the API server of {version} does not answer"
            inventory.errors.append(InputError(f"objects of unknown kinds: {words}"))
        if looked.undefined:
            why = "every custom resource was searched for containers, because their definitions may not be listed"
            inventory.notes.append(f"{lacking(looked.undefined, 'list')}: {why}")


def all_workloads(inventory: Inventory) -> list[Workload]:
    """All found workloads, in the order of the kinds."""
    return [workload for found in inventory.found.values() for workload in found]
