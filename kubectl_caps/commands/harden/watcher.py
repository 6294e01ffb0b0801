"""The common base of the watchers of a rollout and of a CronJob's run: a loop with a timeout, logs and events."""

import time
from collections.abc import Callable, Sequence
from threading import Event

import msgspec
from msgspec.structs import replace

from kubectl_caps.cluster.api.client import Cluster
from kubectl_caps.cluster.read import rollout as edge
from kubectl_caps.commands.harden.compare_logs import LogComparison
from kubectl_caps.commands.harden.watch import RolloutOptions, WatchResult, WatchStopped
from kubectl_caps.core.diagnosis.attribution import Loss
from kubectl_caps.core.harden import readiness
from kubectl_caps.core.harden.complaints import Complaint
from kubectl_caps.core.harden.loss import losses
from kubectl_caps.core.harden.plan import HardenOptions
from kubectl_caps.core.harden.result import HardenResult
from kubectl_caps.core.harden.verdict import GOES_ON, Verdict, creation_refused, failure_of, rollout_timed_out
from kubectl_caps.core.harden.watch_clock import WatchClock, WatchLimits
from kubectl_caps.core.kubernetes.made_pods import template_of
from kubectl_caps.core.kubernetes.pod import Pod, PodTemplate
from kubectl_caps.core.kubernetes.pod_failures import PodFailure
from kubectl_caps.core.kubernetes.rollout_status import RolloutStatus
from kubectl_caps.core.kubernetes.snapshot import Snapshot
from kubectl_caps.errors import ApiError, Unreachable
from kubectl_caps.report.terminal import clear_progress, is_terminal, progress, say

POLL = 0.5
PATIENCE = 5.0
"""Seconds that a refusal of pods may last while no old pod ends. A quota has room when old pods have ended."""
_LINE_EVERY = 30.0
"""Seconds between two printed lines about the rollout if there is no terminal."""

_Judge = Callable[[HardenResult, Snapshot], Verdict]


