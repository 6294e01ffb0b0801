"""Starts the tracer pod on a node, reads its records by exec, and removes the pod with its trace instances."""

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
"""Seconds for the pull of the tracer's image and the start of its program."""
_NO_POD = 5.0
_GONE_WITHIN = 30.0
_CLEANED_WITHIN = 30.0
"""Seconds for the kubelet to start a killed tracer again, which then removes its trace instances."""
_NOTICED_WITHIN = 5.0
"""Seconds after which the kubelet knows that a container has ended."""
_ASKED_WITHIN = 150.0
"""Seconds for one request. The tracer may have to read the rest of a record first."""
_RIGHTS = (("create", "batch/jobs"), ("delete", "batch/jobs"), ("list", "batch/jobs"), ("list", "pods"),
           ("get", "pods/exec"), ("create", "pods/exec"), ("get", "pods/log"))  # fmt: skip


class TracerRefused(CapsError):
    """The tracer could not be started. The text is the reason."""


class Tracer:
    """A running tracer on a node. `usual` is the record of the baseline. The records of trials are compared with it.

    The tracer `is_lost` if it did not do what it was asked: perhaps it was killed.
    """

    def __init__(self, cluster: Cluster, runner: Runner, namespace: str, run: str) -> None:
        self.cluster, self.runner, self.namespace, self.run = cluster, runner, namespace, run
        self.pod = Pod()
        self.usual: TraceReport | None = None
        self.is_lost = False

    @property
    def node(self) -> str:
        """The node that the tracer traces."""
        return self.pod.spec.node_name or ""

    def begin(self, number: int) -> "TrialTrace":
        """Begin the record of the trial with this number. The trial's pod must be made afterwards."""
        trace = TrialTrace(self, number)
        trace.problem = self.ask("begin", str(number))[1]
        return trace

    def ask(self, *words: str) -> tuple[str, str]:
        """Run a subcommand of the tracer. Returns its output, and the reason of a failure (empty after success)."""
        try:
            outcome = run_in_pod(self.runner, self.pod, CONTAINER, asked(*words), _ASKED_WITHIN)
        except CapsError as error:
            self.is_lost = True
            return "", f"the tracer does not answer: {error.words}"
        self.is_lost = self.is_lost or bool(outcome.failure)
        said = (outcome.stderr.strip() or outcome.failure) if outcome.failure else ""
        return outcome.stdout, f"the tracer failed: {said.splitlines()[-1]}" if said else ""

    def remove(self) -> None:
        """Delete the tracer's Job. The tracer removes its trace instances before it ends.

        The kubelet starts a killed tracer again, which then removes them: `await_gone` deletes its Job afterwards.
        """
        if not self.is_lost:
            self._delete()

    def _delete(self) -> None:
        try:
            self.cluster.delete(JOBS, self.namespace, f"caps-trace-{self.run}")
        except CapsError as error:
            if not (isinstance(error, ApiError) and error.code == 404):
                say(f"job caps-trace-{self.run} could not be deleted: {error.words}")

    def await_gone(self) -> None:
        """Wait until the tracer's pod is deleted. If the pod stays, print the command that deletes it."""
        if self.is_lost:
            self._await_cleaned()
            self._delete()
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

    def _await_cleaned(self) -> None:
        """Wait until a killed tracer has been started again and has ended; one that still runs is not waited for."""
        began = time.monotonic()
        while time.monotonic() - began < _CLEANED_WITHIN:
            try:
                pod = next(tracer_pods(self.cluster, self.namespace, self.run), None)
            except CapsError:
                pod = self.pod
            if pod is None or pod.status.phase in ("Succeeded", "Failed"):
                return
            status = pod.status.containers.get(CONTAINER)
            still_runs = status is not None and status.state.running is not None and not status.restart_count
            if still_runs and time.monotonic() - began > _NOTICED_WITHIN:
                return
            time.sleep(_POLL)
        say(f"the tracer was killed and has not come back: its trace instances on node {self.node} may be left over; "
            "a later run there removes them")  # fmt: skip


class TrialTrace:
    """The record of one trial. `problem` is the reason if there is no record."""

    def __init__(self, tracer: Tracer, number: int) -> None:
        self.tracer, self.number = tracer, number
        self.problem = ""
        self._follows = False

    def follow(self, pod: Pod) -> None:
        """Count the events of this pod since the begin of the record."""
        if self._follows or self.problem or not pod.metadata.uid:
            return
        self._follows = True
        _, self.problem = self.tracer.ask("follow", str(self.number), pod_pattern([pod.metadata.uid]))

    def end(self, pod: Pod | None) -> TraceReport:
        """End the record, and return the counts of the pod."""
        if self.problem or not self._follows or pod is None:
            self.drop()
            return TraceReport(problem=self.problem or "its pod was not seen")
        return self.read(container_ids(pod))

    def read(self, containers: Mapping[str, str]) -> TraceReport:
        """End the record, and return the counts of these containers. `containers` are names by the runtime's id."""
        said, problem = self.tracer.ask("end", str(self.number))
        return TraceReport(problem=problem) if problem else trace_report(said, containers)

    def drop(self) -> None:
        """End the record without reading it."""
        self.tracer.ask("drop", str(self.number))

    def refused(self, report: TraceReport, losses: Mapping[str, Loss]) -> Iterator[KernelRefusal]:
        """The refusals of capabilities that the trial took away."""
        taken = {name: loss.capabilities for name, loss in losses.items()}
        return refusals(report, taken, self.tracer.usual)


def container_ids(pod: Pod) -> dict[str, str]:
    """The names of a pod's containers, by the runtime's id."""
    return {
        (status.container_id or "").rpartition("//")[2]: name for name, status in pod.status.containers.items()
    }  # fmt: skip


def tracer_pods(cluster: Cluster, namespace: str, run: str) -> Iterator[Pod]:
    """The pods of the tracer's Job. Raises CapsError."""
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
    """Start a tracer on a node where a pod with the spec `like` can run, and wait until the tracer is ready.

    With `sees_processes` the tracer sees the node's processes. Raises TracerRefused, CapsError.
    """
    tracer = Tracer(cluster, runner, options.namespace, run)
    is_made = False
    try:
        check_rights(cluster, options.namespace, _RIGHTS, "the tracer needs")
        job = tracer_job(run, options, like, sees_processes=sees_processes)
        _check_admission(cluster, options.namespace, job["spec"]["template"], manager)
        is_made = True  # the Job may exist even after a signal or a lost answer
        with signals_deferred():
            made = cluster.create(JOBS, options.namespace, job, field_manager=manager)
        _await_ready(tracer, made.get("metadata", {}).get("uid", ""))
    except BaseException:
        if is_made:
            tracer.remove()
        raise
    return tracer


def _check_admission(cluster: Cluster, namespace: str, template: Mapping[str, Any], manager: str) -> None:
    """Raise TracerRefused if the server would refuse the pod. Without the right to create pods nothing is checked."""
    metadata = {**template["metadata"], "generateName": "caps-trace-"}
    body = msgspec.to_builtins({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]})
    try:
        cluster.create(PODS, namespace, body, dry_run=True, field_manager=manager)
    except ApiError as error:
        if refusal_cause(error) != "no right":
            raise TracerRefused(f"its pod would be refused: {error.message}") from error


def _await_ready(tracer: Tracer, job_uid: str) -> None:
    """Wait until the tracer is ready, and print the left-over trace instances that it removed.

    Raises TracerRefused, CapsError.
    """
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
