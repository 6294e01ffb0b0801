"""The verdict on the watched run of a CronJob whose Job does not exist yet, is gone, or is not over in time."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from kubectl_caps.core.harden.readiness import PodEvent
from kubectl_caps.core.harden.result import HardenResult
from kubectl_caps.core.harden.verdict import Verdict, creation_refused, failed, rollout_timed_out
from kubectl_caps.core.kubernetes import job_run
from kubectl_caps.core.kubernetes.pod import Pod
from kubectl_caps.core.kubernetes.pod_failures import PodFailure
from kubectl_caps.core.kubernetes.rollout_status import RolloutStatus

_WHY_NONE_COMES = (
    "MissSchedule", "JobAlreadyActive", "UnknownTimeZone", "UnparseableSchedule", "InvalidSchedule",
    "TooManyMissedTimes",
)  # fmt: skip
"""Reasons of the CronJob controller's events (k8s.io/kubernetes pkg/controller/cronjob) for a run that it left out."""


def is_watched(
    job: HardenResult,
    item: job_run.RunJob,
    cron_job: Mapping[str, Any],
    before: Collection[str],
    *,
    seen: str,
    made: str,
) -> bool:
    """Whether a Job is the run to watch: the one `seen` before (by uid) or `made` (by name), else any new one.

    `before` are the uids of the Jobs from before the change. A new Job that still has the old template does not count.
    """
    metadata = item["metadata"]
    if seen:
        return bool(metadata["uid"] == seen)
    if made:
        return bool(metadata["name"] == made)
    return metadata["uid"] not in before and not job_run.lacks(job.hardening.patch, cron_job, item)


def awaited(events: Sequence[PodEvent], *, is_suspended: bool, made: str) -> Verdict:
    """The verdict before there is a Job: the reason why no Job comes, if the CronJob's new events show it.

    `made` is the name of the Job that this command makes; it is empty while the next scheduled run is awaited.
    """
    if standing := creation_refused(events):
        return Verdict(standing)
    if is_suspended and not made:
        return Verdict(RolloutStatus("complete", "no run came"), unproven="somebody suspended it before a run came")
    left_out = [event for event in events if event.reason in _WHY_NONE_COMES]
    why = f" ({left_out[-1].reason}: {left_out[-1].message})" if left_out else ""
    what = job_run.job_reference(made) if made else "its next run"
    return Verdict(RolloutStatus("progressing", f"waits for {what}{why}"))


def end_not_seen(verdict: Verdict, words: str, failure: PodFailure | None) -> Verdict:
    """The verdict on a run whose end will not be seen: failed if one of its pods has failed, else not proven."""
    if failure:
        return replace(verdict, standing=failed(replace(failure, message=f"{failure.message}; {words}")))
    return replace(verdict, standing=RolloutStatus("complete", words), unproven=words)


def run_timed_out(verdict: Verdict, timeout: float, failure: PodFailure | None) -> Verdict:
    """The verdict on a run that has not come, or is not over in time; `failure` is that of one of its pods."""
    if verdict.standing.failure:
        return replace(verdict, standing=rollout_timed_out(verdict.standing, timeout))
    return end_not_seen(verdict, f"after {timeout:g} s: {verdict.standing.message}", failure)


def not_read(run: job_run.RunJob, pods: Sequence[Pod], unread: Collection[tuple[str, str]], *, sample: int) -> str:
    """A sentence about the logs of an ended run that were not read; empty if all, or those of `sample` pods, were.

    `unread` are the pods and containers whose logs could not be read. Those of earlier runs do not count: without them
    a complaint is taken for a new one.
    """
    missing = job_run.unread(run, pods) if len(pods) < sample else 0
    if missing:
        return f"{missing} of its pods were gone before their logs were read"
    names = {pod.metadata.name for pod in pods}
    places = ", ".join(f"{pod}/{container}" for pod, container in sorted(unread) if pod in names)
    return f"logs were not read: {places}" if places else ""


def what_remains(run: str, namespace: str | None, flags: str) -> str:
    """A sentence about the Job that no rollback removes, with the command that deletes the Job."""
    if not run:
        return ""
    command = f"kubectl delete job {run} -n {namespace}{flags}"
    return f"{job_run.job_reference(run)} stays; to delete it: {command}"
