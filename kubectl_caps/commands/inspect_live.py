"""`inspect` on a cluster: what is there, where it runs, what is seen in it, and what is true of it."""

import argparse
from collections.abc import Iterator, Mapping, Sequence

from msgspec.structs import replace

from kubectl_caps.commands.live import Selection, selection
from kubectl_caps.commands.observing import not_observed
from kubectl_caps.core.assessment import Assessment, Place, assess, worsened
from kubectl_caps.core.linux.runtimes import runtime_of
from kubectl_caps.core.linux.sets import CapabilitySet
from kubectl_caps.core.observation import Observation, tells_all
from kubectl_caps.core.ownership import Family, fold
from kubectl_caps.core.pod import Pod, members
from kubectl_caps.core.podsecurity.policy import effective_minor, is_clamped
from kubectl_caps.errors import CapsError
from kubectl_caps.report.terminal import say

Nodes = Mapping[str, Place]


def judged(options: argparse.Namespace, minor: int | None, assumed: Place) -> tuple[list[Assessment], list[CapsError]]:
    """The assessments of what the command line means in the cluster, and what could not be read.

    Raises UsageError, ConfigError, Unreachable or ApiError.
    """
    chosen = selection(options)
    nodes: Nodes = {name: Place(runtime_of(version), 1, "observed") for name, version in chosen.runtimes.items()}
    judged = effective_minor("latest", chosen.server_minor) if minor is None else minor
    if minor is None and is_clamped("latest", chosen.server_minor):
        say(f"The API server is 1.{chosen.server_minor}; the newest Pod Security rules known here are v1.{judged}.")
    rows = fold(chosen.workloads, chosen.others)
    seen = _observations(options, chosen, rows, nodes) if options.live else [[] for _ in rows]
    nodes = _with_what_they_have(nodes, rows, seen)
    assessed = {
        id(row): assess(row.workload, row.pods, _places(row, nodes) or [assumed], judged, observations)
        for row, observations in zip(rows, seen, strict=True)
    }
    for row in rows:
        if row.parent and not all(pod.finished for pod in row.pods):
            assessed[id(row.parent)] = worsened(assessed[id(row.parent)], assessed[id(row)])
    for row in rows:
        if row.parent:
            assessed[id(row)] = replace(assessed[id(row)], owner=row.parent.workload)
    return list(assessed.values()), [*chosen.errors, *not_observed(assessed.values())]


def _observations(
    options: argparse.Namespace, chosen: Selection, rows: Sequence[Family], nodes: Nodes
) -> list[list[Observation]]:
    """For each row what is seen in the containers of its pods."""
    from kubectl_caps.cluster.live import LIMIT, Observer
    from kubectl_caps.commands.observing import observe, targets

    if options.image:
        say("Ephemeral containers cannot be removed: where one is needed, it stays in the record of its pod.")
    observer = Observer(chosen.cluster, chosen.runner, image=options.image, limit=chosen.timeout or LIMIT)
    wanted = [targets(row) for row in rows]
    seen = iter(observe(observer, [target for some in wanted for target in some]))
    return [[_there(next(seen), target.pod, nodes) for target in some] for some in wanted]


def _there(observation: Observation, pod: Pod, nodes: Nodes) -> Observation:
    place = nodes.get(pod.spec.node_name or "")
    return replace(observation, runtime=place.runtime) if place else observation


def _with_what_they_have(nodes: Nodes, rows: Sequence[Family], seen: Sequence[Sequence[Observation]]) -> Nodes:
    """The nodes with what ALL is there, where a container that has it was observed."""
    known = dict(_told(rows, seen))
    return {name: replace(place, node_all=known.get(name)) for name, place in nodes.items()}


def _told(rows: Sequence[Family], seen: Sequence[Sequence[Observation]]) -> Iterator[tuple[str, CapabilitySet]]:
    for row, observations in zip(rows, seen, strict=True):
        pods = {pod.metadata.name: pod for pod in row.pods}
        for observation in observations:
            pod = pods[observation.pod]
            container = next(one.container for one in members(pod.spec) if one.container.name == observation.container)
            if granted := tells_all(observation, container):
                yield pod.spec.node_name or "", granted


def _places(row: Family, nodes: Nodes) -> list[Place]:
    """The nodes that a workload's pods run on, as far as they are known."""
    used = dict.fromkeys(pod.spec.node_name or "" for pod in row.pods)
    return [nodes[name] for name in used if name in nodes]
