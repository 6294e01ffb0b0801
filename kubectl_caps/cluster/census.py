"""Every workload of many namespaces: one list a kind for all of them, or one a namespace where only that is allowed."""

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from kubectl_caps.cluster.inventory import Inventory, take
from kubectl_caps.cluster.objects import Cluster
from kubectl_caps.cluster.strangers import strangers
from kubectl_caps.core.workloads import KINDS, WORKLOADS, Kind, Workload
from kubectl_caps.errors import ApiError, CapsError, InputError

FEW = 3
"""So many namespaces are listed one by one rather than with everything else in the cluster."""


def census(cluster: Cluster, namespaces: Sequence[str], source: Mapping[str, str]) -> dict[str, Inventory]:
    """The workloads of each namespace, templates with their raw objects, and what could not be looked at there."""
    counted = {name: Inventory({}, []) for name in namespaces}
    try:
        _count(cluster, _served_kinds(cluster), source, counted)
        _add_strangers(cluster, counted)
    except ApiError as error:  # the server does not tell what it serves
        _count(cluster, WORKLOADS, source, counted)
        for inventory in counted.values():
            inventory.errors.append(error)
    return counted


def _served_kinds(cluster: Cluster) -> tuple[Kind, ...]:
    """The kinds that make pods and that this cluster serves, each in the version that the server prefers."""
    served = {(item.group, item.kind): item.version for item in reversed(cluster.served())}
    others = [kind for kind in KINDS if kind not in WORKLOADS and (kind.group, kind.kind) in served]
    return (*WORKLOADS, *(replace(kind, version=served[kind.group, kind.kind]) for kind in others))


def _count(
    cluster: Cluster, kinds: Sequence[Kind], source: Mapping[str, str], counted: Mapping[str, Inventory]
) -> None:
    together = take(cluster, kinds, None, source, keep_raw=True) if len(counted) > FEW else Inventory({}, [])
    for inventory in counted.values():
        inventory.found = {kind: [] for kind in kinds}
    for kind in kinds:
        for workload in together.found.get(kind, ()):
            if workload.namespace in counted:
                counted[workload.namespace].found[kind].append(workload)
    missing = [kind for kind in kinds if kind not in together.listed]
    for name, inventory in counted.items() if missing else ():
        own = take(cluster, missing, name, source, keep_raw=True)
        inventory.found.update(own.found)
        inventory.errors.extend(own.errors)
    for error in together.errors:
        if not isinstance(error, ApiError):
            _blame(error, counted)


def _blame(error: CapsError, counted: Mapping[str, Inventory]) -> None:
    """An object that cannot be read is an error of its namespace, which the text names (inventory.take)."""
    for name, inventory in counted.items():
        if f" in namespace {name}: " in str(error):
            inventory.errors.append(error)


def _add_strangers(cluster: Cluster, counted: Mapping[str, Inventory]) -> None:
    """Objects of unknown kinds that may make pods, and lists of such that are forbidden, as errors."""
    known = {one.metadata.uid for inventory in counted.values() for one in all_workloads(inventory)}
    found, refused = strangers(cluster, list(counted), FEW, known)
    for one in found:
        if inventory := counted.get(one.metadata.namespace or ""):
            inventory.errors.append(InputError(f"{one.reference} {one.why}"))
    for name, inventory in counted.items():
        kinds = [
            f"{listing.resource.qualified} ({'forbidden' if error.code == 403 else 'not listed'})"
            for listing, error in refused
            if listing.namespace in (name, None)
        ]
        if kinds:
            inventory.errors.append(InputError(f"what kinds unknown here make: {', '.join(kinds)}"))


def all_workloads(inventory: Inventory) -> list[Workload]:
    """Everything that was found, in the order of the kinds."""
    return [workload for found in inventory.found.values() for workload in found]
