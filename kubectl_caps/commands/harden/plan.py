"""Makes the plan for each object: the changes and notes, or a refusal that names another way."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone

from msgspec.structs import replace

from kubectl_caps.cluster.api.client import Cluster
from kubectl_caps.commands.harden.changes import hardening_of
from kubectl_caps.commands.harden.targets import HardenTarget, Owners
from kubectl_caps.commands.harden.watch import RolloutOptions
from kubectl_caps.commands.harden.workload import WorkloadHardening
from kubectl_caps.core.harden.decide import before_change
from kubectl_caps.core.harden.plan import Hardening, HardenOptions
from kubectl_caps.core.harden.result import HardenResult, refused_containers
from kubectl_caps.core.kubernetes import pod_failures, rollout_status
from kubectl_caps.core.kubernetes.cron_schedule import comes_due
from kubectl_caps.core.kubernetes.field_managers import predict_managers, reconciling
from kubectl_caps.core.kubernetes.job_run import held_off, is_cron_job, is_suspended
from kubectl_caps.core.kubernetes.min_ready import raised
from kubectl_caps.core.kubernetes.patch import ABSENT, Patch
from kubectl_caps.core.kubernetes.replace_manifest import replacement
from kubectl_caps.core.kubernetes.workloads import MalformedWorkload, read_workloads
from kubectl_caps.errors import CapsError, InputError
from kubectl_caps.report.terminal import clear_progress, progress

_TRIED_AT_A_TIME = 8

_CANNOT = {
    "Pod": "a pod cannot be changed in place: replace it with the manifest below, `kubectl replace --force -f`",
    "Job": "a job's template cannot be changed: replace it with the manifest below, `kubectl replace --force -f`",
    **dict.fromkeys(
        ("TaskRun", "PipelineRun"), "a run cannot be changed once it is made: make another of the manifest below"
    ),
    "JobSet": "its templates cannot be changed: replace it with the manifest below: `kubectl replace --force -f`",
}


class Planner:
    """Makes a job for each object that was found."""

    def __init__(self, cluster: Cluster, options: HardenOptions, context: str, watch: RolloutOptions) -> None:
        self.cluster, self.options, self.watch, self.force = cluster, options, watch, watch.force
        self._source = {"context": context}
        self.owners = Owners(cluster)

    def job(self, found: HardenTarget) -> HardenResult | None:
        """The job for one object. None for an object that is not named and has no template of its own (a TaskRun).

        Raises UsageError, and InputError if the object's template cannot be read.
        """
        kind, obj = found.kind, found.obj
        try:
            workloads = list(read_workloads(kind, obj, self._source))
        except MalformedWorkload as error:
            raise InputError(f"{kind.plural} {found.metadata.name}: {error}") from error
        if not workloads and kind.convert is not None and not found.named:
            return None
        if not workloads:
            raise InputError(f"{kind.plural} {found.metadata.name}: has no pod template of its own")
        job = HardenResult(kind, obj, workloads[0], Hardening(Patch(())))
        if owner := self.owners.top(found.metadata):
            return job.ended("refused", f"it is controlled by {owner}, which would undo it; harden that")
        job = replace(job, hardening=hardening_of(kind, obj, self._source, self.options))
        if job.hardening.refusals:
            return job.ended("refused", refused_containers(job.hardening))
        if not job.hardening.patch.changes and not (found.named and self._is_run_asked(job)):
            return job.ended("unchanged")
        if kind.effect == "never":
            instead = replacement(kind, job.hardening.patch.applied(obj))
            return replace(job.ended("refused", _CANNOT[kind.kind]), replacement=instead)
        return self._with_managers(self._with_rollout_risks(job))

    def _with_rollout_risks(self, job: HardenResult) -> HardenResult:
        """Add the risks of a rollout, and refuse an object that is not healthy."""
        kind, obj = job.kind.kind, job.obj
        if self._is_run_asked(job):
            return self._with_run_remarks(job)
        reason = rollout_status.not_proven(kind, obj)
        if reason:
            return job.remarked(f"nothing will show whether it works: {reason}")
        job = self._with_min_ready(job)
        risks = pod_failures.crash_risks(kind, obj, job.workload.template, held=job.held is not None)
        job = job.remarked(*risks)
        standing = rollout_status.reported(kind, obj)
        if standing.step == "complete":
            return job
        if self.force:
            return job.remarked(f"it is not healthy as it is: {standing.message}")
        first = before_change(standing.message, force=False)
        return job.ended(first.result, first.words)

    def _is_run_asked(self, job: HardenResult) -> bool:
        """Whether a run of the CronJob is to be watched; in a dry run only if the hardening changes something."""
        unchanged = not job.hardening.patch.changes
        return bool(self.watch.run) and is_cron_job(job.kind) and not (unchanged and self.watch.is_dry_run)

    def _with_run_remarks(self, job: HardenResult) -> HardenResult:
        """Add remarks about a run of the CronJob, or refuse the object if there is a reason against the run."""
        spec, busy = job.obj["spec"], held_off(job.obj)
        if self.watch.run == "now":
            not_now = ", but not with --dry-run" if self.watch.is_dry_run else ""
            job = job.remarked(f"--trigger makes a Job of it now, which does its real work once more{not_now}")
            if busy and not self.force:
                return job.ended("refused", f"{busy}; try again when that has ended, or with --force")
            return job
        if is_suspended(job.obj):
            return job.ended("refused", "it is suspended, so that no next run comes; --trigger makes one now")
        schedule, zone, limit = spec.get("schedule", ""), spec.get("timeZone"), self.watch.timeout
        if comes_due(schedule, zone, datetime.now(timezone.utc), limit) is False:
            where = f"in {zone}" if zone else "in UTC, because no timeZone is set"
            words = f'no run is due by its schedule "{schedule}" ({where}) within the --timeout of {limit:g} s'
            return job.remarked(f"{words}; --trigger makes one now")
        return job

    def _with_min_ready(self, job: HardenResult) -> HardenResult:
        """Raise minReadySeconds, unless a tool sets it, so that old pods stay until new pods have stayed up."""
        held = raised(job.kind.kind, job.obj, self.watch.held_for)
        if held is None:
            return job
        writers = reconciling(predict_managers(job.obj, Patch((held,)), self.watch.manager))
        if writers:
            who = ", ".join(dict.fromkeys(one.writer for one in writers))
            return job.remarked(f"{who} sets spec.minReadySeconds, so the field is left alone")
        before = "0" if held.before is ABSENT else held.before
        words = f"spec.minReadySeconds is {held.after} instead of {before} while the rollout is watched"
        return replace(job, held=held).remarked(words)

    def _with_managers(self, job: HardenResult) -> HardenResult:
        """Add remarks about other field managers, or refuse the object if a manager would undo the change."""
        patch, manager = job.hardening.patch, self.watch.manager
        job = replace(job, effects=predict_managers(job.obj, patch, manager))
        writers = ", ".join(dict.fromkeys(one.writer for one in reconciling(job.effects)))
        if writers and not self.force and job.result == "planned":
            return job.ended("refused", f"{writers} would undo it: change the source, or go on with --force")
        return job


def try_on_server(works: Sequence[WorkloadHardening], jobs: Sequence[HardenResult]) -> list[HardenResult]:
    """Try every change on the server. The result has the failed jobs marked. Nothing is changed."""
    tried: list[HardenResult] = []
    with ThreadPoolExecutor(_TRIED_AT_A_TIME) as pool:
        for job in pool.map(_try, works, jobs):
            tried.append(job)
            progress(f"{len(tried)} of {len(works)} tried on the server")
    clear_progress()
    return tried


def _try(work: WorkloadHardening, job: HardenResult) -> HardenResult:
    try:
        return work.try_on_server(job)
    except CapsError as error:
        return job.ended("refused", error.words)
