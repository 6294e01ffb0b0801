"""Lists workloads: several kinds at a time, decoded item by item, with the errors of lists and objects."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from kubectl_caps.cluster.api.client import Cluster, Listing
from kubectl_caps.cluster.api.decode import MalformedObject, decode_item
from kubectl_caps.cluster.api.resources import NODES, resource_of
from kubectl_caps.core.assess.judged_volumes import with_judged_volumes
from kubectl_caps.core.kubernetes.fingerprint import fingerprint
from kubectl_caps.core.kubernetes.kinds import Kind, kind_of
from kubectl_caps.core.kubernetes.pod import Metadata, OwnerReference, Pod
from kubectl_caps.core.kubernetes.unknown_kinds import read_whole
from kubectl_caps.core.kubernetes.workloads import MalformedWorkload, Workload
from kubectl_caps.errors import ApiError, CapsError, NotByNamespace

T = TypeVar("T")


class Inventory(Struct):
    """The workloads by kind, and the errors: refused lists and unreadable objects.

    `listed` are the kinds whose list was read to its end. `notes` name missing rights that change no verdict.
    """

    found: dict[Kind, list[Workload]]
    errors: list[CapsError]
    listed: set[Kind] = msgspec.field(default_factory=set)
    notes: list[str] = []

    def of(self, kinds: Sequence[Kind]) -> list[Workload]:
        """The workloads of these kinds, in the order of the kinds."""
        return [workload for kind in kinds for workload in self.found.get(kind, ())]


class NodeInfo(Struct, frozen=True, rename="camel"):
    """The versions in a node's status, for example `containerd://2.1.4` and `v1.34.1`."""

    container_runtime_version: str = ""
    kubelet_version: str = ""


class _NodeStatus(Struct, frozen=True, rename="camel"):
    node_info: NodeInfo = NodeInfo()


class _Node(Struct, frozen=True):
    metadata: Metadata = Metadata()
    status: _NodeStatus = _NodeStatus()


_NODE = msgspec.json.Decoder(_Node)


class KindListing(Struct):
    """A kind to list, the selector of its labels, and the errors: the refused list, and unreadable objects."""

    kind: Kind
    selector: str | None = None
    errors: list[CapsError] = msgspec.field(default_factory=list)


def list_kinds(
    cluster: Cluster,
    kinds: Sequence[Kind],
    namespace: str | None,
    source: Mapping[str, str],
    selector: str | None = None,
    *,
    keep_raw: bool = False,
) -> Inventory:
    """Every workload of these kinds in a namespace (None: in all namespaces). Several lists are read at a time.

    With `keep_raw` a workload keeps the object as the server sent it, except a pod that a built-in controller has made.
    A refused list is an error of the inventory. Raises Unreachable, ConfigError.
    """
    listings = [Listing(resource_of(kind), namespace, label_selector=selector) for kind in kinds]
    inventory = Inventory({kind: [] for kind in kinds}, [])
    shared = _Shared()
    for kind, answer in zip(kinds, cluster.list_many(listings), strict=True):
        try:
            for raw in _items(answer):
                inventory.found[kind] += _decode(
                    kind, raw, source, inventory.errors, namespace, shared, keep_raw=keep_raw
                )
            inventory.listed.add(kind)
        except ApiError as error:
            inventory.errors.append(error)
    return inventory


def by_namespace(
    cluster: Cluster, wanted: Sequence[KindListing], source: Mapping[str, str]
) -> Iterator[list[list[Workload]]]:
    """The workloads of one namespace after the other: for each namespace, a list for each wanted kind.

    Only one namespace is held at a time, because the API server sorts each list by namespace. A pod has only the
    volumes that an assessment reads. Raises NotByNamespace if a list is not sorted (the store of k3s did not always
    sort) or has an object without a namespace, which may own pods of any namespace. Also raises Unreachable,
    ConfigError.
    """
    shared = _Shared(only_judged=True)
    with cluster.lists([Listing(resource_of(one.kind), label_selector=one.selector) for one in wanted]) as answers:
        decoded = (_decoded(one, raws, source, shared) for one, raws in zip(wanted, answers, strict=True))
        groups = [groupby(workloads, _place) for workloads in decoded]
        heads = [next(group, None) for group in groups]
        last = _NOWHERE
        while places := [head[0] for head in heads if head]:
            if (place := min(places)) <= last:
                raise NotByNamespace
            last = place
            shared.clear()
            yield _taken(place, groups, heads)


