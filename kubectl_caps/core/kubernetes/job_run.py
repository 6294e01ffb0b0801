"""Judges the status of a CronJob's run from its Job and the Job's pods, and the earlier runs of a CronJob.

A Job tries again if a pod fails (`backoffLimit`), so a failed pod alone does not fail the run. The run fails if its Job
fails or if a pod logs a refusal. Conditions and fields are those of batch/v1 (k8s.io/api batch/v1 types.go).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal

import msgspec
from msgspec import Struct

from kubectl_caps.core.kubernetes import pod_failures
from kubectl_caps.core.kubernetes.kinds import Kind
from kubectl_caps.core.kubernetes.patch import ABSENT, Patch, lookup, unkept
from kubectl_caps.core.kubernetes.pod import ContainerStatus, Pod, PodTemplate
from kubectl_caps.core.kubernetes.pod_failures import PodFailure
from kubectl_caps.core.kubernetes.rollout_status import RolloutStatus

RunJob = Mapping[str, Any]
"""A batch/v1 Job that a CronJob controls, as the API sent it."""
Same = Callable[[PodTemplate, PodTemplate], bool]
"""Whether two templates give their containers the same rights."""

MANUAL = "cronjob.kubernetes.io/instantiate"
_RETRIED = "CrashLoopBackOff"
_NEVER_RAN = ("StartError", "ContainerCannotRun", "RunContainerError")
"""The reasons of containerd and the kubelet for a container that ended before its program ran."""


class LastRun(Struct, frozen=True):
    """The status of the last run of a template: `reason` says why it failed, or why its status is not known.

    `never`: there has been no run. `gone`: no Job of a run from this template is left.
    """

    name: str
    state: Literal["succeeded", "failed", "active", "never", "gone", "unknown"]
    reason: str = ""


def is_cron_job(kind: Kind) -> bool:
    """Whether the kind is CronJob."""
    return (kind.group, kind.kind) == ("batch", "CronJob")


def job_reference(name: str) -> str:
    """A Job as kubectl prints it."""
    return f"job.batch/{name}"


def manual_job(cron_job: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The Job that `kubectl create job NAME --from=cronjob/x` makes (k8s.io/kubectl pkg/cmd/create/create_job.go).

    The owner reference has no blockOwnerDeletion, which needs the right to change the CronJob's finalizers.
    """
    template, metadata = cron_job["spec"]["jobTemplate"], cron_job["metadata"]
    told = template.get("metadata") or {}
    owner = {"apiVersion": "batch/v1", "kind": "CronJob", "name": metadata["name"], "uid": metadata["uid"]}
    made = {
        "name": name,
        "annotations": {MANUAL: "manual", **(told.get("annotations") or {})},
        "ownerReferences": [{**owner, "controller": True}],
        **({"labels": told["labels"]} if told.get("labels") else {}),
    }
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": made, "spec": template["spec"]}


def is_suspended(cron_job: Mapping[str, Any]) -> bool:
    """Whether the CronJob is suspended, so that its schedule makes no run."""
    return lookup(cron_job, ("spec", "suspend")) is True


def held_off(cron_job: Mapping[str, Any]) -> str:
    """The active run during which the concurrencyPolicy allows no other run; empty if another run is allowed.

    The CronJob controller applies the policy only to Jobs that it creates itself.
    """
    active = lookup(cron_job, ("status", "active"))
    policy = lookup(cron_job, ("spec", "concurrencyPolicy"))
    if policy not in ("Forbid", "Replace") or not isinstance(active, list) or not active:
        return ""
    run = job_reference(str(active[0].get("name")))
    return f"{run} runs, and concurrencyPolicy {policy} allows no second run beside it"


def of_template(runs: Iterable[RunJob], template: PodTemplate, same: Same) -> list[RunJob]:
    """The runs whose containers had the rights that a template gives, the newest first; `same` compares the rights.

    Runs of an earlier hardening that was rolled back are left out, because that hardening caused their complaints.
    """
    found = [run for run in runs if same(msgspec.convert(run["spec"]["template"], PodTemplate), template)]
    return sorted(found, key=_began, reverse=True)


def lacks(patch: Patch, cron_job: Mapping[str, Any], run: RunJob) -> bool:
    """Whether a run lacks the change that a patch made to its CronJob.

    Then the Job was made from the old template, or admission changed the Job.
    """
    spec, template = cron_job["spec"], cron_job["spec"]["jobTemplate"]
    return bool(unkept(patch, {**cron_job, "spec": {**spec, "jobTemplate": {**template, "spec": run["spec"]}}}))


def newest_run(runs: Iterable[RunJob]) -> LastRun | None:
    """The run that began last; None if there is no run."""
    newest = max(runs, key=_began, default=None)
    if newest is None:
        return None
    name = newest["metadata"]["name"]
    if condition := true_condition(newest, "Failed"):
        return LastRun(name, "failed", _why(condition))
    return LastRun(name, "succeeded" if true_condition(newest, "Complete") else "active")


