"""Watching one object's rollout, and reading what its pods left behind when it failed."""

import time
from collections.abc import Callable, Iterator, Sequence
from threading import Event

import msgspec
from msgspec import Struct

from kubectl_caps.cluster import rollout as edge
from kubectl_caps.cluster.objects import Cluster
from kubectl_caps.core import health, rollout
from kubectl_caps.core.diagnosis import Cause, Evidence, diagnose, next_command
from kubectl_caps.core.hardening import Wishes
from kubectl_caps.core.health import Failure
from kubectl_caps.core.outcome import Blame, Job
from kubectl_caps.core.patch import lookup, unkept
from kubectl_caps.core.pod import Pod, PodTemplate, field_path
from kubectl_caps.core.rollout import Standing
from kubectl_caps.core.weakened import weakened
from kubectl_caps.core.writers import taken_back
from kubectl_caps.errors import ApiError, CapsError, Unreachable
from kubectl_caps.report.terminal import clear_progress, progress

POLL = 0.5
PATIENCE = 5.0
"""Seconds that pods may be refused while no old pod is on its way out: a quota is free again when those have ended."""
_RECENT = 600
"""Seconds for which the end of a container counts against a workload that is to be hardened."""


class Watch(Struct, frozen=True):
    """How a live hardening goes on after the patch; times in seconds. `flags` are repeated in printed commands."""

    wait: bool
    rollback: bool
    timeout: float
    settle: float
    manager: str
    force: bool = False
    flags: str = ""


class Stopped(Exception):
    """Somebody interrupted the run while this object was watched."""


