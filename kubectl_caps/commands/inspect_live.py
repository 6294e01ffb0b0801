"""`inspect` on a cluster: what is there, where it runs, and what is true of it."""

import argparse
from collections.abc import Mapping

from kubectl_caps.commands.live import selection
from kubectl_caps.core.assessment import Assessment, Place, assess, worsened
from kubectl_caps.core.linux.runtimes import runtime_of
from kubectl_caps.core.ownership import Family, fold
from kubectl_caps.core.podsecurity.policy import effective_minor
from kubectl_caps.errors import CapsError


def judged(options: argparse.Namespace, minor: int | None, assumed: Place) -> tuple[list[Assessment], list[CapsError]]:
    """The assessments of what the command line means in the cluster, and what could not be read.

    Raises UsageError, ConfigError, Unreachable or ApiError.
    """
    chosen = selection(options)
    nodes = {name: Place(runtime_of(version), 1, "observed") for name, version in chosen.runtimes.items()}
    judged = effective_minor("latest", chosen.server_minor) if minor is None else minor
    rows = fold(chosen.workloads, chosen.others)
    assessed = {id(row): assess(row.workload, row.pods, _places(row, nodes) or [assumed], judged) for row in rows}
    for row in rows:
        if row.parent and not all(pod.finished for pod in row.pods):
            assessed[id(row.parent)] = worsened(assessed[id(row.parent)], assessed[id(row)])
    return list(assessed.values()), chosen.errors


def _places(row: Family, nodes: Mapping[str, Place]) -> list[Place]:
    """The nodes that a workload's pods run on, as far as they are known."""
    used = dict.fromkeys(pod.spec.node_name or "" for pod in row.pods)
    return [nodes[name] for name in used if name in nodes]
