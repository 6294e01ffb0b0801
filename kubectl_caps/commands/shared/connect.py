"""Connects to the cluster, and reads the workloads that the command line names."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain

import msgspec
from msgspec import Struct

from kubectl_caps.cli.arguments import ClusterArguments
from kubectl_caps.cli.inspect import InspectArguments
from kubectl_caps.cluster.api.client import Cluster
from kubectl_caps.cluster.api.resources import NAMESPACES, parse_targets, resource_of, served_as, workload_kinds
from kubectl_caps.cluster.api.rights import lacking
from kubectl_caps.cluster.config.connection import Connection
from kubectl_caps.cluster.config.kubeconfig import Overrides, load_connection
from kubectl_caps.cluster.http.request_log import RequestLog
from kubectl_caps.cluster.http.transport import Connected, Runner, connect
from kubectl_caps.cluster.read.workloads import KindListing, NodeInfo, by_namespace, list_kinds, list_nodes
from kubectl_caps.core.kubernetes.kinds import WORKLOADS, Kind, added_kinds
from kubectl_caps.core.kubernetes.unknown_kinds import read_whole
from kubectl_caps.core.kubernetes.workloads import MalformedWorkload, Workload
from kubectl_caps.core.podsecurity.policy import NEWEST_MINOR
from kubectl_caps.errors import ApiError, CapsError, InputError, Unreachable, UsageError
from kubectl_caps.report.terminal import log, say
from kubectl_caps.report.terminal import warn as warn_once


class Selected(Struct, frozen=True):
    """The selected workloads of one namespace, or all of them.

    `others` are pods, ReplicaSets and Jobs that link workloads to their pods.
    """

    workloads: list[Workload]
    others: list[Workload]


class Selection(Struct, frozen=True):
    """The selected workloads, and the parts of the cluster that are needed to judge them.

    `by_namespace` reads the workloads of one namespace after the other, `at_once` reads them all. `by_namespace` raises
    NotByNamespace for a cluster that cannot be read so. Both add to `errors` the lists and objects that could not be
    read, and raise Unreachable or ConfigError. `nodes` is None if nodes may not be listed. `server_minor` is None if
    the server does not tell its version. `timeout` is --request-timeout in seconds.
    """

    by_namespace: Callable[[], Iterator[Selected]]
    at_once: Callable[[], Selected]
    cluster: Cluster
    runner: Runner
    nodes: dict[str, NodeInfo] | None
    server_minor: int | None
    timeout: float | None
    errors: list[CapsError]


class NamedTarget(Struct, frozen=True):
    """A kind, and the name of one object. A name of None means all objects of the namespace."""

    kind: Kind
    name: str | None


def connected(arguments: ClusterArguments, warn: Callable[[str], None] = warn_once) -> tuple[Cluster, str, str]:
    """The cluster that the flags and the kubeconfig name, the namespace to work in, and the context's name.

    `warn` gets the text of each Warning header of the API server. Raises ConfigError.
    """
    transport, connection = _connected(arguments, warn)
    return Cluster(transport), connection.namespace, connection.context


def connected_runner(arguments: ClusterArguments) -> tuple[Connected, Connection]:
    """The transport that sends requests and runs programs in containers, and its connection. Raises ConfigError."""
    return _connected(arguments)


def working_namespace(arguments: ClusterArguments) -> str:
    """The namespace of the flags, or of the kubeconfig's context. Raises ConfigError."""
    return load_connection(_overrides(arguments)).namespace


def _connected(arguments: ClusterArguments, warn: Callable[[str], None] = warn_once) -> tuple[Connected, Connection]:
    connection = load_connection(_overrides(arguments))
    return connect(connection, warn=warn, log=RequestLog(arguments.verbosity, log)), connection


def _overrides(arguments: ClusterArguments) -> Overrides:
    return msgspec.convert(arguments, Overrides, from_attributes=True)


def named_targets(cluster: Cluster, words: Sequence[str]) -> list[NamedTarget]:
    """The kinds and names that the arguments TYPE, TYPE NAME… or TYPE/NAME… mean. Raises UsageError, ApiError."""
    if not words:
        return []
    return [NamedTarget(kind, name) for word, name in parse_targets(words) for kind in workload_kinds(cluster, word)]


