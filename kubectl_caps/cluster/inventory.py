"""Lists of workloads: several kinds at a time, decoded item by item, and what could not be listed."""

from collections.abc import Iterator, Mapping, Sequence

import msgspec
from msgspec import Struct

from kubectl_caps.cluster.objects import Cluster, Listing
from kubectl_caps.cluster.resources import NODES, resource_of
from kubectl_caps.core import workloads
from kubectl_caps.core.pod import Metadata
from kubectl_caps.core.workloads import Kind, MalformedWorkload, Workload
from kubectl_caps.errors import ApiError, CapsError, InputError


class Inventory(Struct):
    """What was found by kind, and the errors: a forbidden list, an object that cannot be read."""

    found: dict[Kind, list[Workload]]
    errors: list[CapsError]

    def of(self, kinds: Sequence[Kind]) -> list[Workload]:
        """The workloads of some kinds, in this order."""
        return [workload for kind in kinds for workload in self.found.get(kind, ())]


class _NodeInfo(Struct, frozen=True, rename="camel"):
    container_runtime_version: str = ""


class _NodeStatus(Struct, frozen=True, rename="camel"):
    node_info: _NodeInfo = _NodeInfo()


class _Node(Struct, frozen=True):
    metadata: Metadata = Metadata()
    status: _NodeStatus = _NodeStatus()


def take(
    cluster: Cluster,
    kinds: Sequence[Kind],
    namespace: str | None,
    source: Mapping[str, str],
    selector: str | None = None,
) -> Inventory:
    """Every workload of these kinds in a namespace (None: in all), several lists at a time."""
    listings = [Listing(resource_of(kind), namespace, label_selector=selector) for kind in kinds]
    inventory = Inventory({kind: [] for kind in kinds}, [])
    for kind, answer in zip(kinds, cluster.list_many(listings), strict=True):
        try:
            for raw in _items(answer):
                _decode(kind, raw, source, inventory)
        except ApiError as error:
            inventory.errors.append(error)
    return inventory


def _items(answer: Iterator[msgspec.Raw] | ApiError) -> Iterator[msgspec.Raw]:
    if isinstance(answer, ApiError):
        raise answer
    yield from answer


def runtimes(cluster: Cluster) -> dict[str, str] | ApiError:
    """Each node's `containerRuntimeVersion` by the node's name; the error where nodes may not be listed."""
    try:
        return dict(_nodes(cluster))
    except ApiError as error:
        return error


def _nodes(cluster: Cluster) -> Iterator[tuple[str, str]]:
    decoder = msgspec.json.Decoder(_Node)
    for page in cluster.pages(NODES, None):
        for raw in page:
            node = decoder.decode(raw)
            yield node.metadata.name or "", node.status.node_info.container_runtime_version


def _decode(kind: Kind, raw: msgspec.Raw, source: Mapping[str, str], inventory: Inventory) -> None:
    try:
        inventory.found[kind].extend(workloads.read(kind, raw, source))
    except MalformedWorkload as error:
        name = msgspec.json.decode(raw, type=_Node).metadata.name
        inventory.errors.append(InputError(f"{workloads.reference(kind.api_version, kind.kind, name or '')}: {error}"))
