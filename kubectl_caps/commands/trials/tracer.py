"""The tracer pod: started on a node, asked for records by exec, and removed with its trace instances."""

import time
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from kubectl_caps.cluster.api.client import Cluster
from kubectl_caps.cluster.api.refusals import refusal_cause
from kubectl_caps.cluster.api.resources import JOBS, PODS
from kubectl_caps.cluster.http.transport import Runner
from kubectl_caps.cluster.read import rollout as edge
from kubectl_caps.cluster.read.trial_pods import check_rights, run_in_pod
from kubectl_caps.commands.trials.interrupts import signals_deferred
from kubectl_caps.core.diagnosis.attribution import Loss
from kubectl_caps.core.harden.verdict import creation_refused
from kubectl_caps.core.kubernetes.pod import Pod
from kubectl_caps.core.trace.follow import pod_pattern
from kubectl_caps.core.trace.refusals import KernelRefusal, refusals
from kubectl_caps.core.trace.report import TraceReport, trace_report
from kubectl_caps.core.trace.script import asked
from kubectl_caps.core.trace.tracer_job import CONTAINER, LABEL, TracerOptions, tracer_job
from kubectl_caps.errors import ApiError, CapsError
from kubectl_caps.report.terminal import progress, say

_POLL = 0.4
_STARTS_WITHIN = 60.0
"""Seconds for the tracer's image to be pulled and its program to be ready."""
_NO_POD = 5.0
_GONE_WITHIN = 30.0
_ASKED_WITHIN = 150.0
"""Seconds for one question: the rest of a record may have to be read first."""
_RIGHTS = (("create", "batch/jobs"), ("delete", "batch/jobs"), ("list", "batch/jobs"), ("list", "pods"),
           ("get", "pods/exec"), ("create", "pods/exec"), ("get", "pods/log"))  # fmt: skip


class TracerRefused(CapsError):
    """There is no tracer. The text says why."""


class Tracer:
    """A running tracer on a node. `usual` is the record of the baseline, with which those of trials are compared."""

    def __init__(self, cluster: Cluster, runner: Runner, namespace: str, run: str) -> None:
        self.cluster, self.runner, self.namespace, self.run = cluster, runner, namespace, run
        self.pod = Pod()
        self.usual: TraceReport | None = None

    @property
    def node(self) -> str:
        """The node that it traces."""
        return self.pod.spec.node_name or ""

    def begin(self, number: int) -> "TrialTrace":
        """Record from now on; the pod of the trial with this number is made afterwards."""
        trace = TrialTrace(self, number)
        trace.problem = self.ask("begin", str(number))[1]
        return trace

    def ask(self, *words: str) -> tuple[str, str]:
        """The output of one of the tracer's tasks, and why it failed; empty if it did not."""
        try:
            outcome = run_in_pod(self.runner, self.pod, CONTAINER, asked(*words), _ASKED_WITHIN)
        except CapsError as error:
            return "", f"the tracer does not answer: {error.words}"
        said = (outcome.stderr.strip() or outcome.failure) if outcome.failure else ""
        return outcome.stdout, f"the tracer failed: {said.splitlines()[-1]}" if said else ""

    def remove(self) -> None:
        """Delete its Job; on its way out the tracer removes its trace instances."""
        try:
            self.cluster.delete(JOBS, self.namespace, f"caps-trace-{self.run}")
        except CapsError as error:
            if not (isinstance(error, ApiError) and error.code == 404):
                say(f"job caps-trace-{self.run} could not be deleted: {error.words}")

    def await_gone(self) -> None:
        """Wait until its pod is gone; prints the command that removes it if it stays."""
        deadline = time.monotonic() + _GONE_WITHIN
        while time.monotonic() < deadline:
            try:
                if not list(tracer_pods(self.cluster, self.namespace, self.run)):
                    return
            except CapsError:
                pass
            time.sleep(_POLL)
        say(f"the tracer is still there; its deadline ends it, or: kubectl delete jobs,pods -n {self.namespace} "
            f"-l {LABEL}={self.run}")  # fmt: skip


