"""Judges new pods that do not become ready: how long a rollout waits for a pod, and when the pod has failed.

`kubectl rollout status` waits until the timeout. A pod that cannot be scheduled, whose volume cannot be mounted, or
whose readiness probe keeps failing says so in its status and events long before.
"""

import calendar
import time
from collections.abc import Mapping, Sequence
from typing import Literal

from msgspec import Struct

from kubectl_caps.core.kubernetes.pod import ContainerStatus, Pod
from kubectl_caps.core.kubernetes.pod_failures import PodFailure

Stage = Literal["unscheduled", "creating", "initializing", "running", "ready"]
"""How far a pod has come: no node yet, containers are made, init containers run, all containers run, ready."""

PENDING_LIMIT = 60.0
"""Seconds that a pod may wait for a node, or for its volumes and its sandbox."""
READY_FACTOR = 3
"""The factor by which a new pod may take longer than the old pods to become ready after its containers have started."""
READY_FLOOR = 20.0
"""The least number of seconds that a running pod gets to become ready."""

_SCALES_UP = "TriggeredScaleUp"  # the cluster autoscaler's event (kubernetes/autoscaler FAQ): a node is on its way
_TIME = "%Y-%m-%dT%H:%M:%SZ"


class PodEvent(Struct, frozen=True):
    """An event of one object. `key` changes when the event happens again."""

    key: str
    type: str
    reason: str
    message: str


class Overdue(Struct, frozen=True):
    """A new pod that has been at one stage for longer than its limit, in seconds."""

    pod: Pod
    stage: Stage
    seconds: float


def stage(pod: Pod) -> Stage:
    """How far a pod has come."""
    conditions = {condition.type: condition.status for condition in pod.status.conditions or ()}
    if conditions.get("Ready") == "True":
        return "ready"
    if conditions.get("PodScheduled") == "False":
        return "unscheduled"
    init = pod.status.init_container_statuses or ()
    if any(status.state.running or status.state.terminated for status in init) and not _all_run(pod):
        return "initializing"
    return "running" if _all_run(pod) else "creating"


def ready_limit(old: Sequence[Pod]) -> float | None:
    """Seconds within which a new pod has to become ready, by the time of the old pods; None if none is ready."""
    needed = [taken for pod in old if (taken := _ready_after(pod)) is not None]
    return max(READY_FACTOR * max(needed), READY_FLOOR) if needed else None


def overdue(new: Sequence[Pod], since: Mapping[str, float], now: float, limit: float | None) -> list[Overdue]:
    """The pods that stay at one stage for too long.

    `since` has the time at which each pod (by uid) came to its present stage, on the clock of `now`. `limit` is the
    limit of `ready_limit`.
    """
    limits = {"unscheduled": PENDING_LIMIT, "creating": PENDING_LIMIT, "running": limit}
    found = []
    for pod in new:
        at, began = stage(pod), since.get(pod.metadata.uid or "")
        longest = limits.get(at)
        if began is not None and longest is not None and now - began > longest and not pod.metadata.deletion_timestamp:
            found.append(Overdue(pod, at, now - began))
    return found


def overdue_failure(late: Overdue, events: Sequence[PodEvent]) -> PodFailure | None:
    """Why an overdue pod will not become ready; None if neither its status nor its events say why."""
    name = late.pod.metadata.name or ""
    if late.stage == "unscheduled":
        if any(event.reason == _SCALES_UP for event in events):
            return None
        waits = f"pod {name} has not been scheduled for {late.seconds:.0f} s"
        return PodFailure(f"{waits}: {unscheduled_words(late.pod)}", name)
    warnings = [event for event in events if event.type == "Warning"]
    if late.stage == "creating":
        said = [event for event in warnings if event.reason.startswith("Failed") and event.reason != "FailedScheduling"]
        because = f"{said[-1].reason}: {said[-1].message}" if said else ""
        waits = f"pod {name} has not started for {late.seconds:.0f} s"
        return PodFailure(f"{waits}: {because}", name) if said else None
    said = [event for event in warnings if event.reason == "Unhealthy"]
    container = unready_container(late.pod)
    waits = f"container {container} is not ready after {late.seconds:.0f} s"
    return PodFailure(f"{waits}: {said[-1].message}", name, container) if said else None


def _all_run(pod: Pod) -> bool:
    statuses = pod.status.container_statuses or ()
    return bool(statuses) and all(status.state.running for status in statuses)


def _ready_after(pod: Pod) -> float | None:
    """Seconds from the start of a pod's containers until the pod was ready; None if it is not ready or not known."""
    ready = next((item for item in pod.status.conditions or () if item.type == "Ready" and item.status == "True"), None)
    started = [at for status in pod.status.container_statuses or () if (at := _started(status)) is not None]
    at = _seconds(ready.last_transition_time) if ready else None
    return max(at - max(started), 0.0) if at is not None and started else None


def _started(status: ContainerStatus) -> float | None:
    return _seconds(status.state.running.started_at) if status.state.running else None


def unready_container(pod: Pod) -> str:
    """The name of the first container that is not ready, or nothing."""
    return next((status.name for status in pod.status.container_statuses or () if not status.ready), "")


def unscheduled_words(pod: Pod) -> str:
    """The scheduler's words for a pod without a node, as its condition PodScheduled has them."""
    return next((item.message for item in pod.status.conditions or () if item.type == "PodScheduled"), "")


def _seconds(text: str | None) -> float | None:
    """A time of the API (RFC 3339, UTC) in seconds since 1970."""
    try:
        return calendar.timegm(time.strptime(text or "", _TIME))
    except ValueError:
        return None
