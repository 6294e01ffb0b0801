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
from kubectl_caps.commands.shared.connect import Selected, Selection, selection
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
from kubectl_caps.errors import NotByNamespace
from kubectl_caps.report.terminal import say

Nodes = Mapping[str, NodeRuntime]

_AT_A_TIME = 500
"""Rows in a part. The assessments of a large namespace are not all held at a time."""


class ClusterInspection(InspectionResult):
    """The inspection of the selected workloads of a cluster.

    Making it and reading its parts raises UsageError, ConfigError, Unreachable or ApiError.
    """

    def __init__(self, arguments: InspectArguments, assumed: NodeRuntime) -> None:
        self._arguments, self._assumed, self._chosen = arguments, assumed, selection(arguments)
        server = self._chosen.server_minor
        newest = effective_minor("latest", server)
        if arguments.minor is None and is_clamped("latest", server):
            say(f"The API server is 1.{server}; the newest Pod Security rules known here are v1.{newest}.")
        self._judged_by = newest if arguments.minor is None else arguments.minor
        self._nodes: Nodes = {
            name: NodeRuntime(runtime_of(info.container_runtime_version, info.kubelet_version), 1, "observed")
            for name, info in (self._chosen.nodes or {}).items()
        }
        super().__init__(server if arguments.minor is None else arguments.minor, lambda workload, path: None)

    def parts(self, *, at_once: bool) -> Iterator[list[Assessment]]:
        arguments, chosen = self._arguments, self._chosen
        # Without nodes, the pods of all namespaces tell of their nodes. With --live, all are observed side by side.
        at_once = at_once or not arguments.all_namespaces or bool(arguments.live) or chosen.nodes is None
        self.errors, self.coverage = [], Coverage()
        found = iter([chosen.at_once()]) if at_once else chosen.by_namespace()
        # `chain` and `map` do not hold a part while the next one is read, but a variable would.
        yield from chain.from_iterable(map(partial(self._assessed, at_once=at_once), found))
        self.errors = [*chosen.errors, *self.errors]
        self.coverage = replace(self.coverage, not_read=len(chosen.errors))

    def in_detail(self, assessment: Assessment) -> Assessment:
        """The assessment with a CronJob's last run, and the policy of the namespace."""
        held = held_by(self._chosen.cluster, assessment.workload.namespace)
        return replace(_with_last_run(self._chosen.cluster, assessment), held_by=held)

    def _assessed(self, found: Selected, *, at_once: bool) -> Iterator[list[Assessment]]:
        """The assessments of one part of the selection, some at a time. Raises NotByNamespace for unknown nodes."""
        rows = sorted(fold(found.workloads, found.others), key=_place)
        self.coverage = total([self.coverage, _coverage(found, rows)])
        nodes: Nodes = {**(_told_by_pods(found) if at_once else {}), **self._nodes}
        seen: Sequence[Sequence[Observation]] = [()] * len(rows)
        if self._arguments.live:
            seen = _observations(self._arguments, self._chosen, rows, nodes)
            nodes = _with_all_capabilities(nodes, rows, seen)
        for start, end in pairwise([*_starts(rows, len(rows) if at_once else _AT_A_TIME), len(rows)]):
            if not at_once and any(name not in nodes for row in rows[start:end] for name in _node_names(row)):
                raise NotByNamespace  # pods of another namespace may tell of the node
            assessed = [
                assess(row.workload, row.pods, _places(row, nodes) or [self._assumed], self._judged_by, some, once=True)
                for row, some in zip(rows[start:end], seen[start:end], strict=True)
            ]
            _join_owners(rows[start:end], assessed)
            self.errors += not_observed(assessed)
            yield assessed


def _place(row: WorkloadRow) -> str:
    """The namespace by which rows are sorted: that of the owner's row, if there is one, as its own API server sorts."""
    return f"{(row.parent or row).workload.namespace}/"


def _starts(rows: Sequence[WorkloadRow], count: int) -> Iterator[int]:
    """The indexes at which `count` rows or a few more begin. The rows of an owner's pods stay with the owner's row."""
    last = None
    for index, row in enumerate(rows):
        if last is None or (index - last >= count and row.parent is None):
            yield (last := index)


def _with_last_run(cluster: Cluster, assessment: Assessment) -> Assessment:
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
    return [nodes[name] for name in _node_names(row) if name in nodes]


def _node_names(row: WorkloadRow) -> Mapping[str, None]:
    """The names of the nodes of a workload's pods, each once."""
    return dict.fromkeys(pod.spec.node_name for pod in row.pods if pod.spec.node_name)