class Rollout:
    """The rollout of one Deployment, StatefulSet or DaemonSet, seen from before the change to its end.

    `forbidden_logs` is why logs of the new pods could not be read, in the server's words.
    """

    def __init__(self, cluster: Cluster, job: Job, stop: Event, wishes: Wishes) -> None:
        self.cluster, self.job, self.stop, self.wishes = cluster, job, stop, wishes
        self.kind, self.namespace = job.kind.kind, job.workload.namespace
        self._old_events: set[str] = set()
        self._old_complaints: set[tuple[str, tuple[str, ...]]] = set()
        self.forbidden_logs: list[str] = []
        self._back_since = ""
        self._lost = False
        self._patience, self._refused_since = PATIENCE, 0.0

    def begin(self) -> str | None:
        """Remember how things are before the change; returns what is wrong already. Raises CapsError."""
        snapshot = self._look()
        for uid in snapshot.makers:
            self._old_events |= {event.key for event in edge.events(self.cluster, self.namespace, uid)}
        self._old_complaints = {_key(item) for item in edge.complaints(self.cluster, snapshot.pods, [])}
        standing = rollout.reported(self.kind, snapshot.obj)
        if standing.step != "complete":
            return standing.message
        pods = [pod for pod in snapshot.pods if not pod.finished]
        failure = next(health.failures(pods, since=_time(-_RECENT)), None)
        return f"{failure.message} (pod {failure.pod})" if failure else None

    def to_the_end(self, timeout: float, settle: float) -> tuple[Standing, edge.Snapshot | None]:
        """Look until the new pods have failed, or stayed up for `settle` seconds, or time is up. Raises CapsError."""
        standing, snapshot = self._until(self._hardened, timeout, settle)
        if standing.step == "complete" and snapshot and (complaint := self._complaint(snapshot)):
            standing = Standing("failed", complaint.message, complaint)
        if standing.failure and snapshot and not self._lost:
            standing = Standing(standing.step, standing.message, _located(standing.failure, snapshot.updated))
        return standing, snapshot

    def back(self, timeout: float, settle: float) -> Standing:
        """Look until the pods are again as they were before. Raises CapsError."""
        self._back_since = _time(0)
        return self._until(self._as_before, timeout, settle)[0]

    def broken(self) -> list[Pod]:
        """The pods of the wanted revision that do not serve. Raises CapsError."""
        return health.unready(self._look().updated)

    def explain(self, failure: Failure, snapshot: edge.Snapshot) -> Iterator[str]:
        """Read logs, states and events now, a rollback removes them; then what they mean, line by line."""
        yield f"{failure.message}{f' (pod {failure.pod})' if failure.pod else ''}"
        for item in _one_a_container(failure, snapshot.updated):
            evidence = list(self._evidence(item, snapshot.updated))
            causes = diagnose(evidence, uid=_uid_of(item, snapshot.updated))
            blames = tuple(Blame(item.container, cause, self._next(item, cause)) for cause in causes)
            self.job.blames += blames
            for cause, then in ((blame.cause, blame.then) for blame in blames[:_SHOWN]):
                yield f"  {cause.source}: {cause.evidence_text}"
                missing = f"{cause.certainty} missing: {', '.join(cause.capabilities)}" if cause.capabilities else ""
                yield f"    {missing or cause.certainty} ({cause.explanation})"
                if not cause.capabilities and cause.certainty != "possible":
                    yield f"    to try next: {then}"
            if not causes:
                yield from (f"  log: {item.text}" for item in [e for e in evidence if e.source == "log"][-_SHOWN:])

    def _next(self, failure: Failure, cause: Cause) -> str:
        workload = self.job.workload
        return next_command(
            cause, workload=workload.reference, namespace=self.namespace, pod=failure.pod, container=failure.container
        )

    def _evidence(self, failure: Failure, pods: Sequence[Pod]) -> Iterator[Evidence]:
        try:
            yield from edge.evidence(self.cluster, self.namespace, failure, pods)
        except CapsError:
            return

    def _until(
        self, judge: Callable[[edge.Snapshot], Standing], timeout: float, settle: float
    ) -> tuple[Standing, edge.Snapshot | None]:
        end = time.monotonic() + timeout
        complete_since = failed_since = snapshot = None
        while True:
            standing, snapshot = self._seen(judge, snapshot)
            now = time.monotonic()
            progress(f"{self.job.workload.reference}: {standing.message}")
            complete_since = (complete_since or now) if standing.step == "complete" else None
            failed_since = (failed_since or now) if standing.step == "failed" else None
            if complete_since is not None and now - complete_since >= settle:
                break
            if failed_since is not None and (_is_final(standing) or now - failed_since >= self._patience):
                break
            if now >= end and complete_since is None:
                standing = _timed_out(standing, timeout)
                break
            if self.stop.wait(POLL):
                raise Stopped
        clear_progress()
        return standing, snapshot

    def _seen(
        self, judge: Callable[[edge.Snapshot], Standing], last: edge.Snapshot | None
    ) -> tuple[Standing, edge.Snapshot | None]:
        """One look; a server that does not answer for a while is no failure of the rollout."""
        try:
            snapshot = self._look()
            return judge(snapshot), snapshot
        except (Unreachable, ApiError) as error:
            if isinstance(error, ApiError) and error.code < 500 and error.code != 429:
                raise
            return Standing("progressing", f"it cannot be watched at the moment: {error}"), last

    def _look(self) -> edge.Snapshot:
        return edge.look(self.cluster, self.job.kind, self.namespace, self.job.workload.name)

    def _hardened(self, snapshot: edge.Snapshot) -> Standing:
        standing, grace = self._judged(snapshot), health.grace(snapshot.pods)
        if _is_final(standing) or grace is None:
            return standing
        # Who makes the pods waits twice as long after each refusal: after the last of the old pods has ended, for about
        # as long as it was refused until then.
        now = time.monotonic()
        self._refused_since = self._refused_since or now
        self._patience = PATIENCE + max(grace, now - self._refused_since)
        return Standing("progressing", f"{standing.message}; old pods still to end")

    def _judged(self, snapshot: edge.Snapshot) -> Standing:
        lost = unkept(self.job.hardening.patch, snapshot.obj)
        self._lost = bool(lost)
        if lost:
            owners = (owner for _, owner in taken_back(snapshot.obj, self.job.hardening.patch) if owner)
            message = f"{next(owners, 'somebody else')} changed {field_path(lost[0])} meanwhile"
            return Standing("failed", message, Failure(message))
        if loss := self._loss(snapshot):
            self._lost = True
            return Standing("failed", loss, Failure(loss))
        standing = rollout.standing(self.kind, snapshot.obj, snapshot.updated)
        if standing.step == "progressing" and not snapshot.updated:
            return self._refused(snapshot) or standing
        if standing.step == "complete" and not snapshot.updated and not rollout.not_proven(self.kind, snapshot.obj):
            return Standing("progressing", "none of its new pods is to be seen")
        return standing

    def _loss(self, snapshot: edge.Snapshot) -> str | None:
        """What a new pod did not get of its template, because something changed it on its way in."""
        template = msgspec.convert(lookup(snapshot.obj, self.job.workload.path), PodTemplate)
        for pod in snapshot.updated if rollout.is_observed(snapshot.obj) else ():
            if not pod.metadata.deletion_timestamp:
                for loss in weakened(template, pod, self.wishes):
                    return f"pod {pod.metadata.name} does not get it: {loss}"
        return None

    def _refused(self, snapshot: edge.Snapshot) -> Standing | None:
        """Pods that cannot be created leave no pod to look at, only events of their maker."""
        for uid in snapshot.makers:
            for event in edge.events(self.cluster, self.namespace, uid):
                if event.reason == "FailedCreate" and event.key not in self._old_events:
                    return Standing("failed", event.message, Failure(event.message, final=False))
        return None

    def _as_before(self, snapshot: edge.Snapshot) -> Standing:
        """On the way back a failure is not the end: what is left of the failed rollout may still be in sight."""
        standing = rollout.reported(self.kind, snapshot.obj)
        failure = next(health.failures(snapshot.updated, since=self._back_since), None)
        if failure or standing.step == "failed":
            return Standing("progressing", failure.message if failure else standing.message)
        return standing

    def _complaint(self, snapshot: edge.Snapshot) -> Failure | None:
        """What the logs of pods that stay up complain of now: nginx keeps its port when its workers die."""
        for complaint in edge.complaints(self.cluster, snapshot.updated, self.forbidden_logs):
            if _key(complaint) not in self._old_complaints:
                missing = ", ".join(complaint.capabilities)
                how = "ends well" if complaint.role == "init" else "stays up"
                message = f"container {complaint.container} {how}, but misses {missing}"
                return Failure(message, complaint.pod, complaint.container)
        return None