class TrialTrace:
    """The record of one trial. `problem` says why there is none."""

    def __init__(self, tracer: Tracer, number: int) -> None:
        self.tracer, self.number = tracer, number
        self.problem = ""
        self._follows = False

    def follow(self, pod: Pod) -> None:
        """Count what belongs to this pod, of all that was recorded since the beginning."""
        if self._follows or self.problem or not pod.metadata.uid:
            return
        self._follows = True
        _, self.problem = self.tracer.ask("follow", str(self.number), pod_pattern([pod.metadata.uid]))

    def end(self, pod: Pod | None) -> TraceReport:
        """The counts of the pod; the record ends."""
        if self.problem or not self._follows or pod is None:
            self.drop()
            return TraceReport(problem=self.problem or "its pod was not seen")
        return self.read(container_ids(pod))

    def read(self, containers: Mapping[str, str]) -> TraceReport:
        """The counts of these containers, by the runtime's id; the record ends."""
        said, problem = self.tracer.ask("end", str(self.number))
        return TraceReport(problem=problem) if problem else trace_report(said, containers)

    def drop(self) -> None:
        """End the record unread."""
        self.tracer.ask("drop", str(self.number))

    def refused(self, report: TraceReport, losses: Mapping[str, Loss]) -> Iterator[KernelRefusal]:
        """What the kernel refused of the capabilities that the trial took."""
        taken = {name: loss.capabilities for name, loss in losses.items()}
        return refusals(report, taken, self.tracer.usual)


def container_ids(pod: Pod) -> dict[str, str]:
    """The containers of a pod by the runtime's id."""
    return {
        (status.container_id or "").rpartition("//")[2]: name for name, status in pod.status.containers.items()
    }  # fmt: skip


def tracer_pods(cluster: Cluster, namespace: str, run: str) -> Iterator[Pod]:
    """The tracer's pod. Raises CapsError."""
    return edge.pods_selected(cluster, namespace, f"{LABEL}={run}")


def start_tracer(
    cluster: Cluster,
    runner: Runner,
    run: str,
    options: TracerOptions,
    like: Mapping[str, Any],
    manager: str,
    *,
    sees_processes: bool = False,
) -> Tracer:
    """A tracer that is ready, on a node that suits `like`, the spec of a pod. Raises CapsError."""
    tracer = Tracer(cluster, runner, options.namespace, run)
    is_made = False
    try:
        check_rights(cluster, options.namespace, _RIGHTS, "the tracer needs")
        job = tracer_job(run, options, like, sees_processes=sees_processes)
        _check_admission(cluster, options.namespace, job["spec"]["template"], manager)
        is_made = True  # also if a signal or a lost answer hides it
        with signals_deferred():
            made = cluster.create(JOBS, options.namespace, job, field_manager=manager)
        _await_ready(tracer, made.get("metadata", {}).get("uid", ""))
    except BaseException:
        if is_made:
            tracer.remove()
        raise
    return tracer


def _check_admission(cluster: Cluster, namespace: str, template: Mapping[str, Any], manager: str) -> None:
    """Raises TracerRefused if the server would refuse the pod; a missing right to create pods tells nothing."""
    metadata = {**template["metadata"], "generateName": "caps-trace-"}
    body = msgspec.to_builtins({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]})
    try:
        cluster.create(PODS, namespace, body, dry_run=True, field_manager=manager)
    except ApiError as error:
        if refusal_cause(error) != "no right":
            raise TracerRefused(f"its pod would be refused: {error.message}") from error


def _await_ready(tracer: Tracer, job_uid: str) -> None:
    """Wait until the tracer is ready, and print what it removed. Raises TracerRefused, CapsError."""
    began = time.monotonic()
    while time.monotonic() - began < _STARTS_WITHIN:
        progress("the tracer starts")
        pod = next(tracer_pods(tracer.cluster, tracer.namespace, tracer.run), None)
        if pod is None:
            if time.monotonic() - began > _NO_POD:
                _check_creation(tracer, job_uid)
        elif _is_ready(tracer, pod):
            tracer.pod = pod
            return
        time.sleep(_POLL)
    raise TracerRefused(f"it was not ready after {_STARTS_WITHIN:.0f} s")


def _check_creation(tracer: Tracer, job_uid: str) -> None:
    events = edge.events(tracer.cluster, tracer.namespace, job_uid, lambda what, error: None)
    if refused := creation_refused(events):
        raise TracerRefused(refused.message)


def _is_ready(tracer: Tracer, pod: Pod) -> bool:
    status = pod.status.containers.get(CONTAINER)
    if status is None:
        return False
    waiting, ended = status.state.waiting, status.state.terminated
    if waiting and waiting.reason not in ("ContainerCreating", "PodInitializing", "", None):
        raise TracerRefused(f"{waiting.reason}: {waiting.message or ''}")
    if not status.state.running and not ended:
        return False
    said = tracer.cluster.log(tracer.namespace, pod.metadata.name or "", CONTAINER).splitlines()
    problem = next((line.partition(": ")[2] for line in said if line.startswith("problem: ")), "")
    if ended or problem:
        raise TracerRefused(problem or "; ".join(said) or "its program ended")
    if "ready" not in said:
        return False
    for line in said:
        if line.startswith("left over: "):
            say(f"trace instance {line.partition(': ')[2]} removed: it was left over from an earlier run")
    return True
