"""Starts the trials of one search, watches them side by side, and removes them."""

import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timezone
from threading import Event
from types import TracebackType

from msgspec.structs import replace

from kubectl_caps.cluster.api.client import Cluster
from kubectl_caps.cluster.api.resources import JOBS
from kubectl_caps.cluster.http.transport import Runner
from kubectl_caps.cluster.read.rollout import pods_selected
from kubectl_caps.cluster.read.trial_pods import labelled_jobs
from kubectl_caps.commands.trials.interrupts import signals_deferred
from kubectl_caps.commands.trials.logs import TrialLog, Wordings
from kubectl_caps.commands.trials.plan import TrialPlan
from kubectl_caps.commands.trials.tracer import Tracer
from kubectl_caps.commands.trials.trial import Trial, TrialSubject
from kubectl_caps.core.diagnosis.attribution import Loss
from kubectl_caps.core.fit.judgement import time_limit
from kubectl_caps.core.fit.options import TrialOptions
from kubectl_caps.core.fit.privileged import Profiles, with_profiles
from kubectl_caps.core.fit.result import TrialEnd
from kubectl_caps.core.fit.search_types import Grants
from kubectl_caps.core.fit.trial_job import LABEL, is_past_deadline
from kubectl_caps.core.fit.trial_pod import TrialPod
from kubectl_caps.core.harden.complaints import wording
from kubectl_caps.core.trace.tracer_job import pinned
from kubectl_caps.errors import ApiError, CapsError, Unreachable
from kubectl_caps.report.terminal import clear_progress, progress, say

POLL = 0.2
"""Seconds between two looks at the pods of the run."""
_GONE_WITHIN = 30.0
"""Seconds to wait until the pods of trials are deleted."""
_SILENT_LIMIT = 60.0
"""Seconds for which requests are repeated while the server does not answer."""
_JOB_NAME = "job-name"


class TrialsStopped(Exception):
    """The run was interrupted in another thread."""


class TrialRun:
    """Makes and watches trials. As a context manager, the run removes all its Jobs at the end.

    `normal` are the wordings of the baseline's complaints. `limit` is the time limit of a trial's pod in seconds.
    `unconfined` are the profiles that are Unconfined in privileged containers. Without a `runner` there is no probe.
    `stop` is set to interrupt the run from another thread.
    """

    def __init__(
        self,
        cluster: Cluster,
        runner: Runner | None,
        plan: TrialPlan,
        options: TrialOptions,
        reference: str,
        stop: Event | None = None,
    ) -> None:
        self.cluster, self.runner, self.plan, self.options, self.reference = cluster, runner, plan, options, reference
        self.stop = stop or Event()
        self.normal: Wordings = set()
        self.limit: float | None = None
        self.running: list[Trial] = []
        self.count = 0
        self.unconfined: Profiles = ()
        self.tracer: Tracer | None = None
        self._ended_tracer: Tracer | None = None
        self._confined = self._free = plan
        self._made = False
        self._well = set[int]()
        self._silent_since: float | None = None

    def __enter__(self) -> "TrialRun":
        return self

    def __exit__(self, kind: type[BaseException] | None, value: object, traceback: TracebackType | None) -> None:
        if not self._made and not self.tracer:
            return
        with suppress(OSError):  # trials are removed even if the terminal is gone
            clear_progress()
            if kind and issubclass(kind, KeyboardInterrupt | TrialsStopped):
                say(f"{self.reference}: interrupted; its trial pods are removed")
        with signals_deferred():
            if self.tracer:
                self.tracer.remove()
            if self._made:
                remove_trials(self.cluster, self.plan.namespace, self.plan.run)
            if tracer := self.tracer or self._ended_tracer:
                tracer.await_gone()

    def pin(self, node: str) -> None:
        """Make later trials run only on this node."""
        pod = replace(self._confined.pod, spec=pinned(self._confined.pod.spec, node))
        says = f"it runs on node {node}, where it is traced"
        self.plan = self._confined = replace(self._confined, pod=pod, differences=(*self.plan.differences, says))

    def untrace(self) -> None:
        """Remove the tracer. Later trials run untraced, and on any node."""
        if self.tracer:
            self.tracer.remove()
            self._ended_tracer, self.tracer = self.tracer, None
        self.plan = self._confined = self._free

    def start(
        self, adds: Grants | None, pod: TrialPod, containers: list[str], losses: dict[str, Loss], *, kept: bool = False
    ) -> Trial:
        """Make the Job of a trial. If `adds` is None, the trial has today's rights.

        A `kept` Job stays until the end of the run. Raises CapsError.
        """
        job = self.plan.job(self.count, pod)
        subject = TrialSubject(self.reference, self.plan.namespace, pod, containers, self.plan.ends)
        log = TrialLog(self.cluster, self._forbidden, losses, self.normal)
        trial = Trial(self.count, job["metadata"]["name"], adds, subject, log, self.limit)
        trial.kept, trial.unconfined = kept, self.unconfined
        trial.trace = self.tracer.begin(self.count) if self.tracer else None
        self.count, self._made = self.count + 1, True
        with signals_deferred():  # the list of Jobs at the end of the run must have every created Job
            made = self.cluster.create(JOBS, self.plan.namespace, job, field_manager=self.options.manager)
        trial.job_uid = made.get("metadata", {}).get("uid", "")
        self.running.append(trial)
        return trial

    def lift(self, fields: Profiles, containers: list[str]) -> None:
        """Make these profiles Unconfined for these containers in later trials. Other profiles stay."""
        pod = self._confined.pod
        spec = with_profiles(pod.spec, containers, fields)
        self.plan = replace(self._confined, pod=replace(pod, spec=spec))
        self.unconfined = fields

    def wait_for_end(self, show: Callable[[], str]) -> TrialEnd:
        """Wait until one trial has ended. Raises CapsError."""
        while True:
            for end in self.wait(show):
                return end

    def wait(self, show: Callable[[], str]) -> list[TrialEnd]:
        """Wait until trials have ended, remove their pods and return the ends. Raises CapsError, TrialsStopped.

        Returns an empty list when another trial looks well, or when no trial runs.
        """
        while True:
            ended = self._look()
            well = {trial.number for trial in self.running if trial.looks_well} - self._well
            self._well |= well
            progress(show())
            if self.stop.is_set():
                raise TrialsStopped
            if ended or not self.running or well:
                return ended
            time.sleep(POLL)

    def cancel(self, trial: Trial) -> None:
        """Remove a running trial whose end is no longer needed."""
        self.running.remove(trial)
        if trial.trace:
            trial.trace.drop()
        self.remove(trial)

    def learn(self, baseline: TrialEnd) -> None:
        """Count the baseline's complaints as normal.

        If the baseline ends by itself, its time limits the other trials.
        """
        self.normal |= {wording(complaint.line) for complaint in (*baseline.complaints, *baseline.doubtful)}
        if self.tracer:
            self.tracer.usual = baseline.trace
        if self.plan.ends:
            self.limit = time_limit(baseline.seconds)

    def is_normal(self, end: TrialEnd) -> bool:
        """Whether the baseline has logged all complaints of a trial."""
        return all(wording(complaint.line) in self.normal for complaint in end.complaints)

    def await_up(self, baseline: Trial, show: Callable[[], str]) -> TrialEnd | None:
        """Wait until the baseline is up, and limit the other trials by its time.

        Returns the end of the baseline if it has ended instead. Raises CapsError.
        """
        while not (ended := self._look()) and not baseline.is_up:
            progress(show())
            time.sleep(POLL)
        if ended:
            return ended[0]
        self.limit = time_limit(baseline.ready_after)
        return None

    def _look(self) -> list[TrialEnd]:
        try:
            pods = list(pods_selected(self.cluster, self.plan.namespace, f"{LABEL}={self.plan.run}"))
        except (ApiError, Unreachable) as error:
            if isinstance(error, ApiError) and error.code < 500 and error.code != 429:
                raise
            self._silent_since = self._silent_since or time.monotonic()
            if time.monotonic() - self._silent_since >= _SILENT_LIMIT:
                raise
            return []
        self._silent_since = None
        by_job = {(pod.metadata.labels or {}).get(_JOB_NAME): pod for pod in pods}
        ended = []
        for trial in list(self.running):
            end = trial.look(self.cluster, self.runner, by_job.get(trial.name), self.options)
            if trial.adds is None:
                self.normal |= {*trial.log.new, *trial.log.doubtful}
            if end:
                self.running.remove(trial)
                if not trial.kept:
                    self.remove(trial)
                ended.append(end)
        return ended

    def remove(self, trial: Trial) -> None:
        """Delete the Job of a trial and its pod."""
        name = trial.name
        try:
            self.cluster.delete(JOBS, self.plan.namespace, name)
        except CapsError as error:
            if not (isinstance(error, ApiError) and error.code == 404):
                say(f"job {name} could not be deleted yet: {error.words}")

    def _forbidden(self, what: str, error: ApiError) -> None:
        """Raise the error for a missing right to read logs, which a proof needs. Events only add details."""
        if what == "logs":
            raise error