_SHOWN = 3


def _located(failure: Failure, pods: Sequence[Pod]) -> Failure:
    """A failure with the pod that it waits for, where nothing crashed and time ran out."""
    stalled = None if failure.pod else next(health.stalled(pods), None)
    if stalled is None:
        return failure
    return Failure(f"{failure.message}; {stalled.message}", stalled.pod, stalled.container)


def _one_a_container(first: Failure, pods: Sequence[Pod]) -> list[Failure]:
    """A failure and those of other containers, one each: what one pod says, its replicas say as well."""
    found = {first.container: first}
    for failure in health.failures(pods):
        found.setdefault(failure.container, failure)
    return list(found.values())


def _is_final(standing: Standing) -> bool:
    return standing.failure is None or standing.failure.final


def _timed_out(standing: Standing, timeout: float) -> Standing:
    message = f"timed out after {timeout:g} s: {standing.message}"
    return Standing("failed", message, Failure(message))


def _time(offset: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + offset))


def _key(complaint: edge.Complaint) -> tuple[str, tuple[str, ...]]:
    return complaint.container, complaint.capabilities


def _uid_of(failure: Failure, pods: Sequence[Pod]) -> int | None:
    """Whom the failed container ran as, where the runtime told."""
    statuses = (pod.status.containers.get(failure.container) for pod in pods if pod.metadata.name == failure.pod)
    return next((status.uid for status in statuses if status), None)