def selection(arguments: InspectArguments) -> Selection:
    """What the command line selects, to be read. Raises UsageError, ConfigError, Unreachable or ApiError."""
    transport, connection = _connected(arguments)
    cluster, namespace, context = Cluster(transport), connection.namespace, connection.context
    added = [served_as(kind, cluster.resource(f"{kind.kind}.{kind.group}")) for kind in added_kinds()]
    targets = named_targets(cluster, arguments.resources) or [NamedTarget(kind, None) for kind in (*WORKLOADS, *added)]
    named = [target for target in targets if target.name is not None]
    if named and arguments.all_namespaces:
        raise UsageError("a resource cannot be retrieved by name across all namespaces")
    if named and arguments.selector:
        raise UsageError("name cannot be provided when a selector is specified")
    of_nodes: list[CapsError] = []
    nodes = list_nodes(cluster, of_nodes)
    if isinstance(nodes, ApiError):
        say(f"{lacking(nodes, 'list')}: the container runtime is read from the status of pods, and else assumed")
    kinds = tuple(dict.fromkeys(target.kind for target in targets if target.name is None))
    listed = () if arguments.selector else kinds
    reading = _Reading(
        cluster=cluster,
        kinds=kinds,
        beside=tuple(kind for kind in _LINKING_KINDS if kind not in listed),
        named=named,
        scope=None if arguments.all_namespaces else namespace,
        selector=arguments.selector,
        source={"context": context},
        gate=arguments.gate.is_asked,
        of_nodes=of_nodes,
    )
    return Selection(
        by_namespace=reading.by_namespace,
        at_once=reading.at_once,
        cluster=cluster,
        runner=transport,
        nodes=None if isinstance(nodes, ApiError) else nodes,
        server_minor=server_minor(cluster),
        timeout=connection.timeout,
        errors=reading.errors,
    )


class _Reading(Struct):
    """Reads the selected workloads. `beside` are the kinds that link workloads to pods. A `scope` of None means all."""

    cluster: Cluster
    kinds: tuple[Kind, ...]
    beside: tuple[Kind, ...]
    named: list[NamedTarget]
    scope: str | None
    selector: str | None
    source: dict[str, str]
    gate: bool
    of_nodes: list[CapsError]
    errors: list[CapsError] = []

    def by_namespace(self) -> Iterator[Selected]:
        """See Selection."""
        selected = [KindListing(kind, self.selector) for kind in self.kinds]
        beside = [KindListing(kind) for kind in self.beside]
        # `map` does not hold the workloads of a namespace while the next one is read, but a variable would.
        yield from map(self._selected, by_namespace(self.cluster, [*selected, *beside], self.source))
        self.errors[:] = chain.from_iterable(one.errors for one in selected)
        self._add(error for one in beside for error in one.errors)
        self.errors.extend(self.of_nodes)

    def _selected(self, found: list[list[Workload]]) -> Selected:
        parts = found[: len(self.kinds)], found[len(self.kinds) :]
        return Selected(*(list(chain.from_iterable(part)) for part in parts))

    def at_once(self) -> Selected:
        """See Selection."""
        inventory = list_kinds(self.cluster, self.kinds, self.scope, self.source, self.selector)
        self.errors[:] = inventory.errors
        workloads = inventory.of(self.kinds)
        for target in self.named:
            workloads += _one(self.cluster, target, self.scope or "", self.source, self.errors)
        others = list_kinds(self.cluster, self.beside, self.scope, self.source)
        self._add(others.errors)
        if self.gate and self.scope and not (workloads or self.errors):
            self.errors += _missing_namespace(self.cluster, self.scope)
        self.errors.extend(self.of_nodes)
        return Selected(workloads, others.of(self.beside))

    def _add(self, errors: Iterable[CapsError]) -> None:
        """Add the errors of kinds beside. A kind that is also selected may have the same error already."""
        known = set(map(str, self.errors))
        self.errors.extend(error for error in errors if str(error) not in known)


def _missing_namespace(cluster: Cluster, name: str) -> list[CapsError]:
    """The error for a namespace that does not exist. Its lists are empty, and an empty list must not pass a gate.

    Without the right to get the namespace there is no error, because many users may list workloads without this right.
    """
    try:
        cluster.get(NAMESPACES, None, name)
    except ApiError as error:
        return [] if error.code == 403 else [error]
    return []


def server_minor(cluster: Cluster) -> int | None:
    """The minor version of the server's Pod Security. None, and a line on stderr, if the server does not tell it."""
    try:
        return cluster.server_version().minor
    except (ApiError, Unreachable) as error:
        say(f"The API server does not tell its version: judged by the rules of v1.{NEWEST_MINOR}: {error.words}")
        return None


# Pods carry two facts that templates lack: the user id and the node. ReplicaSets and Jobs link pods to owners.
_LINKING_KINDS = tuple(kind for kind in WORKLOADS if kind.kind in ("Pod", "ReplicaSet", "Job"))


def _one(
    cluster: Cluster, target: NamedTarget, namespace: str, source: dict[str, str], errors: list[CapsError]
) -> list[Workload]:
    """The workloads of one named object. An ApiError is added to `errors`, so that other objects are still judged."""
    try:
        obj = cluster.get(resource_of(target.kind), namespace, target.name or "")
        return read_whole(target.kind, obj, source)
    except ApiError as error:
        errors.append(error)
    except MalformedWorkload as error:
        problem = InputError(f"{target.kind.plural} {target.name}: {error}")
        problem.about = {"kind": target.kind.kind, "namespace": namespace, "name": target.name or ""}
        errors.append(problem)
    return []
