"""Which objects of the cluster a command line means, and what has to be read beside them."""

import argparse
from collections.abc import Callable, Sequence

import msgspec
from msgspec import Struct

from kubectl_caps.cluster.connection import Connection
from kubectl_caps.cluster.inventory import runtimes, take
from kubectl_caps.cluster.kubeconfig import Overrides, load
from kubectl_caps.cluster.objects import Cluster
from kubectl_caps.cluster.resources import parse_targets, resource_of, workload_kinds
from kubectl_caps.cluster.transport import Connected, Runner, connect
from kubectl_caps.core.workloads import WORKLOADS, Kind, MalformedWorkload, Workload
from kubectl_caps.core.workloads import read as read_workloads
from kubectl_caps.errors import ApiError, CapsError, InputError, UsageError
from kubectl_caps.report.terminal import say
from kubectl_caps.report.terminal import warn as warn_once


class Selection(Struct, frozen=True):
    """The workloads that are meant, what else tells of them (pods, owners), and what could not be read."""

    workloads: list[Workload]
    others: list[Workload]
    cluster: Cluster
    runner: Runner
    runtimes: dict[str, str]
    server_minor: int
    timeout: float | None
    errors: list[CapsError]


class Target(Struct, frozen=True):
    """A kind, and one object of it; no name means all of the namespace."""

    kind: Kind
    name: str | None


def connected(options: argparse.Namespace, warn: Callable[[str], None] = warn_once) -> tuple[Cluster, str, str]:
    """The cluster that the flags and the kubeconfig name, the namespace to work in, and the context's name.

    `warn` is given the text of every warning that the API server sends.
    """
    transport, connection = _connected(options, warn)
    return Cluster(transport), connection.namespace, connection.context


def working_namespace(options: argparse.Namespace) -> str:
    """The namespace of the flags, or of the kubeconfig's context."""
    return load(msgspec.convert(vars(options), Overrides)).namespace


def _connected(options: argparse.Namespace, warn: Callable[[str], None] = warn_once) -> tuple[Connected, Connection]:
    connection = load(msgspec.convert(vars(options), Overrides))
    return connect(connection, warn=warn), connection


def targets(cluster: Cluster, words: Sequence[str]) -> list[Target]:
    """TYPE, TYPE NAME…, TYPE/NAME… as kinds of workloads. Raises UsageError with kubectl's words."""
    if not words:
        return []
    return [Target(kind, name) for word, name in parse_targets(words) for kind in workload_kinds(cluster, word)]


def selection(options: argparse.Namespace) -> Selection:
    """What `inspect` is asked to show. Raises UsageError, ConfigError, Unreachable or ApiError."""
    transport, connection = _connected(options)
    cluster, namespace, context = Cluster(transport), connection.namespace, connection.context
    asked = targets(cluster, options.resources) or [Target(kind, None) for kind in WORKLOADS]
    scope = None if options.all_namespaces else namespace
    named = [target for target in asked if target.name is not None]
    if named and options.all_namespaces:
        raise UsageError("a resource cannot be retrieved by name across all namespaces")
    if named and options.selector:
        raise UsageError("name cannot be provided when a selector is specified")
    source = {"context": context}
    kinds = tuple(dict.fromkeys(target.kind for target in asked if target.name is None))
    inventory = take(cluster, kinds, scope, source, options.selector)
    workloads = inventory.of(kinds)
    for target in named:
        workloads += _one(cluster, target, namespace, source, inventory.errors)
    listed = () if options.selector else kinds
    beside = tuple(kind for kind in _BESIDE if kind not in listed)
    others = take(cluster, beside, scope, source)
    inventory.errors += [error for error in others.errors if str(error) not in map(str, inventory.errors)]
    nodes = runtimes(cluster)
    if isinstance(nodes, ApiError):
        say(f"{nodes}; the container runtime is assumed")
        nodes = {}
    minor = cluster.server_version()[1]
    return Selection(
        workloads, others.of(beside), cluster, transport, nodes, minor, connection.timeout, inventory.errors
    )


# Pods tell the user and the node; ReplicaSets and Jobs stand between pods and what is asked for.
_BESIDE = tuple(kind for kind in WORKLOADS if kind.kind in ("Pod", "ReplicaSet", "Job"))


def _one(
    cluster: Cluster, target: Target, namespace: str, source: dict[str, str], errors: list[CapsError]
) -> list[Workload]:
    """One named object; an error of the API about it is added to `errors`, so that the others are still judged."""
    try:
        obj = cluster.get(resource_of(target.kind), namespace, target.name or "")
        return list(read_workloads(target.kind, obj, source))
    except ApiError as error:
        errors.append(error)
    except MalformedWorkload as error:
        errors.append(InputError(f"{target.kind.plural} {target.name}: {error}"))
    return []