def remove_trials(cluster: Cluster, namespace: str, run: str) -> None:
    """Delete all Jobs of a run, and wait until their pods are deleted. Prints the command that deletes the rest.

    Raises KeyboardInterrupt.
    """
    try:
        why = _remove_all(cluster, namespace, f"{LABEL}={run}")
    except KeyboardInterrupt:
        _say_left(namespace, run, "interrupted")
        raise
    if why is not None:
        _say_left(namespace, run, why)


def _remove_all(cluster: Cluster, namespace: str, selector: str) -> str | None:
    """None if all Jobs and pods are deleted, or else the reason; empty if only the time is over."""
    deadline = time.monotonic() + _GONE_WITHIN
    last: CapsError | None = None
    while time.monotonic() < deadline:
        try:
            jobs = labelled_jobs(cluster, namespace, selector)
            for job in jobs:
                cluster.delete(JOBS, namespace, job["metadata"]["name"])
            if not jobs and not list(pods_selected(cluster, namespace, selector)):
                return None
        except CapsError as error:
            if not (isinstance(error, ApiError) and error.code == 404):
                last = error
        time.sleep(POLL)
    return last.words if last else ""


def _say_left(namespace: str, run: str, why: str) -> None:
    because = f": {why}" if why else ""
    say(f"trial pods of this run are still there{because}; their deadline ends them, or: "
        f"kubectl delete jobs,pods -n {namespace} -l {LABEL}={run}")  # fmt: skip


def remove_left_overs(cluster: Cluster, namespace: str, label: str = LABEL, what: str = "trials") -> None:
    """Delete the Jobs with a label that are past their deadline, and print the Jobs that other runs may still watch."""
    others: list[str] = []
    for job in labelled_jobs(cluster, namespace, label):
        name = job["metadata"]["name"]
        if not is_past_deadline(job, datetime.now(timezone.utc)):
            others.append(name)
            continue
        try:
            cluster.delete(JOBS, namespace, name)
            say(f"job.batch/{name} deleted: it was left over from an earlier run")
        except ApiError as error:
            if error.code != 404:
                say(f"job.batch/{name} is left over from an earlier run: {error.words}")
    if others:
        say(f"{what} of another run are there, which their deadline ends: {', '.join(others)}")
