"""Undoes a change: after a failed rollout, or as the undo of an earlier run."""

from collections.abc import Sequence

from msgspec.structs import replace

from kubectl_caps.cluster.api.client import Cluster
from kubectl_caps.cluster.api.resources import PODS
from kubectl_caps.commands.harden.send import HardenSteps, ObjectGone, PatchSender, Undone, undo_command
from kubectl_caps.commands.harden.watch import RolloutOptions
from kubectl_caps.commands.harden.watcher import Watcher
from kubectl_caps.commands.shared.late_patch import Unanswered
from kubectl_caps.core.harden.decide import after_rollback, after_undo, rollback_broke_off
from kubectl_caps.core.harden.progress import Progress
from kubectl_caps.core.harden.result import HardenResult
from kubectl_caps.core.harden.undo import left_alone
from kubectl_caps.core.kubernetes import rollout_status
from kubectl_caps.core.kubernetes.patch import Patch
from kubectl_caps.core.kubernetes.pod import Pod
from kubectl_caps.core.kubernetes.rollout_status import RolloutStatus
from kubectl_caps.errors import ApiError, CapsError
from kubectl_caps.report.terminal import say


class TakeBack:
    """The steps that undo a change. Their whole state is in the `Progress`."""

    def __init__(self, cluster: Cluster, sender: PatchSender, watcher: Watcher, watch: RolloutOptions) -> None:
        self.cluster, self.sender, self.watcher, self.watch = cluster, sender, watcher, watch

    def send(self, progress: Progress, undo: Patch) -> HardenSteps[Undone]:
        """Undo the fields that no other writer has changed. Other fields are printed, and named in the message.

        Raises ObjectGone, CapsError, and Unanswered if the undo may still be applied.
        """
        taken = yield from self.sender.take_back(progress, undo)
        if not taken.conflicts:
            return taken
        words, job = left_alone(taken.conflicts), taken.progress.job
        say(f"{job.workload.reference}: {words}")
        job = replace(job, conflicts=(*job.conflicts, *taken.conflicts)).noted(words)
        taken = replace(taken, progress=replace(taken.progress, job=job))
        yield taken.progress
        return taken

    def roll_back(
        self, progress: Progress, broken: Sequence[Pod], *, was_broken: bool, watched: bool = True
    ) -> HardenSteps[Progress]:
        """Undo the change, and watch until the pods are as before. A CapsError becomes the result."""
        reference, is_undone = progress.job.workload.reference, False
        try:
            taken = yield from self.send(progress, progress.job.patch.inverse())
            progress, is_undone = taken.progress, taken.progress.states == ("undone",)
            standing = None
            if taken.sent:
                progress = self._delete(progress, broken)
                # Pods that were broken before the change are broken after its undo, so there is nothing to wait for.
                timeout = 0.0 if was_broken else self.watch.timeout
                standing = RolloutStatus("complete", "not watched")
                standing = self.watcher.watch_revert(progress.job, timeout) if watched else standing
        except CapsError as error:
            decision = rollback_broke_off(error.words, is_undone=is_undone)
            has_way = not is_undone and not isinstance(error, ObjectGone)
            way_back = f"; undo it with: {undo_command(progress.job, self.watch.flags)}" if has_way else ""
            say(f"{reference}: {decision.words}{way_back}")
            return progress.noted(decision.words).as_result(decision.result)
        conflicts = bool(taken.conflicts)
        decision = after_rollback(standing, is_sent=taken.sent, has_conflicts=conflicts, was_broken=was_broken)
        if decision.words and standing:
            say(f"{reference} rolled back, but it is not healthy again: {standing.message}")
        elif standing:
            say(f"{reference} {'partly ' if conflicts else ''}rolled back: {standing.message}")
        return progress.noted(decision.words).as_result(decision.result)

    def undo(self, progress: Progress) -> HardenSteps[Progress]:
        """Send the job's patch, which undoes an earlier run, and watch until the object is healthy.

        Raises CapsError, and Unanswered if the undo may still be applied.
        """
        job = progress.job
        watched = self.watch.wait and not rollout_status.not_proven(job.kind.kind, job.obj)
        broken = self._broken(job) if watched else []
        try:
            taken = yield from self.send(progress, job.hardening.patch)
        except Unanswered as error:
            say_may_still_come(job, error, self.watch.flags)
            raise
        progress, standing, conflicts = taken.progress, None, bool(taken.progress.job.conflicts)
        if taken.sent:
            say(f"{job.workload.reference}: the change is {'partly ' if conflicts else ''}taken back")
            if watched:
                progress = self._delete(progress, broken)
                standing = self._healthy_again(progress.job)
        decision = after_undo(standing, is_sent=taken.sent, has_conflicts=conflicts)
        return progress.noted(decision.words).as_result(decision.result)

    def _healthy_again(self, job: HardenResult) -> RolloutStatus:
        try:
            return self.watcher.watch_revert(job, self.watch.timeout)
        except CapsError as error:
            return RolloutStatus("failed", error.words)

    def _broken(self, job: HardenResult) -> list[Pod]:
        """The pods that may block an undo; empty if they cannot be read, because the undo is sent in any case."""
        try:
            return self.watcher.broken(job)
        except CapsError:
            return []

    def _delete(self, progress: Progress, broken: Sequence[Pod]) -> Progress:
        """Delete the broken pods of a StatefulSet, because its controller does not replace them after an undo."""
        namespace = progress.job.workload.namespace
        for pod in broken if progress.job.kind.kind == "StatefulSet" else ():
            name = pod.metadata.name or ""
            try:
                self.cluster.delete(PODS, namespace, name, uid=pod.metadata.uid)
                say(f"pod {name} deleted, so that a new one takes its place")
            except ApiError as error:
                if error.code not in (404, 409):
                    command = f"kubectl delete pod {name} -n {namespace}{self.watch.flags}"
                    progress = progress.noted(f"its broken pod has to be deleted: {command}")
                    say(f"{error}; delete it, or it stays as it is: {command}")
        return progress


def say_may_still_come(job: HardenResult, error: Unanswered, flags: str) -> None:
    """Print that a patch may still be applied, and the command that undoes the hardening then."""
    say(f"{job.workload.reference}: {error.words}; to undo it: {undo_command(job, flags)}")