class Watcher:
    """Watches the object of a job from before the change to the end: `Rollout`, or `JobRun` for a CronJob.

    The watcher keeps the read logs and events, and the times since which pods wait. `core/harden/verdict` judges the
    state of the object from these. `losses` are the capabilities that the change takes from each container. `forbidden`
    has the server's refusals of `logs` and `events`. `run` is the watched Job. A new pod must be ready within
    `ready_limit` seconds.
    """

    def __init__(
        self, cluster: Cluster, job: HardenResult, stop: Event, options: HardenOptions, watch: RolloutOptions
    ) -> None:
        self.cluster, self.stop, self.options, self.watch = cluster, stop, options, watch
        self.kind, self.workload = job.kind, job.workload
        self.reference, self.namespace = job.workload.reference, job.workload.namespace
        self.forbidden: dict[str, str] = {}
        self.complaints = LogComparison(cluster, self.may_not_read)
        self.losses: dict[str, Loss] = {}
        self.ready_limit: float | None = None
        self.run = ""
        self._stages: dict[str, tuple[readiness.Stage, float]] = {}
        self._old_events: set[str] = set()

    def begin(self, job: HardenResult) -> str | None:
        """Remember the state before the change. Returns the reason if the object is not healthy. Raises CapsError."""
        raise NotImplementedError

    def watch_to_end(self, job: HardenResult) -> WatchResult:
        """Watch until the change has failed or is proved, or until the timeout. Raises CapsError, WatchStopped."""
        raise NotImplementedError

    def watch_revert(self, job: HardenResult, timeout: float) -> RolloutStatus:
        """Watch until the pods are as before the change. Raises CapsError, WatchStopped."""
        raise NotImplementedError

    def broken(self, job: HardenResult) -> list[Pod]:
        """The pods of the wanted revision that are not ready. Raises CapsError."""
        return []

    def try_it(self, job: HardenResult) -> None:
        """Try the Job that the watch will make in a server dry run. Raises CapsError if the server refuses it."""

    @property
    def complaints_so_far(self) -> Sequence[Complaint]:
        """The complaints of the new pods, for the diagnosis after the pods have been deleted."""
        return ()

    def may_not_read(self, what: str, error: ApiError) -> None:
        """Print the server's refusal to read logs or events, once for each."""
        if what not in self.forbidden:
            self.forbidden[what] = error.message
            say(f"{self.reference}: its {what} cannot be read: {error}")

    def certain_complaint(self, snapshot: Snapshot) -> PodFailure | None:
        """The failure by a certain complaint of a new pod during the rollout; None if there is none."""
        found = self.complaints.read_new_at_times(snapshot)
        certain = next((complaint for complaint in found if complaint.is_certain), None)
        if certain is None or self.watch.accept_complaints:
            return None
        return failure_of(certain, snapshot.updated, settled=False)

    def refused(self, makers: Sequence[str]) -> RolloutStatus | None:
        """The failure by an event of the makers that pods cannot be created; None if there is none."""
        return creation_refused(self._new_events(makers))

    def late(self, pods: Sequence[Pod], limit: float | None = None) -> PodFailure | None:
        """The failure of an overdue new pod; None if there is none. `limit` comes from `readiness.ready_limit`."""
        now = time.monotonic()
        for pod in pods:
            at, known = readiness.stage(pod), self._stages.get(pod.metadata.uid or "")
            if known is None or known[0] != at:
                self._stages[pod.metadata.uid or ""] = at, now
        since = {uid: began for uid, (_, began) in self._stages.items()}
        for late in readiness.overdue(pods, since, now, limit):
            events = self._events(late.pod.metadata.uid or "")
            if failure := readiness.overdue_failure(late, events):
                return failure
        return None

    def _until(
        self, job: HardenResult, judge: _Judge, timeout: float, settle: float
    ) -> tuple[Verdict, Snapshot | None]:
        began = said = time.monotonic()
        clock, verdict = WatchClock(began), Verdict(GOES_ON)
        snapshot: Snapshot | None = None
        while True:
            try:
                seen = self._look(job)
                verdict, snapshot = judge(job, seen), seen
            except (Unreachable, ApiError) as error:
                verdict = _not_seen(verdict, error)
            now, standing = time.monotonic(), verdict.standing
            newest = f" ({self.complaints.newest})" if self.complaints.newest else ""
            if is_terminal():
                progress(f"{self.reference}: {standing.message}{newest}")
            elif now - said >= _LINE_EVERY:
                said = now
                say(f"{self.reference}: {standing.message} after {now - began:.0f} s{newest}")
            clock = clock.looked(standing, now)
            end = clock.end(standing, now, WatchLimits(timeout, settle, self._patience()))
            if end:
                clear_progress()
                return (self._at_timeout(verdict, timeout) if end == "timed out" else verdict), snapshot
            if self.stop.wait(POLL):
                raise WatchStopped

    def _look(self, job: HardenResult) -> Snapshot:
        raise NotImplementedError

    def _events(self, uid: str) -> list[readiness.PodEvent]:
        return edge.events(self.cluster, self.namespace, uid, self.may_not_read)

    def _patience(self) -> float:
        """Seconds after which a failure counts that may pass by itself."""
        return PATIENCE

    def _at_timeout(self, verdict: Verdict, timeout: float) -> Verdict:
        """The verdict at the timeout."""
        return replace(verdict, standing=rollout_timed_out(verdict.standing, timeout))

    def _remember_losses(self, job: HardenResult, pods: Sequence[Pod]) -> None:
        """Remember the losses of each container by the change. `pods` are the pods from before the change."""
        raw = template_of(job.workload, job.hardening.patch.applied(job.obj))
        hardened = replace(job.workload, template=msgspec.convert(raw, PodTemplate))
        self.losses = self.complaints.losses = losses(job.workload, hardened, pods)

    def _new_events(self, uids: Sequence[str]) -> list[readiness.PodEvent]:
        """The events of these objects that came after the change."""
        return [event for uid in uids for event in self._events(uid) if event.key not in self._old_events]


def _not_seen(last: Verdict, error: Unreachable | ApiError) -> Verdict:
    """The verdict after a failed request. A server that does not answer for a while is no failure of the rollout.

    Raises the error if the server refuses the request.
    """
    if isinstance(error, ApiError) and error.code < 500 and error.code != 429:
        raise error
    return replace(last, standing=RolloutStatus("progressing", f"it cannot be watched at the moment: {error}"))
