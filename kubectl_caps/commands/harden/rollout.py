"""Watches the rollout of one object, from before the change until its new pods have failed or stayed up."""

import time

from msgspec.structs import replace

from kubectl_caps.cluster.read import rollout as edge
from kubectl_caps.commands.harden.watch import WatchResult
from kubectl_caps.commands.harden.watcher import PATIENCE, Watcher
from kubectl_caps.core.harden import readiness
from kubectl_caps.core.harden.result import HardenResult
from kubectl_caps.core.harden.verdict import (
    ReadLogs,
    Verdict,
    as_before,
    located,
    rollout_verdict,
    trouble_before,
    with_complaints,
)
from kubectl_caps.core.harden.watch_clock import RoomForPods, while_old_pods_end
from kubectl_caps.core.kubernetes import min_ready, pod_failures, rollout_status
from kubectl_caps.core.kubernetes.pod import Pod
from kubectl_caps.core.kubernetes.rollout_status import RolloutStatus
from kubectl_caps.core.kubernetes.snapshot import Snapshot

_RECENT = 600
"""The age in seconds up to which a container's failure counts against the health of a workload."""


class Rollout(Watcher):
    """Watches the rollout of one Deployment, StatefulSet or DaemonSet, from before the change to its end."""

    _began = ""
    _min_ready = 0.0
    _room = RoomForPods()
    _pods_before = 0

    def begin(self, job: HardenResult) -> str | None:
        """Remember the state before the change. Returns the reason if the object is not healthy. Raises CapsError."""
        snapshot, self._began = self._look(job), _time(0)
        for uid in snapshot.makers:
            self._old_events |= {event.key for event in self._events(uid)}
        self._remember_losses(job, snapshot.pods)
        self.complaints.read_old(snapshot.pods)
        self.ready_limit = readiness.ready_limit(snapshot.pods)
        self._pods_before = len(snapshot.pods)
        return trouble_before(self.kind.kind, snapshot, _time(-_RECENT))

    def watch_to_end(self, job: HardenResult) -> WatchResult:
        """Watch until the new pods have failed or stayed up, or until the timeout. Raises CapsError, WatchStopped.

        If the controller waits by minReadySeconds for new pods to stay up, the watch does not wait for that again.
        """
        settle, kind = self.watch.settle, self.kind.kind
        self._min_ready = min_ready.min_ready_seconds(job.obj)
        held = self._min_ready >= settle
        verdict, snapshot = self._until(job, self._hardened, self.watch.timeout, 0 if held else settle)
        read = ReadLogs(verdict.standing)
        if verdict.standing.step == "complete" and snapshot:
            found = self.complaints.read_new(snapshot)
            read = with_complaints(verdict.standing, found, snapshot.updated, accept=self.watch.accept_complaints)
        verdict = replace(verdict, standing=read.standing)
        standing = located(verdict, snapshot, self._began) if snapshot else verdict.standing
        return WatchResult(
            standing,
            snapshot,
            verdict.theirs,
            verdict.is_undone,
            read.accepted,
            read.doubtful,
            # Somebody may have scaled the workload to zero, or set a partition or a pause, after the patch.
            unproven=(rollout_status.not_proven(kind, snapshot.obj) if snapshot else None) or "",
            proof=f"rolled out: {standing.message}, and stayed up for {settle:g} s",
            remark=rollout_status.held_back(kind, job.obj) or "",
        )

    def watch_revert(self, job: HardenResult, timeout: float) -> RolloutStatus:
        """Watch until the pods are as before the change. Raises CapsError, WatchStopped."""
        since, self._min_ready = _time(0), min_ready.min_ready_seconds(job.obj)
        judge = lambda _, snapshot: Verdict(as_before(self.kind.kind, snapshot, since))  # noqa: E731
        return self._until(job, judge, timeout, self.watch.settle)[0].standing

    def broken(self, job: HardenResult) -> list[Pod]:
        """The pods of the wanted revision that are not ready. Raises CapsError."""
        return pod_failures.unready(self._look(job).updated)

    def _look(self, job: HardenResult) -> Snapshot:
        return edge.read_snapshot(self.cluster, self.kind, self.namespace, self.workload.name)

    def _hardened(self, job: HardenResult, snapshot: Snapshot) -> Verdict:
        verdict = rollout_verdict(job, snapshot, self.options, self, self.ready_limit)
        standing, self._room = while_old_pods_end(
            verdict.standing,
            self._room,
            grace=pod_failures.termination_grace(snapshot.pods),
            has_fewer_pods=len(snapshot.pods) < self._pods_before,
            now=time.monotonic(),
        )
        return replace(verdict, standing=standing)

    def _patience(self) -> float:
        """Seconds that a refusal of pods may last. An old pod ends only when a new pod has been ready for a while."""
        return PATIENCE + self._min_ready + self._room.extra_patience


def _time(offset: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + offset))
