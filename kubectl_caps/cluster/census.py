"""Every workload of many namespaces: one list a kind for all of them, or one a namespace where only that is allowed."""

from collections.abc import Mapping, Sequence

from kubectl_caps.cluster.inventory import Inventory, take
from kubectl_caps.cluster.objects import Cluster
from kubectl_caps.cluster.resources import resource_of
from kubectl_caps.core.workloads import KINDS, WORKLOADS, Kind, Workload
from kubectl_caps.errors import ApiError, CapsError, UsageError

FEW = 3
"""So many namespaces are listed one by one rather than with everything else in the cluster."""


def served_kinds(cluster: Cluster) -> tuple[tuple[Kind, ...], list[CapsError]]:
    """The kinds that make pods and that this cluster serves, and the error where it does not tell its resources."""
    kinds = list(WORKLOADS)
    errors: list[CapsError] = []
    for kind in KINDS:
        if kind.builtin:
            continue
        try:
            if cluster.resource(resource_of(kind).qualified).group == kind.group:
                kinds.append(kind)
        except UsageError:
            continue  # not served
        except ApiError as error:
            errors.append(error)
            break
    return tuple(kinds), errors


def census(
    cluster: Cluster, kinds: Sequence[Kind], namespaces: Sequence[str], source: Mapping[str, str]
) -> dict[str, Inventory]:
    """The workloads of each namespace, templates with their raw objects, and what could not be listed there."""
    counted = {name: Inventory({kind: [] for kind in kinds}, []) for name in namespaces}
    together = take(cluster, kinds, None, source, keep_raw=True) if len(namespaces) > FEW else Inventory({}, [])
    for kind in kinds:
        for workload in together.found.get(kind, ()):
            if workload.namespace in counted:
                counted[workload.namespace].found[kind].append(workload)
    missing = [kind for kind in kinds if kind not in together.listed]
    for name in namespaces if missing else ():
        own = take(cluster, missing, name, source, keep_raw=True)
        counted[name].found.update(own.found)
        counted[name].errors.extend(own.errors)
    for error in together.errors:
        if not isinstance(error, ApiError):
            _blame(error, counted)
    return counted


def _blame(error: CapsError, counted: Mapping[str, Inventory]) -> None:
    """An object that cannot be read is an error of every namespace: which one it is in cannot be told."""
    for inventory in counted.values():
        inventory.errors.append(error)


def all_workloads(inventory: Inventory) -> list[Workload]:
    """Everything that was found, in the order of the kinds."""
    return [workload for found in inventory.found.values() for workload in found]
