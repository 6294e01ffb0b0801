"""Watches a run of a CronJob with the hardened template: the next scheduled run, or a Job that is made now."""

import secrets
from collections.abc import Sequence
from threading import Event
from typing import Any

from msgspec.structs import replace

from kubectl_caps.cluster.api.client import Cluster
from kubectl_caps.cluster.api.resources import JOBS
from kubectl_caps.cluster.read.job_runs import RunSnapshot, pods_of, read_runs
from kubectl_caps.cluster.read.pod_logs import SAMPLE
from kubectl_caps.commands.harden.compare_logs import LogComparison
from kubectl_caps.commands.harden.watch import RolloutOptions, WatchResult
from kubectl_caps.commands.harden.watcher import Watcher
from kubectl_caps.commands.shared.late_patch import is_refusal
from kubectl_caps.core.harden.complaints import Complaint
from kubectl_caps.core.harden.plan import HardenOptions
from kubectl_caps.core.harden.result import HardenResult
from kubectl_caps.core.harden.run_verdict import awaited, end_not_seen, is_watched, not_read, run_timed_out
from kubectl_caps.core.harden.verdict import Verdict, changed_by_others, failed, failure_of, lost_on_the_way
from kubectl_caps.core.kubernetes import job_run
from kubectl_caps.core.kubernetes.pod import Pod
from kubectl_caps.core.kubernetes.pod_failures import PodFailure
from kubectl_caps.core.kubernetes.rollout_status import RolloutStatus
from kubectl_caps.core.kubernetes.snapshot import Snapshot
from kubectl_caps.core.pods.owners import same_security
from kubectl_caps.errors import ApiError, CapsError, Unreachable
from kubectl_caps.report.terminal import say

_OLD_RUNS = 3
"""The number of earlier runs whose logs are read, the newest first."""


