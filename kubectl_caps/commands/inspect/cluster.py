"""Runs `inspect` on a cluster: lists workloads, pods and nodes, reads processes (`--live`), and assesses workloads."""

from collections.abc import Iterator, Mapping, Sequence

from msgspec.structs import replace

from kubectl_caps.cli.inspect import InspectArguments
from kubectl_caps.cluster.api.client import Cluster
from kubectl_caps.cluster.read.held_by import held_by
from kubectl_caps.commands.inspect.observe_all import not_observed
from kubectl_caps.commands.shared.connect import Selection, selection
from kubectl_caps.core.assess.assess import assess
from kubectl_caps.core.assess.assessment import Assessment, NodeRuntime, with_worst
from kubectl_caps.core.assess.coverage import Coverage
from kubectl_caps.core.assess.processes import Observation, tells_all
from kubectl_caps.core.kubernetes.job_run import is_cron_job
from kubectl_caps.core.kubernetes.kinds import kind_of
from kubectl_caps.core.kubernetes.node_runtimes import node_runtimes
from kubectl_caps.core.kubernetes.pod import Pod, members
from kubectl_caps.core.linux.runtimes import runtime_of
from kubectl_caps.core.linux.sets import CapabilitySet
from kubectl_caps.core.pods.owners import WorkloadRow, fold, workload_key
from kubectl_caps.core.podsecurity.policy import effective_minor, is_clamped
from kubectl_caps.errors import CapsError
from kubectl_caps.report.terminal import say

Nodes = Mapping[str, NodeRuntime]


def inspect_cluster(
    arguments: InspectArguments, assumed: NodeRuntime
) -> tuple[list[Assessment], list[CapsError], Coverage, int | None, Cluster]:
    """The assessments of the selected workloads, the errors, the counts, the version of the rules, and the cluster.

    The version is the requested one, or the server's; None if the server does not tell it. Raises UsageError,
    ConfigError, Unreachable or ApiError.
    """
    chosen, minor = selection(arguments), arguments.minor
    nodes = _nodes(chosen)
    judged = effective_minor("latest", chosen.server_minor) if minor is None else minor
    if minor is None and is_clamped("latest", chosen.server_minor):
        say(f"The API server is 1.{chosen.server_minor}; the newest Pod Security rules known here are v1.{judged}.")
    rows = fold(chosen.workloads, chosen.others)
    seen = _observations(arguments, chosen, rows, nodes) if arguments.live else [()] * len(rows)
    nodes = _with_all_capabilities(nodes, rows, seen)
    assessed = [
        assess(row.workload, row.pods, _places(row, nodes) or [assumed], judged, observations, once=True)
        for row, observations in zip(rows, seen, strict=True)
    ]
    _join_owners(rows, assessed)
    errors = [*chosen.errors, *not_observed(assessed)]
    rules = chosen.server_minor if minor is None else minor
    return assessed, errors, _coverage(chosen, rows), rules, chosen.cluster


def in_detail(cluster: Cluster, assessment: Assessment) -> Assessment:
    """The assessment with the facts of the detailed view: a CronJob's last run, and the policy of the namespace."""
    held = held_by(cluster, assessment.workload.namespace)
    return replace(with_last_run(cluster, assessment), held_by=held)


def with_last_run(cluster: Cluster, assessment: Assessment) -> Assessment:
    """The assessment of a CronJob with the status of its last run. Any other assessment is returned unchanged."""
    kind = kind_of(assessment.workload.api_version, assessment.workload.kind)
    if kind is None or not is_cron_job(kind):
        return assessment
    from kubectl_caps.cluster.read.job_runs import last_run  # a slow import: it loads the log patterns

    return replace(assessment, last_run=last_run(cluster, assessment.workload))


def _nodes(chosen: Selection) -> Nodes:
    """The runtimes of the nodes: from the nodes, or from the status of pods if nodes may not be listed."""
    pods = (one.template for one in [*chosen.workloads, *chosen.others] if isinstance(one.template, Pod))
    runtimes = node_runtimes(pods)
    for name, info in chosen.nodes.items():
        runtimes[name] = runtime_of(info.container_runtime_version, info.kubelet_version)
    return {name: NodeRuntime(runtime, 1, "observed") for name, runtime in runtimes.items()}


def _coverage(chosen: Selection, rows: Sequence[WorkloadRow]) -> Coverage:
    """The counts behind the verdicts. ReplicaSets without a row of their own count as passed over."""
    judged = {row.key for row in rows}
    merged = (pod for row in rows for pod in row.pods if pod is not row.workload.template)
    judged.update((pod.metadata.uid or "", 0, ()) for pod in merged)
    passed_over = sum(workload_key(workload) not in judged for workload in chosen.workloads)
    return Coverage(len(judged), passed_over, len(chosen.errors))


def _join_owners(rows: Sequence[WorkloadRow], assessed: list[Assessment]) -> None:
    """Give each owner the worst risk and level of the pods with rows of their own, and each such pod its owner."""
    owned = [(at, row, row.parent) for at, row in enumerate(rows) if row.parent]
    parents = {parent.key for _, _, parent in owned}
    place = {row.key: at for at, row in enumerate(rows) if row.key in parents}
    for at, row, parent in owned:
        above = place[parent.key]
        if not all(pod.finished for pod in row.pods):
            assessed[above] = with_worst(assessed[above], assessed[at])
    for at, _, parent in owned:
        assessed[at] = replace(assessed[at], owner=parent.workload)


def _observations(
    arguments: InspectArguments, chosen: Selection, rows: Sequence[WorkloadRow], nodes: Nodes
) -> list[list[Observation]]:
    """The observations of the containers of each row's pods."""
    from kubectl_caps.cluster.read.processes import LIMIT, Observer
    from kubectl_caps.commands.inspect.observe_all import container_targets, observe

    if arguments.image:
        say("Ephemeral containers cannot be removed: where one is needed, it stays in the record of its pod.")
    observer = Observer(chosen.cluster, chosen.runner, image=arguments.image, limit=chosen.timeout or LIMIT)
    wanted = [container_targets(row) for row in rows]
    seen = iter(observe(observer, [target for some in wanted for target in some]))
    return [[_with_runtime(next(seen), target.pod, nodes) for target in some] for some in wanted]


def _with_runtime(observation: Observation, pod: Pod, nodes: Nodes) -> Observation:
    place = nodes.get(pod.spec.node_name or "")
    return replace(observation, runtime=place.runtime) if place else observation


def _with_all_capabilities(nodes: Nodes, rows: Sequence[WorkloadRow], seen: Sequence[Sequence[Observation]]) -> Nodes:
    """The nodes with the capabilities of ALL, if a container with ALL was observed on the node."""
    known = dict(_capabilities_of_all(rows, seen))
    return {name: replace(place, node_all=known.get(name)) for name, place in nodes.items()}


def _capabilities_of_all(
    rows: Sequence[WorkloadRow], seen: Sequence[Sequence[Observation]]
) -> Iterator[tuple[str, CapabilitySet]]:
    for row, observations in zip(rows, seen, strict=True):
        pods = {pod.metadata.name: pod for pod in row.pods}
        for observation in observations:
            pod = pods[observation.pod]
            container = next(one.container for one in members(pod.spec) if one.container.name == observation.container)
            if granted := tells_all(observation, container):
                yield pod.spec.node_name or "", granted


def _places(row: WorkloadRow, nodes: Nodes) -> list[NodeRuntime]:
    """The known nodes of a workload's pods."""
    used = dict.fromkeys(pod.spec.node_name or "" for pod in row.pods)
    return [nodes[name] for name in used if name in nodes]
