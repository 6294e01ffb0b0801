"""Lists of workloads: several kinds at a time, decoded item by item, and what could not be listed."""

from collections.abc import Iterator, Mapping, Sequence

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from kubectl_caps.cluster.objects import Cluster, Listing
from kubectl_caps.cluster.resources import NODES, resource_of
from kubectl_caps.core import workloads
from kubectl_caps.core.pod import Metadata
from kubectl_caps.core.workloads import Kind, MalformedWorkload, Workload
from kubectl_caps.errors import ApiError, CapsError, InputError


class Inventory(Struct):
    """What was found by kind, the errors (a forbidden list, an unreadable object), and the kinds listed whole."""

    found: dict[Kind, list[Workload]]
    errors: list[CapsError]
    listed: set[Kind] = msgspec.field(default_factory=set)

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


_NODE = msgspec.json.Decoder(_Node)


def take(
    cluster: Cluster,
    kinds: Sequence[Kind],
    namespace: str | None,
    source: Mapping[str, str],
    selector: str | None = None,
    *,
    keep_raw: bool = False,
) -> Inventory:
    """Every workload of these kinds in a namespace (None: in all), several lists at a time.

    With `keep_raw` those that are not pods themselves keep the object as it was sent.
    """
    listings = [Listing(resource_of(kind), namespace, label_selector=selector) for kind in kinds]
    inventory = Inventory({kind: [] for kind in kinds}, [])
    for kind, answer in zip(kinds, cluster.list_many(listings), strict=True):
        try:
            for raw in _items(answer):
                _decode(kind, raw, source, inventory, keep_raw=keep_raw)
            inventory.listed.add(kind)
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
    for page in cluster.pages(NODES, None):
        for raw in page:
            node = _NODE.decode(raw)
            yield node.metadata.name or "", node.status.node_info.container_runtime_version


def _decode(kind: Kind, raw: msgspec.Raw, source: Mapping[str, str], inventory: Inventory, *, keep_raw: bool) -> None:
    try:
        found = list(workloads.read(kind, raw, source))
    except MalformedWorkload as error:
        metadata = _NODE.decode(raw).metadata
        name = workloads.reference(kind.api_version, kind.kind, metadata.name or "")
        inventory.errors.append(InputError(f"{name} in namespace {metadata.namespace}: {error}"))
        return
    if keep_raw and kind.template:
        copy = raw.copy()  # a Raw keeps its whole page in memory
        found = [replace(workload, raw=copy) for workload in found]
    inventory.found[kind].extend(found)
