"""What is wrong with the pods of a workload, and what a crash of theirs would cost.

A pod that was made for a change has no past: whatever ended in it counts. A pod that was there before may have been
restarted last month and be healthy, so of those only what is wrong now, or was a moment ago, counts.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from kubectl_caps.core.patch import lookup
from kubectl_caps.core.pod import ContainerStatus, Pod, PodTemplate, Terminated, members

# Waiting reasons after which a container does not start by itself (k8s.io/kubernetes pkg/kubelet/images/types.go,
# pkg/kubelet/kuberuntime). ErrImagePull is left out: it is tried again before it becomes ImagePullBackOff.
_STUCK = {
    "CrashLoopBackOff",
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
    "StartError",
    "ImagePullBackOff",
    "ErrImageNeverPull",
    "InvalidImageName",
}


class Failure(Struct, frozen=True):
    """What is wrong with which container of which pod; without a pod, of the workload itself.

    One that is not `final` may pass by itself.
    """

    message: str
    pod: str = ""
    container: str = ""
    final: bool = True


def failures(pods: Sequence[Pod], *, since: str = "") -> Iterator[Failure]:
    """What is wrong with pods that should run: containers that exit, are restarted or cannot start.

    With `since` (a time as the API writes it) ends of containers before it are forgotten.
    """
    for pod in pods:
        name = pod.metadata.name or ""
        if pod.metadata.deletion_timestamp:
            continue
        init = {status.name for status in pod.status.init_container_statuses or ()}
        for status in pod.status.containers.values():
            if message := _trouble(status, since, init=status.name in init):
                yield Failure(message, name, status.name)
        if pod.status.phase == "Failed":
            yield Failure(f"pod {name} failed: {pod.status.message or pod.status.reason}", name)


def stalled(pods: Sequence[Pod]) -> Iterator[Failure]:
    """The pods that are not ready, each with the container (where there is one) that it waits for, and why."""
    for pod in unready(pods):
        name = pod.metadata.name or ""
        for condition in pod.status.conditions or ():
            if condition.type == "PodScheduled" and condition.status == "False":
                yield Failure(f"pod {name} is not scheduled: {condition.message}", name)
                break
        else:
            waiting = [status for status in pod.status.containers.values() if not status.ready]
            for status in waiting[:1]:
                yield Failure(f"container {status.name} is not ready", name, status.name)


def unready(pods: Sequence[Pod]) -> list[Pod]:
    """The pods that should serve and do not."""
    return [pod for pod in pods if not pod.metadata.deletion_timestamp and not _is_ready(pod)]


def grace(pods: Sequence[Pod]) -> int | None:
    """The longest time in seconds that pods on their way out were given to end; None where there are none."""
    ending = [pod.metadata for pod in pods if pod.metadata.deletion_timestamp]
    return max((metadata.deletion_grace_period_seconds or 0 for metadata in ending), default=None)


def broken(pods: Sequence[Pod]) -> list[Pod]:
    """The pods that fail, or do not serve."""
    failed = {failure.pod for failure in failures(pods)}
    return [pod for pod in pods if pod in unready(pods) or pod.metadata.name in failed]


def risks(kind: str, obj: Mapping[str, Any], template: PodTemplate) -> Iterator[str]:
    """What a crash after the change would cost, for a workload whose pods are replaced by a rollout."""
    spec = obj.get("spec") or {}
    blind = [
        member.container.name
        for member in members(template.spec)
        if member.role == "main" and member.container.readiness_probe is None
    ]
    if blind and not spec.get("minReadySeconds"):
        yield (
            f"no readiness probe (container {', '.join(blind)}) and minReadySeconds 0: a new pod counts as available "
            "the moment it starts, so the old ones are gone before a crash is seen"
        )
    if lookup(spec, ("strategy", "type")) == "Recreate":
        yield "strategy Recreate: all old pods end before the first new one starts"
    if kind != "DaemonSet" and spec.get("replicas", 1) == 1:
        yield "one replica: while a broken pod is in its place, nothing serves"


def _is_ready(pod: Pod) -> bool:
    return any(item.type == "Ready" and item.status == "True" for item in pod.status.conditions or ())


def _trouble(status: ContainerStatus, since: str, *, init: bool) -> str | None:
    waiting, ended = status.state.waiting, status.state.terminated or status.last_state.terminated
    restarted = bool(status.restart_count) and not init
    if ended and not status.state.terminated and _is_past(ended, since):
        ended, restarted = None, False
    if ended and (ended.exit_code or restarted):
        return f"container {status.name} exited with code {ended.exit_code}{_reason(ended.reason)}"
    if waiting and waiting.reason in _STUCK:
        return f"container {status.name} does not start: {waiting.reason}: {waiting.message}"
    if restarted and not since:
        return f"container {status.name} was restarted {status.restart_count} times"
    return None


def _is_past(ended: Terminated, since: str) -> bool:
    # Times of the API are UTC to the second with a Z, so that they compare as text.
    return bool(since) and (ended.finished_at or "") < since


def _reason(reason: str) -> str:
    return "" if reason in ("", "Error", "Completed") else f" ({reason})"