def history(cron_job: Mapping[str, Any], runs: Sequence[RunJob], template: PodTemplate, same: Same) -> LastRun:
    """The status of the last run from this template of a CronJob; `runs` are the remaining Jobs of all its runs."""
    if last := newest_run(of_template(runs, template, same)):
        return last
    ran = runs or lookup(cron_job, ("status", "lastScheduleTime")) is not ABSENT
    return LastRun("", "gone" if ran else "never")


def told(run: LastRun) -> str:
    """`job.batch/x-1: BackoffLimitExceeded: …`, or only the Job if the run has no reason."""
    return f"{job_reference(run.name)}: {run.reason}" if run.reason else job_reference(run.name)


def is_finished(run: RunJob) -> bool:
    """Whether a Job has ended, with success or failure."""
    return bool(true_condition(run, "Complete") or true_condition(run, "Failed"))


def standing(run: RunJob, pods: Sequence[Pod], refusals: Sequence[PodFailure]) -> RolloutStatus:
    """The status of a run; `refusals` are complaints of its pods that pods of earlier runs did not log.

    A refusal in the log of a failed pod ends the run, even if the Job would try again. A refusal in the log of a pod
    that still runs, or has succeeded, counts when the Job has ended.
    """
    name = job_reference(run["metadata"]["name"])
    failures = list(pod_failures.pod_failures(pods))
    ended = refusals if is_finished(run) else [one for one in refusals if one.pod in {item.pod for item in failures}]
    for refusal in ended:
        return RolloutStatus("failed", refusal.message, refusal)
    if condition := true_condition(run, "Failed"):
        because = failures[0] if failures else PodFailure("")
        words = "; ".join(filter(None, (f"{name} failed: {_why(condition)}", because.message)))
        return RolloutStatus("failed", words, PodFailure(words, because.pod, because.container))
    if true_condition(run, "Complete"):
        return RolloutStatus("complete", f"{name} completed")
    for failure in failures:
        if _cannot_start(pods, failure):
            return RolloutStatus("failed", failure.message, failure)
    return RolloutStatus("progressing", f"{name} {_progress(run)}")


def unseen_end(pods: Sequence[Pod]) -> PodFailure | None:
    """The failure of a run that is no longer watched; None if none of its pods has failed yet."""
    return next(pod_failures.pod_failures(pods), None)


def unread(run: RunJob, pods: Sequence[Pod]) -> int:
    """The number of ended pods of a run that are gone. Their logs may not have been read."""
    ended = sum(_count(run, field) for field in ("succeeded", "failed"))
    return max(0, ended - len(pods))


def _cannot_start(pods: Sequence[Pod], failure: PodFailure) -> bool:
    """Whether the container never ran its program. Then another try would fail as well."""
    statuses = (pod.status.containers.get(failure.container) for pod in pods if pod.metadata.name == failure.pod)
    return any(status is not None and _is_stuck(status) for status in statuses)


def _is_stuck(status: ContainerStatus) -> bool:
    if any(state.terminated and state.terminated.reason in _NEVER_RAN for state in (status.state, status.last_state)):
        return True
    waiting = status.state.waiting
    return bool(waiting and waiting.reason != _RETRIED and waiting.reason in pod_failures.STUCK)


def _progress(run: RunJob) -> str:
    if true_condition(run, "Suspended"):
        return "is suspended"
    counts = {field: _count(run, field) for field in ("active", "succeeded", "failed")}
    told = ", ".join(f"{count} {field}" for field, count in counts.items() if count)
    return f"runs: pods {told}" if told else "has no pod yet"


def _count(run: RunJob, field: str) -> int:
    value = lookup(run, ("status", field))
    return value if isinstance(value, int) else 0


def true_condition(run: RunJob, kind: str) -> Mapping[str, Any] | None:
    """The Job's condition of a type, such as `Complete`, if its status is True."""
    conditions = lookup(run, ("status", "conditions"))
    found = (item for item in (conditions if isinstance(conditions, list) else []) if item.get("type") == kind)
    return next((item for item in found if item.get("status") == "True"), None)


def _why(condition: Mapping[str, Any]) -> str:
    return ": ".join(filter(None, (condition.get("reason"), condition.get("message"))))


def _began(run: RunJob) -> tuple[str, str]:
    # Times of the API are UTC to the second with a Z, so that they compare as text. A suspended Job has no startTime.
    times = (lookup(run, path) for path in (("status", "startTime"), ("metadata", "creationTimestamp")))
    return next((str(time) for time in times if time is not ABSENT and time), ""), str(run["metadata"]["name"])
