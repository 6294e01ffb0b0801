"""Runs `inspect --trace TIME`: records the capabilities that running pods use, without changing the pods."""

import time
from collections.abc import Iterator, Sequence

from msgspec import Struct

from kubectl_caps.cli.inspect import InspectArguments
from kubectl_caps.cluster.api.random_suffix import random_suffix
from kubectl_caps.commands.shared.connect import Selection, selection
from kubectl_caps.commands.trials.run import remove_left_overs
from kubectl_caps.commands.trials.tracer import Tracer, TrialTrace, container_ids, start_tracer
from kubectl_caps.core.assess.grants import UNTOLD
from kubectl_caps.core.fit.held import held_today, varied_containers
from kubectl_caps.core.kubernetes.pod import Pod
from kubectl_caps.core.linux.runtimes import Runtime, runtime_of
from kubectl_caps.core.pods.owners import WorkloadRow, fold
from kubectl_caps.core.trace.follow import pod_pattern, uid_pattern
from kubectl_caps.core.trace.report import TraceReport
from kubectl_caps.core.trace.tracer_job import LABEL, TracerOptions, pinned
from kubectl_caps.core.trace.usage import WorkloadUsage, container_usage, key_of
from kubectl_caps.errors import CapsError, InputError
from kubectl_caps.report import json
from kubectl_caps.report.documents.trace import trace_document
from kubectl_caps.report.terminal import clear_progress, print_lines, progress, say
from kubectl_caps.report.trace import usage_lines


class NodeRecord(Struct):
    """The record of one node: its traced pods, its tracer, and the report, which may have a problem."""

    pods: list[Pod]
    tracer: Tracer | None = None
    trace: TrialTrace | None = None
    report: TraceReport = TraceReport(problem="nothing was traced")


def trace(arguments: InspectArguments) -> int:
    """Trace the pods of the selected workloads, print the capabilities that they used, and return the exit status."""
    chosen = selection(arguments)
    found = chosen.at_once()
    rows = [row for row in fold(found.workloads, found.others) if any(map(_runs, row.pods))]
    if not rows:
        say(*map(str, chosen.errors), "No running pods found: there is nothing to trace")
        return 2
    nodes = dict[str, NodeRecord]()
    for pod in (pod for row in rows for pod in row.pods if _runs(pod)):
        nodes.setdefault(pod.spec.node_name or "", NodeRecord([])).pods.append(pod)
    took = _record(chosen, arguments, nodes)
    usages = [_usage(row, nodes, took, chosen) for row in rows]
    errors = [*chosen.errors, *(InputError(text) for text in dict.fromkeys(_problems(nodes)))]
    if arguments.output == "table":
        for usage in usages:
            print_lines(usage_lines(usage))
        say(*map(str, errors))
    else:
        print_lines([json.text(trace_document(usages, errors), arguments.output).rstrip("\n")])
    return 2 if errors else 0


def _record(chosen: Selection, arguments: InspectArguments, nodes: dict[str, NodeRecord]) -> float:
    """Record all nodes for the wanted time, remove the tracers, and return the recorded seconds."""
    try:
        for node, record in nodes.items():
            _start(chosen, arguments, node, record)
        began = time.monotonic()
        _wait((arguments.trace or 0.0) if any(record.trace for record in nodes.values()) else 0.0)
        took = time.monotonic() - began
        for record in nodes.values():
            _read(record)
        return took
    finally:
        clear_progress()
        for tracer in [record.tracer for record in nodes.values() if record.tracer]:
            tracer.remove()
            tracer.await_gone()


def _runs(pod: Pod) -> bool:
    return pod.status.phase == "Running" and bool(pod.spec.node_name and pod.metadata.uid)


def _start(chosen: Selection, arguments: InspectArguments, node: str, record: NodeRecord) -> None:
    """Start a tracer on a node, and begin its record. A failure becomes the problem of the report."""
    namespace = arguments.trace_namespace or record.pods[0].metadata.namespace or ""
    seconds = int(arguments.trace or 0)
    options = TracerOptions(namespace, arguments.trace_image, seconds + 600, seconds + 120)
    run = random_suffix()
    say(f"node {node}: a privileged pod caps-trace-{run} of image {options.image} in namespace {namespace} traces "
        f"{len(record.pods)} pods for {seconds} s: it is root on the node while it runs, and sees its processes "
        "(hostPID); only counts of these pods leave it")  # fmt: skip
    try:
        remove_left_overs(chosen.cluster, namespace, LABEL, "tracers")
        like = pinned({"tolerations": [{"operator": "Exists"}]}, node)
        tracer = start_tracer(
            chosen.cluster, chosen.runner, run, options, like, "kubectl-caps", sees_processes=True
        )  # fmt: skip
    except CapsError as error:
        record.report = TraceReport(problem=error.words)
        return
    record.tracer, trace = tracer, tracer.begin(0)
    uids = [pod.metadata.uid or "" for pod in record.pods]
    for words in (("seeds", "0", *map(uid_pattern, uids)), ("follow", "0", pod_pattern(uids))):
        trace.problem = trace.problem or tracer.ask(*words)[1]
    if trace.problem:
        record.report = TraceReport(problem=trace.problem)
    else:
        record.trace = trace


def _wait(seconds: float) -> None:
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        progress(f"tracing, {left:.0f} s left")
        time.sleep(min(left, 1.0))


def _read(record: NodeRecord) -> None:
    if record.trace is None:
        return
    names = {
        ident: key_of(pod.metadata.uid or "", name) for pod in record.pods for ident, name in container_ids(pod).items()
    }
    record.report = record.trace.read(names)


def _usage(row: WorkloadRow, nodes: dict[str, NodeRecord], seconds: float, chosen: Selection) -> WorkloadUsage:
    pods = [pod for pod in row.pods if _runs(pod)]
    reports = [nodes[pod.spec.node_name or ""].report for pod in pods]
    names = varied_containers(pods[0].spec, ())
    containers = []
    for name in names:
        keys = [key_of(pod.metadata.uid or "", name) for pod in pods]
        pairs = list(zip(keys, reports, strict=True))
        checks = [check for key, report in pairs for check in report.checks if check.container == key]
        errors = [error for key, report in pairs for error in report.errors if error.container == key]
        made = [call for key, report in pairs for call in report.made or () if call.container == key]
        held = {grant for _, grant in held_today(pods[0].spec, [name], _runtime(chosen, pods[0]), {})}
        containers.append(container_usage(name, held, checks, errors, made))
    kind = next((report.kind for report in reports if not report.problem), None)
    return WorkloadUsage(row.workload, len(pods), seconds, kind, tuple(containers), tuple(_gaps(pods, reports, names)))


def _gaps(pods: Sequence[Pod], reports: Sequence[TraceReport], names: Sequence[str]) -> Iterator[str]:
    for pod, report in zip(pods, reports, strict=True):
        statuses = pod.status.containers
        running = [name for name in names if name in statuses and statuses[name].state.running]
        if gap := report.gap([key_of(pod.metadata.uid or "", name) for name in running]):
            yield f"pod {pod.metadata.name}: {gap}"


def _runtime(chosen: Selection, pod: Pod) -> Runtime:
    info = (chosen.nodes or {}).get(pod.spec.node_name or "")
    return runtime_of(info.container_runtime_version, info.kubelet_version) if info else UNTOLD


def _problems(nodes: dict[str, NodeRecord]) -> Iterator[str]:
    return (f"node {node}: {record.report.problem}" for node, record in nodes.items() if record.report.problem)
