"""Judges the state of a trial's pod: starting, up, done, failed, or never started."""

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

from kubectl_caps.core.harden import readiness
from kubectl_caps.core.harden.readiness import PENDING_LIMIT, READY_FACTOR, READY_FLOOR
from kubectl_caps.core.kubernetes import pod_failures
from kubectl_caps.core.kubernetes.pod import Pod
from kubectl_caps.core.kubernetes.pod_failures import PodFailure

TrialStep = Literal["starting", "up", "done", "failed", "notTried"]

_NOT_THE_PROGRAMS = (
    "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName", "CreateContainerConfigError",
)  # fmt: skip
"""The reasons of a waiting container whose program has not been started (kubelet, pkg/kubelet/images/types.go)."""
_TAKEN_AWAY = (
    "Evicted", "DeadlineExceeded", "NodeLost", "NodeShutdown", "Terminated", "Preempting", "UnexpectedAdmissionError",
)  # fmt: skip
"""The reasons of a failed pod that has been ended from outside."""


class TrialStanding(Struct, frozen=True):
    """The state of a trial's pod. `failure` says why the trial failed or could not be made."""

    step: TrialStep
    failure: PodFailure | None = None


def trial_standing(pod: Pod, *, ends: bool) -> TrialStanding:
    """The state of a pod that is never restarted. `ends` says that its containers are meant to end by themselves."""
    if pod.status.phase == "Failed" and pod.status.reason in _TAKEN_AWAY:
        words = pod.status.message or pod.status.reason
        return TrialStanding("notTried", PodFailure(f"pod {pod.metadata.name} was ended: {words}"))
    if pod.metadata.deletion_timestamp:  # a deleted pod may be ready until its processes end
        return TrialStanding("notTried", PodFailure(f"pod {pod.metadata.name} is being deleted"))
    failure = next(pod_failures.pod_failures([pod]), None)
    if failure:
        return TrialStanding("notTried" if _never_started(pod, failure) else "failed", failure)
    if pod.status.phase == "Succeeded" and ends:
        return TrialStanding("done")
    for status in pod.status.container_statuses or ():
        if status.state.terminated and not ends:
            says = f"container {status.name} ended with code 0, where it is meant to run"
            return TrialStanding("failed", PodFailure(says, pod.metadata.name or "", status.name))
    return TrialStanding("up" if readiness.stage(pod) == "ready" and not ends else "starting")


def late(pod: Pod, since: float, now: float, ready_limit: float | None, reasons: Sequence[str]) -> TrialStanding | None:
    """The state of a pod that has been at one stage for too long; None if the pod still has time.

    `since` is the time at which the stage began, on the clock of `now`. `ready_limit` is the limit for a running pod,
    None for no limit. `reasons` are the messages of the pod's warning events; the last message is shown.
    """
    at = readiness.stage(pod)
    name = pod.metadata.name or ""
    because = f": {reasons[-1]}" if reasons else ""
    if at in ("unscheduled", "creating") and now - since > PENDING_LIMIT:
        what = "has no node" if at == "unscheduled" else "has not started"
        told = readiness.unscheduled_words(pod) if at == "unscheduled" else ""
        why = f": {told}" if told else because
        return TrialStanding("notTried", PodFailure(f"pod {name} {what} after {now - since:.0f} s{why}", name))
    if at == "running" and ready_limit is not None and now - since > ready_limit:
        container = readiness.unready_container(pod)
        says = f"container {container} is not ready after {now - since:.0f} s{because}"
        return TrialStanding("failed", PodFailure(says, name, container))
    return None


def time_limit(taken: float) -> float:
    """The seconds that a trial may take for a stage, if the baseline took `taken` seconds for the same stage."""
    return max(READY_FACTOR * taken, READY_FLOOR)


def _never_started(pod: Pod, failure: PodFailure) -> bool:
    status = pod.status.containers.get(failure.container)
    waiting = status.state.waiting if status else None
    return waiting is not None and waiting.reason in _NOT_THE_PROGRAMS
