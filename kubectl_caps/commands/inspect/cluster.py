"""Runs `inspect` on a cluster: lists workloads, pods and nodes, reads processes (`--live`), and assesses workloads."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import chain, pairwise

from msgspec.structs import replace

from kubectl_caps.cli.inspect import InspectArguments
from kubectl_caps.cluster.api.client import Cluster
from kubectl_caps.cluster.read.held_by import held_by
from kubectl_caps.commands.inspect.observe_all import not_observed
from kubectl_caps.commands.inspect.result import InspectionResult
from kubectl_caps.commands.shared.connect import Selected, Selection, everything, selection
from kubectl_caps.core.assess.assess import assess
from kubectl_caps.core.assess.assessment import Assessment, NodeRuntime, with_worst
from kubectl_caps.core.assess.coverage import Coverage, total
from kubectl_caps.core.assess.processes import Observation, tells_all
from kubectl_caps.core.kubernetes.job_run import is_cron_job
from kubectl_caps.core.kubernetes.kinds import kind_of
from kubectl_caps.core.kubernetes.node_runtimes import node_runtimes
from kubectl_caps.core.kubernetes.pod import Pod, members
from kubectl_caps.core.linux.runtimes import runtime_of
from kubectl_caps.core.linux.sets import CapabilitySet
from kubectl_caps.core.pods.owners import WorkloadRow, fold, workload_key
from kubectl_caps.core.podsecurity.policy import effective_minor, is_clamped
from kubectl_caps.report.terminal import say

Nodes = Mapping[str, NodeRuntime]

_AT_A_TIME = 500
"""Rows that are assessed before they are written. An assessment takes a third of the memory of its pod."""


def inspect_cluster(arguments: InspectArguments, assumed: NodeRuntime) -> InspectionResult:
    """The assessments of the selected workloads. Raises UsageError, ConfigError, Unreachable or ApiError."""
    chosen, minor = selection(arguments), arguments.minor
    if minor is None and is_clamped("latest", chosen.server_minor):
        newest = effective_minor("latest", chosen.server_minor)
        say(f"The API server is 1.{chosen.server_minor}; the newest Pod Security rules known here are v1.{newest}.")
    result = InspectionResult(
        parts=iter(()),
        errors=[],
        locate=lambda workload, path: None,
        minor=chosen.server_minor if minor is None else minor,
        in_detail=partial(in_detail, chosen.cluster),
    )
    result.parts = _parts(arguments, chosen, assumed, result)
    return result


def _parts(
    arguments: InspectArguments, chosen: Selection, assumed: NodeRuntime, result: InspectionResult
) -> Iterator[list[Assessment]]:
    """The assessments, namespace by namespace. Adds the errors and the counts to the result."""
    nodes = {
        name: NodeRuntime(runtime_of(info.container_runtime_version, info.kubelet_version), 1, "observed")
        for name, info in (chosen.nodes or {}).items()
    }
    parts = chosen.by_namespace
    if arguments.live or chosen.nodes is None:  # the pods of all namespaces tell of their nodes
        parts = map(everything, [parts])
    # Nothing here holds a part while the next one is read: `chain` and `map` do not, but a variable would.
    yield from chain.from_iterable(map(partial(_assessed, arguments, chosen, assumed, nodes, result), parts))
    result.errors = [*chosen.errors, *result.errors]
    result.coverage = replace(result.coverage, not_read=len(chosen.errors))


def _assessed(
    arguments: InspectArguments,
    chosen: Selection,
    assumed: NodeRuntime,
    nodes: Nodes,
    result: InspectionResult,
    found: Selected,
) -> Iterator[list[Assessment]]:
    """The assessments of one part of the selection, some at a time. Adds their counts and errors to the result."""
    minor = effective_minor("latest", chosen.server_minor) if arguments.minor is None else arguments.minor
    rows = fold(found.workloads, found.others)
    result.coverage = total([result.coverage, _coverage(found, rows)])
    nodes = {**_told_by_pods(found), **nodes}
    seen: Sequence[Sequence[Observation]] = [()] * len(rows)
    if arguments.live:
        seen = _observations(arguments, chosen, rows, nodes)
        nodes = _with_all_capabilities(nodes, rows, seen)
    for start, end in pairwise([*_starts(rows, len(rows) if arguments.live else _AT_A_TIME), len(rows)]):
        assessed = [
            assess(row.workload, row.pods, _places(row, nodes) or [assumed], minor, observations, once=True)
            for row, observations in zip(rows[start:end], seen[start:end], strict=True)
        ]
        _join_owners(rows[start:end], assessed)
        result.errors += not_observed(assessed)
        yield assessed


def _starts(rows: Sequence[WorkloadRow], count: int) -> Iterator[int]:
    """The indexes at which `count` rows or a few more begin. The rows of an owner's pods stay with the owner's row."""
    last = None
    for index, row in enumerate(rows):
        if last is None or (index - last >= count and row.parent is None):
            yield (last := index)


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


def _told_by_pods(found: Selected) -> Nodes:
    """The runtimes of nodes, as the status of their pods tells them."""
    pods = (one.template for one in [*found.workloads, *found.others] if isinstance(one.template, Pod))
    return {name: NodeRuntime(runtime, 1, "observed") for name, runtime in node_runtimes(pods).items()}


def _coverage(found: Selected, rows: Sequence[WorkloadRow]) -> Coverage:
    """The counts behind the verdicts. ReplicaSets without a row of their own count as passed over."""
    judged = {row.key for row in rows}
    merged = (pod for row in rows for pod in row.pods if pod is not row.workload.template)
    judged.update((pod.metadata.uid or "", 0, ()) for pod in merged)
    return Coverage(len(judged), sum(workload_key(workload) not in judged for workload in found.workloads))


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
