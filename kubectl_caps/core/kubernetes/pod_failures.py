"""Finds the failures of a workload's pods, and describes the cost of a crash.

A new pod, made for a change, has no history: every ended container counts. An old pod may have been restarted last
month and be healthy today, so only its present and its most recent failures count.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from kubectl_caps.core.kubernetes.patch import lookup
from kubectl_caps.core.kubernetes.pod import ContainerStatus, Pod, PodTemplate, Terminated, members

# Waiting reasons after which a container does not start by itself (k8s.io/kubernetes pkg/kubelet/images/types.go,
# pkg/kubelet/kuberuntime). ErrImagePull is left out: it is tried again before it becomes ImagePullBackOff.
STUCK = {
    "CrashLoopBackOff",
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
    "StartError",
    "ImagePullBackOff",
    "ErrImageNeverPull",
    "InvalidImageName",
}


class PodFailure(Struct, frozen=True):
    """A failure of a container, of a pod if `container` is empty, of the workload if `pod` is empty too.

    A failure that is not `final` may go away without a change.
    """

    message: str
    pod: str = ""
    container: str = ""
    final: bool = True


def pod_failures(pods: Sequence[Pod], *, since: str = "") -> Iterator[PodFailure]:
    """The failures of pods that should run: containers that exit, are restarted or cannot start.

    With `since` (a time as the API writes it), containers that ended earlier do not count.
    """
    for pod in pods:
        name = pod.metadata.name or ""
        if pod.metadata.deletion_timestamp:
            continue
        # The kubelet restarts a sidecar after any exit; other init containers run again when the pod's sandbox is new.
        init = {member.container.name for member in members(pod.spec) if member.role == "init"}
        for status in pod.status.containers.values():
            if message := _trouble(status, since, init=status.name in init):
                yield PodFailure(message, name, status.name)
        if pod.status.phase == "Failed":
            yield PodFailure(f"pod {name} failed: {pod.status.message or pod.status.reason}", name)


def one_a_container(first: PodFailure, pods: Sequence[Pod]) -> list[PodFailure]:
    """The first failure, and one failure of each other container. Replicas fail alike, so one failure says it all."""
    found = {first.container: first}
    for failure in pod_failures(pods):
        found.setdefault(failure.container, failure)
    return list(found.values())


def stalled(pods: Sequence[Pod]) -> Iterator[PodFailure]:
    """One failure for each pod that is not ready: the reason, and the container that is not ready, if there is one."""
    for pod in unready(pods):
        name = pod.metadata.name or ""
        for condition in pod.status.conditions or ():
            if condition.type == "PodScheduled" and condition.status == "False":
                yield PodFailure(f"pod {name} is not scheduled: {condition.message}", name)
                break
        else:
            waiting = [status for status in pod.status.containers.values() if not status.ready]
            for status in waiting[:1]:
                yield PodFailure(f"container {status.name} is not ready", name, status.name)


def unready(pods: Sequence[Pod]) -> list[Pod]:
    """The pods that are not ready and are not terminating."""
    return [pod for pod in pods if not pod.metadata.deletion_timestamp and not _is_ready(pod)]


def termination_grace(pods: Sequence[Pod]) -> int | None:
    """The longest grace period in seconds of terminating pods; None if no pod is terminating."""
    ending = [pod.metadata for pod in pods if pod.metadata.deletion_timestamp]
    return max((metadata.deletion_grace_period_seconds or 0 for metadata in ending), default=None)


def broken(pods: Sequence[Pod]) -> list[Pod]:
    """The pods that have a failure or are not ready."""
    failed = {failure.pod for failure in pod_failures(pods)}
    return [pod for pod in pods if pod in unready(pods) or pod.metadata.name in failed]


def crash_risks(kind: str, obj: Mapping[str, Any], template: PodTemplate, *, held: bool = False) -> Iterator[str]:
    """The cost of a crash after the change, for a workload whose pods a rollout replaces.

    `held` says that the controller ends the next old pods only after the new pods have stayed up.
    """
    spec = obj.get("spec") or {}
    blind = [
        member.container.name
        for member in members(template.spec)
        if member.role == "main" and member.container.readiness_probe is None
    ]
    if blind and not held and not spec.get("minReadySeconds"):
        yield (
            f"no readiness probe (container {', '.join(blind)}) and minReadySeconds 0: a new pod counts as available "
            "the moment it starts, so the old ones are gone before a crash is seen"
        )
    elif blind and lookup(spec, ("strategy", "type")) != "Recreate":
        yield (
            f"no readiness probe (container {', '.join(blind)}): a Service sends requests to each new pod from its "
            "start, whether it answers or not"
        )
    if cost := _gap(kind, spec):
        yield cost


def _gap(kind: str, spec: Mapping[str, Any]) -> str | None:
    """The old pods that end before new pods have replaced them, even if no new pod fails."""
    replicas = spec.get("replicas", 1)
    if lookup(spec, ("strategy", "type")) == "Recreate":
        return "strategy Recreate: all old pods end before the first new one starts"
    if kind == "StatefulSet" and replicas == 1:
        return "one replica of a StatefulSet: the old pod ends before the new one starts, and meanwhile nothing serves"
    rolling = lookup(spec, ("strategy" if kind == "Deployment" else "updateStrategy", "rollingUpdate"))
    rolling = rolling if isinstance(rolling, Mapping) else {}
    if kind == "StatefulSet":
        # pkg/controller/statefulset getStatefulSetMaxUnavailable; servers that do not honour the field drop it.
        down = max(_resolved(rolling.get("maxUnavailable", 1), replicas), 1)
        if down >= replicas:
            return f"maxUnavailable lets all {replicas} pods be replaced at once, and meanwhile nothing serves"
        verb, subject = ("do", "they are") if down > 1 else ("does", "it is")
        return (
            f"a StatefulSet replaces pods in place: {down} of {replicas} pods {verb} not serve while {subject} replaced"
        )
    if kind == "DaemonSet":
        if _resolved(rolling.get("maxSurge", 0), 100):
            return None
        down = rolling.get("maxUnavailable", 1)
        return f"a DaemonSet replaces pods in place: on {down} of its nodes at a time nothing serves meanwhile"
    down = _resolved(rolling.get("maxUnavailable", "25%"), replicas)
    if not down and not _resolved(rolling.get("maxSurge", "25%"), replicas, up=True):
        down = 1
    if not down:
        return None
    return f"maxUnavailable lets {min(down, replicas)} of {replicas} old pods end before new ones take their place"


def _resolved(value: Any, total: int, *, up: bool = False) -> int:
    """An int-or-percentage of `total`, as k8s.io/kubernetes pkg/controller/deployment/util ResolveFenceposts has it."""
    if isinstance(value, str) and value.endswith("%") and value[:-1].isdigit():
        share = int(value[:-1]) * total
        return -(-share // 100) if up else share // 100
    return value if isinstance(value, int) else 0


def _is_ready(pod: Pod) -> bool:
    return any(item.type == "Ready" and item.status == "True" for item in pod.status.conditions or ())


def _trouble(status: ContainerStatus, since: str, *, init: bool) -> str | None:
    waiting, ended = status.state.waiting, status.state.terminated or status.last_state.terminated
    restarted = bool(status.restart_count) and not init
    if ended and not status.state.terminated and _is_past(ended, since):
        ended, restarted = None, False
    if ended and (ended.exit_code or restarted):
        return f"container {status.name} exited with code {ended.exit_code}{_reason(ended.reason)}"
    if waiting and waiting.reason in STUCK:
        return f"container {status.name} does not start: {waiting.reason}: {waiting.message}"
    if restarted and not since:
        return f"container {status.name} was restarted {status.restart_count} times"
    return None


def _is_past(ended: Terminated, since: str) -> bool:
    # Times of the API are UTC to the second with a Z, so that they compare as text.
    return bool(since) and (ended.finished_at or "") < since


def _reason(reason: str) -> str:
    return "" if reason in ("", "Error", "Completed") else f" ({reason})"