class JobRun(Watcher):
    """Watches a run of one CronJob, from before the change to the end of the Job.

    A run is watched even if the hardening changes nothing. Then no losses are known, and earlier runs do not show which
    complaints are old.
    """

    def __init__(
        self, cluster: Cluster, job: HardenResult, stop: Event, options: HardenOptions, watch: RolloutOptions
    ) -> None:
        super().__init__(cluster, job, stop, options, watch)
        self.complaints = LogComparison(cluster, self.may_not_read, restarts=True)
        self._made = f"{job.workload.name}-caps-{secrets.token_hex(3)[:5]}" if watch.run == "now" else ""
        self._before: frozenset[str] = frozenset()
        self._last: RunSnapshot | None = None
        self._than = ", unlike earlier runs" if job.hardening.patch.changes else ""

    @property
    def complaints_so_far(self) -> Sequence[Complaint]:
        """The complaints of the run's pods."""
        return self.complaints.found()

    def try_it(self, job: HardenResult) -> None:
        """Try the Job of `--trigger` in a server dry run. Raises CapsError if the server would refuse the Job."""
        if not self._made:
            return
        wanted = job.hardening.patch.applied(job.obj)
        try:
            made = self._create(wanted, dry_run=True)
        except ApiError as error:
            raise CapsError(f"its Job would be refused: {error.message}") from error
        if job_run.lacks(job.hardening.patch, wanted, made):
            raise CapsError("admission changes its Job")

    def begin(self, job: HardenResult) -> str | None:
        """Remember the earlier runs. Returns the failure of the last run if it had the current template."""
        runs = read_runs(self.cluster, self.namespace, self.workload.name)
        uid = runs.cron_job["metadata"]["uid"]
        self._before = frozenset(item["metadata"]["uid"] for item in runs.jobs)
        self._old_events = {event.key for event in self._events(uid)}
        if not job.hardening.patch.changes:
            return None
        old = job_run.of_template(runs.jobs, self.workload.template, same_security)
        pods = pods_of(self.cluster, self.namespace, [dict(item) for item in old[:_OLD_RUNS]])
        self._remember_losses(job, pods)
        self.complaints.read_old(pods)
        last = job_run.newest_run(old)
        return f"its last run failed: {job_run.told(last)}" if last and last.state == "failed" else None

    def watch_to_end(self, job: HardenResult) -> WatchResult:
        """Make the Job or wait for the next one, and watch it until its end or the timeout. Raises CapsError."""
        if self._made and (refusal := self._start(job)):
            return WatchResult(failed(refusal), None)
        verdict, snapshot = self._until(job, self._judged, self.watch.timeout, 0.0)
        standing = verdict.standing
        passed = tuple(self.complaints_so_far) if standing.step == "complete" else ()
        accepted, doubtful = (passed, ()) if self.watch.accept_complaints else ((), passed)
        if standing.failure and self._last and not verdict.is_lost:
            snapshot = self._last  # has the last state of the pods, even if they are gone
        count = len(self._pods)
        some = f"; the logs of {SAMPLE} of its {count} pods were read" if count > SAMPLE else ""
        return WatchResult(
            standing,
            snapshot,
            verdict.theirs,
            verdict.is_undone,
            accepted,
            doubtful,
            verdict.unproven,
            proof=f"ran: {standing.message}",
            remark=f"{standing.message}{some}",
        )

    def watch_revert(self, job: HardenResult, timeout: float) -> RolloutStatus:
        """Return a complete status at once, because later runs use the earlier template."""
        return RolloutStatus("complete", "the next run uses the template from before")

    def _start(self, job: HardenResult) -> PodFailure | None:
        """Make the Job of the hardened template. Returns the failure if the server refused the Job."""
        self.run = self._made
        made = job_run.job_reference(self._made)
        try:
            self._create(job.obj, dry_run=False)
        except (ApiError, Unreachable) as error:
            if is_refusal(error):
                self.run = ""
                return PodFailure(f"its Job was refused: {error.words}")
            say(f"{self.reference}: {made} may have been made: {error.words}")
        else:
            say(f"{self.reference}: {made} is made, and runs now")
        return None

    def _create(self, cron_job: dict[str, Any], *, dry_run: bool) -> dict[str, Any]:
        body = job_run.manual_job(cron_job, self._made)
        return self.cluster.create(JOBS, self.namespace, body, dry_run=dry_run, field_manager=self.watch.manager)

    def _look(self, job: HardenResult) -> RunSnapshot:
        runs = read_runs(self.cluster, self.namespace, self.workload.name, only=self.run)
        seen = self._last.run["metadata"]["uid"] if self._last and self._last.run else ""
        found = (
            item for item in runs.jobs if is_watched(job, item, runs.cron_job, self._before, seen=seen, made=self._made)
        )
        run = next(found, None)
        if run is None:
            return RunSnapshot(runs.cron_job, (), (), (runs.cron_job["metadata"]["uid"],))
        self.run = run["metadata"]["name"]
        pods = pods_of(self.cluster, self.namespace, [run])
        # Only the logs of the first pods are read, and the logs of failed pods tell the most.
        pods = tuple(sorted(pods, key=lambda pod: pod.status.phase != "Failed"))
        return RunSnapshot(runs.cron_job, pods, pods, (run["metadata"]["uid"],), run)

    def _judged(self, job: HardenResult, snapshot: Snapshot) -> Verdict:
        assert isinstance(snapshot, RunSnapshot)
        verdict = changed_by_others(job, snapshot.obj, "run")
        if verdict.is_undone:
            return verdict
        if snapshot.run is None:
            return self._without_run(snapshot, verdict)
        if snapshot.pods or not self._last:
            self._last = snapshot
        else:  # the pods of a Job that failed may be deleted
            self._last = replace(self._last, run=snapshot.run)
        if lost := lost_on_the_way(job, snapshot, self.options):
            return replace(verdict, standing=lost, is_lost=True)
        return self._with_logs(snapshot.run, snapshot, verdict)

    def _without_run(self, snapshot: RunSnapshot, verdict: Verdict) -> Verdict:
        """The verdict while there is no Job, or if the Job was deleted before its end was seen."""
        if self._last:
            gone = f"{job_run.job_reference(self.run)} was deleted before its end was seen"
            return end_not_seen(verdict, gone, self._failure())
        events = self._new_events(snapshot.makers)
        waiting = awaited(events, is_suspended=job_run.is_suspended(snapshot.obj), made=self._made)
        return replace(waiting, theirs=verdict.theirs)

    def _with_logs(self, run: job_run.RunJob, snapshot: RunSnapshot, verdict: Verdict) -> Verdict:
        """The verdict on the run by its Job, its pods and their logs."""
        if failure := self.certain_complaint(snapshot):
            return replace(verdict, standing=failed(failure))
        if job_run.is_finished(run) or job_run.unseen_end(snapshot.pods):
            self.complaints.read_new(snapshot)
        standing, unproven = job_run.standing(run, self._pods, self._refusals()), ""
        if standing.step == "complete" and "logs" not in self.forbidden:  # a missing right has its own message
            unproven = not_read(run, snapshot.pods, self.complaints.logs.unread, sample=SAMPLE)
        if standing.step == "progressing":
            unfinished = [pod for pod in snapshot.pods if not pod.finished]
            late = self.late(unfinished) if snapshot.pods else None
            refused = None if snapshot.pods else self.refused(snapshot.makers)
            standing = refused or (failed(late) if late else standing)
        return replace(verdict, standing=standing, unproven=unproven)

    @property
    def _pods(self) -> Sequence[Pod]:
        """The pods of the run, as they were read last."""
        return self._last.pods if self._last else ()

    def _refusals(self) -> list[PodFailure]:
        """The complaints of the pods that earlier runs did not log, as failures; empty if complaints are accepted."""
        said = [] if self.watch.accept_complaints else [one for one in self.complaints_so_far if not one.is_doubtful]
        return [failure_of(one, self._pods, self._than) for one in said]

    def _failure(self) -> PodFailure | None:
        """The failure of a run that ends unseen; None if no pod has failed or complained."""
        return next(iter(self._refusals()), None) or job_run.unseen_end(self._pods)

    def _at_timeout(self, verdict: Verdict, timeout: float) -> Verdict:
        """The verdict at the timeout. A run that goes on proves nothing, unless one of its pods has failed."""
        return run_timed_out(verdict, timeout, self._failure())
