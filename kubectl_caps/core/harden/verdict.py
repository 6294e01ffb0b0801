"""Judges a watched object after the patch, by its pods and by changes of other writers."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from kubectl_caps.core.harden.admitted import lost_in_admission
from kubectl_caps.core.harden.complaints import Complaint
from kubectl_caps.core.harden.plan import HardenOptions
from kubectl_caps.core.harden.readiness import PodEvent
from kubectl_caps.core.harden.result import HardenResult
from kubectl_caps.core.kubernetes import pod_failures, rollout_status
from kubectl_caps.core.kubernetes.changed_fields import fields
from kubectl_caps.core.kubernetes.field_path import field_path
from kubectl_caps.core.kubernetes.made_pods import template_of
from kubectl_caps.core.kubernetes.managed_fields import owner_of
from kubectl_caps.core.kubernetes.patch import between, lookup, unkept
from kubectl_caps.core.kubernetes.pod import Pod, PodTemplate
from kubectl_caps.core.kubernetes.pod_failures import PodFailure
from kubectl_caps.core.kubernetes.rollout_status import RolloutStatus
from kubectl_caps.core.kubernetes.snapshot import Snapshot

GOES_ON = RolloutStatus("progressing", "")


class Verdict(Struct, frozen=True):
    """The state of an object at one look.

    `theirs` says who else changed the pod template since the patch; `is_undone`: they changed a field that this run had
    changed. `is_lost`: the template or the pods are not as sent, so the state of the pods says nothing about the
    hardening. `unproven` says why a state without a failure proves nothing.
    """

    standing: RolloutStatus
    theirs: str = ""
    is_undone: bool = False
    is_lost: bool = False
    unproven: str = ""


class PodReader(Protocol):
    """Reads logs and events of pods if their status leaves a question open."""

    def certain_complaint(self, snapshot: Snapshot) -> PodFailure | None:
        """The log line of a new pod that leaves no doubt that a capability is missing, as a failure."""

    def late(self, pods: Sequence[Pod], limit: float | None = None) -> PodFailure | None:
        """The failure of a new pod that waits for something that will not come."""

    def refused(self, makers: Sequence[str]) -> RolloutStatus | None:
        """A failure if the controllers that make the pods were refused a pod."""


def changed_by_others(job: HardenResult, obj: Mapping[str, Any], watched: str) -> Verdict:
    """Whether somebody else changed the pod template since the patch; failed if they changed a patched field.

    `watched` is the word for what is watched: rollout or run.
    """
    if lost := unkept(job.hardening.patch, obj):
        other = (one.path for one in fields(job.hardening.patch, obj) if lookup(obj, one.path) != one.after)
        who = next(filter(None, (owner_of(obj, path) for path in other)), "somebody else")
        theirs = f"{who} changed {field_path(lost[0])} during the {watched}"
        return Verdict(failed(PodFailure(theirs)), theirs, is_undone=True, is_lost=True)
    path = job.workload.path
    changes = between(lookup(job.obj, path), lookup(obj, path)).changes
    if not changes:
        return Verdict(GOES_ON)
    changed = (*path, *changes[0].path)
    who = owner_of(obj, changed) or "somebody else"
    return Verdict(GOES_ON, f"{who} changed {field_path(changed)} during the {watched}")


def lost_on_the_way(job: HardenResult, snapshot: Snapshot, options: HardenOptions) -> RolloutStatus | None:
    """A failure if admission gave a new pod less than its template says."""
    template = msgspec.convert(template_of(job.workload, snapshot.obj), PodTemplate)
    for pod in snapshot.updated:
        if not pod.metadata.deletion_timestamp:
            for loss in lost_in_admission(template, pod, options):
                return failed(PodFailure(f"admission changed pod {pod.metadata.name}: {loss}"))
    return None


def rollout_verdict(
    job: HardenResult, snapshot: Snapshot, options: HardenOptions, reader: PodReader, ready_limit: float | None
) -> Verdict:
    """The verdict on the rollout of a hardened object; `ready_limit` is the one of `readiness.ready_limit`."""
    verdict = changed_by_others(job, snapshot.obj, "rollout")
    if verdict.is_undone:
        return verdict
    if rollout_status.is_observed(snapshot.obj) and (lost := lost_on_the_way(job, snapshot, options)):
        return replace(verdict, standing=lost, is_lost=True)
    return replace(verdict, standing=_standing(job.kind.kind, snapshot, reader, ready_limit))


def _standing(kind: str, snapshot: Snapshot, reader: PodReader, ready_limit: float | None) -> RolloutStatus:
    standing = rollout_status.rollout_status(kind, snapshot.obj, snapshot.updated)
    if standing.step == "failed":
        return standing
    if failure := reader.certain_complaint(snapshot) or reader.late(snapshot.updated, ready_limit):
        return failed(failure)
    if snapshot.updated:
        return standing
    if standing.step == "progressing":
        return reader.refused(snapshot.makers) or standing
    if standing.step == "complete" and not rollout_status.not_proven(kind, snapshot.obj):
        return RolloutStatus("progressing", "none of its new pods can be seen")
    return standing


def as_before(kind: str, snapshot: Snapshot, since: str) -> RolloutStatus:
    """The state of an object during a rollback: no failure ends it, because the failed pods may still be there."""
    standing = rollout_status.reported(kind, snapshot.obj)
    failure = next(pod_failures.pod_failures(snapshot.updated, since=since), None)
    if failure or standing.step == "failed":
        return RolloutStatus("progressing", failure.message if failure else standing.message)
    return standing


def trouble_before(kind: str, snapshot: Snapshot, since: str) -> str | None:
    """Why an object is unhealthy before the change, or None; ends of containers count after `since`."""
    standing = rollout_status.reported(kind, snapshot.obj)
    if standing.step != "complete":
        return standing.message
    pods = [pod for pod in snapshot.pods if not pod.finished]
    failure = next(pod_failures.pod_failures(pods, since=since), None)
    return f"{failure.message} (pod {failure.pod})" if failure else None


def located(verdict: Verdict, snapshot: Snapshot, began: str) -> RolloutStatus:
    """A failure with the pod that it waits for, and with failures of old pods since `began`."""
    failure = verdict.standing.failure
    if failure is None or verdict.is_lost:
        return verdict.standing
    stalled = None if failure.pod else next(pod_failures.stalled(snapshot.updated), None)
    if stalled:  # nothing crashed and time ran out
        failure = PodFailure(f"{failure.message}; {stalled.message}", stalled.pod, stalled.container)
    if not verdict.theirs and (before := _also_before(snapshot, began)):
        failure = replace(failure, message=f"{failure.message}; {before}")
    return RolloutStatus(verdict.standing.step, failure.message, failure)


def _also_before(snapshot: Snapshot, began: str) -> str:
    """A sentence about old pods that were healthy before the change and fail now: the change is not the cause."""
    old = [pod for pod in snapshot.old if not pod.finished]
    failure = next(iter([*pod_failures.pod_failures(old, since=began), *pod_failures.stalled(old)]), None)
    if failure is None:
        return ""
    return f"an old pod fails as well, so the change may not be the cause: {failure.message} (pod {failure.pod})"


class ReadLogs(Struct, frozen=True):
    """The verdict by the logs after all pods are up, with the accepted and the doubtful complaints."""

    standing: RolloutStatus
    accepted: tuple[Complaint, ...] = ()
    doubtful: tuple[Complaint, ...] = ()


def with_complaints(
    standing: RolloutStatus, found: Sequence[Complaint], pods: Sequence[Pod], *, accept: bool
) -> ReadLogs:
    """The verdict on a complete rollout by the complaints of its new pods; `accept` is --accept-complaints."""
    plain = [complaint for complaint in found if not complaint.is_doubtful]
    if accept:
        return ReadLogs(standing, accepted=tuple(found))
    if plain:
        return ReadLogs(failed(failure_of(plain[0], pods)))
    return ReadLogs(standing, doubtful=tuple(found))


def failed(failure: PodFailure) -> RolloutStatus:
    """The failure as a rollout status."""
    return RolloutStatus("failed", failure.message, failure)


def rollout_timed_out(standing: RolloutStatus, timeout: float) -> RolloutStatus:
    """The status of a rollout that was not complete in time."""
    return failed(PodFailure(f"timed out after {timeout:g} s: {standing.message}"))


def creation_refused(events: Sequence[PodEvent]) -> RolloutStatus | None:
    """A failure, which may pass, if an event says that a pod or Job could not be created."""
    event = next((event for event in events if event.reason == "FailedCreate"), None)
    return failed(PodFailure(event.message, final=False)) if event else None


def failure_of(
    complaint: Complaint, pods: Sequence[Pod], than: str = ", unlike the old pods", *, settled: bool = True
) -> PodFailure:
    """A complaint as a failure: an operation was refused, whatever the process made of it.

    `than` names the other pods, which do not complain of it. If the pods have not `settled`, a running container may
    still end.
    """
    line = complaint.line
    statuses = (pod.status.containers.get(line.container) for pod in pods if pod.metadata.name == line.pod)
    ends = (status.state.terminated or status.last_state.terminated for status in statuses if status)
    ended = next((end for end in ends if end), None)
    code = ended.exit_code if ended else 0
    lives = "ends well, but " if ended else "stays up, but " if settled else ""
    fate = f"exited with code {code}, and " if code else lives
    missing = ", ".join(complaint.capabilities)
    words = f"misses {missing}" if missing else f"complains{than}: {line.text.strip()}"
    return PodFailure(f"container {line.container} {fate}{words}", line.pod, line.container)