_NOWHERE = "/"


def _place(workload: Workload) -> str:
    """The place of a workload's namespace in a list: etcd sorts the keys `/registry/KIND/NAMESPACE/NAME`."""
    return f"{workload.namespace}/"


_Group = tuple[str, Iterator[Workload]]


def _taken(place: str, groups: Sequence[Iterator[_Group]], heads: list[_Group | None]) -> list[list[Workload]]:
    """The workloads at this place. Each head that was there becomes the next of its group."""
    found: list[list[Workload]] = []
    for index, head in enumerate(heads):
        here = head is not None and head[0] == place
        found.append(list(head[1]) if head and here else [])
        if here:
            heads[index] = next(groups[index], None)
    return found


def _decoded(
    wanted: KindListing, answer: Iterator[msgspec.Raw], source: Mapping[str, str], shared: "_Shared"
) -> Iterator[Workload]:
    try:
        for raw in answer:
            yield from _decode(wanted.kind, raw, source, wanted.errors, None, shared)
    except ApiError as error:
        wanted.errors.append(error)


def _items(answer: Iterator[msgspec.Raw] | ApiError) -> Iterator[msgspec.Raw]:
    if isinstance(answer, ApiError):
        raise answer
    yield from answer


def list_nodes(cluster: Cluster, errors: list[CapsError]) -> dict[str, NodeInfo] | ApiError:
    """Each node's `nodeInfo` by the node's name, or the error if the server refuses the list.

    The error of a malformed node is added to `errors`. Raises Unreachable, ConfigError.
    """
    try:
        return dict(_nodes(cluster, errors))
    except ApiError as error:
        return error


def _nodes(cluster: Cluster, errors: list[CapsError]) -> Iterator[tuple[str, NodeInfo]]:
    for page in cluster.pages(NODES, None):
        for raw in page:
            try:
                node = decode_item(_NODE, raw, NODES.api_version, NODES.kind)
            except MalformedObject as error:
                errors.append(error)
                continue
            yield node.metadata.name or "", node.status.node_info


def _decode(
    kind: Kind,
    raw: msgspec.Raw,
    source: Mapping[str, str],
    errors: list[CapsError],
    namespace: str | None,
    shared: "_Shared",
    *,
    keep_raw: bool = False,
) -> list[Workload]:
    """The workloads of one object. A malformed object has none, and its error is added to `errors`."""
    try:
        found = read_whole(kind, raw, source)
    except MalformedWorkload as error:
        obj = msgspec.json.decode(raw)
        errors.append(MalformedObject(kind.api_version, kind.kind, obj, str(error), namespace))
        return []
    if keep_raw and (kind.template or not any(_is_builtin(one.metadata.controller) for one in found)):
        copy = raw.copy()  # a Raw keeps its whole page in memory
        found = [replace(workload, raw=copy) for workload in found]
    return list(map(shared.pod, found))


class _Shared:
    """Keeps equal parts of pods only once, to save memory. The pods of a cluster have few different specs.

    With `only_judged`, volumes that no assessment reads are left out.
    """

    def __init__(self, *, only_judged: bool = False) -> None:
        self._only_judged = only_judged
        self._parts: dict[int, Any] = {}  # by a hash, which takes less memory than the fingerprint

    def clear(self) -> None:
        """Let go of all parts."""
        self._parts.clear()

    def of(self, part: T) -> T:
        """The first part that was equal to this part."""
        same = None if part is None else fingerprint(part)
        found: T = part if same is None else self._parts.setdefault(hash((type(part), same)), part)
        return found if found is part or found == part else part

    def pod(self, workload: Workload) -> Workload:
        """The pod with shared parts. Any other workload is returned unchanged."""
        pod, metadata = workload.template, workload.metadata
        if not isinstance(pod, Pod):
            return workload
        labels, annotations = self.of(metadata.labels), self.of(metadata.annotations)
        metadata = replace(metadata, labels=labels, annotations=annotations, namespace=self.of(metadata.namespace))
        spec = self.of(with_judged_volumes(pod.spec) if self._only_judged else pod.spec)
        pod = replace(pod, metadata=metadata, spec=spec, status=self.of(pod.status))
        return replace(workload, metadata=metadata, template=pod)


def _is_builtin(controller: OwnerReference | None) -> bool:
    row = kind_of(controller.api_version, controller.kind) if controller else None
    return row is not None and row.builtin
