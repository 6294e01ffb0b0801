"""Hardens one object of a cluster: a dry run, the patch, the watch, and the undo if its pods do not stay up.

`core/harden/decide` chooses the next step. This module performs the steps. Each step takes a `Progress` and returns
one.
"""

from threading import Event

from msgspec.structs import replace

from kubectl_caps.cluster.api.client import Cluster
from kubectl_caps.commands.harden.canary import canary_trouble
from kubectl_caps.commands.harden.dry_run import try_pod
from kubectl_caps.commands.harden.explain import diagnose_pods, diagnosis_lines
from kubectl_caps.commands.harden.job_run import JobRun
from kubectl_caps.commands.harden.repeat_command import repeat_command, run_flags
from kubectl_caps.commands.harden.rollout import Rollout
from kubectl_caps.commands.harden.send import HardenSteps, ObjectGone, PatchSender, loss, patch_command, undo_command
from kubectl_caps.commands.harden.take_back import TakeBack, say_may_still_come
from kubectl_caps.commands.harden.watch import RolloutOptions, WatchResult, unwatched
from kubectl_caps.commands.harden.watcher import Watcher
from kubectl_caps.commands.shared.late_patch import Unanswered
from kubectl_caps.core.harden.complaints import doubts
from kubectl_caps.core.harden.decide import (
    Proof,
    after_canary,
    after_failure,
    after_patch,
    after_success,
    before_change,
    lost_watch,
    when_interrupted,
)
from kubectl_caps.core.harden.plan import HardenOptions
from kubectl_caps.core.harden.progress import Progress
from kubectl_caps.core.harden.result import Diagnosis, HardenResult
from kubectl_caps.core.harden.run_verdict import what_remains
from kubectl_caps.core.harden.suggestion import suggested
from kubectl_caps.core.kubernetes import pod_failures
from kubectl_caps.core.kubernetes.job_run import is_cron_job
from kubectl_caps.core.kubernetes.patch import Patch
from kubectl_caps.core.kubernetes.pod import Pod
from kubectl_caps.core.kubernetes.pod_failures import PodFailure
from kubectl_caps.errors import CapsError
from kubectl_caps.report import hardening as report
from kubectl_caps.report.terminal import say

_SHOWN = 3
"""The number of causes of a failed canary that are printed."""


class WorkloadHardening:
    """The steps for one object of a cluster. Their whole state is in the yielded `Progress`."""

    def __init__(
        self, cluster: Cluster, job: HardenResult, watch: RolloutOptions, options: HardenOptions, stop: Event
    ) -> None:
        self.cluster, self.watch, self.options = cluster, watch, options
        self.reference, self.namespace = job.workload.reference, job.workload.namespace
        self.sender = PatchSender(cluster, watch.manager, watch.held_for, stop)
        watches_run = watch.run and is_cron_job(job.kind)
        self.watcher: Watcher = (JobRun if watches_run else Rollout)(cluster, job, stop, options, watch)
        self.taking_back = TakeBack(cluster, self.sender, self.watcher, watch)

    def try_on_server(self, job: HardenResult) -> HardenResult:
        """Try the patch, a pod of the new template, and the Job of `--trigger` in server dry runs.

        Raises CapsError if the server refuses one of them, or if admission changes the pod.
        """
        if job.undo:  # pods of the old template ran before, so the pod needs no test
            self.sender.try_it(job)
            return job
        job = try_pod(self.cluster, job, self.options, self.watch.manager)
        if job.hardening.patch.changes:
            self.sender.try_it(job)
        self.watcher.try_it(job)
        return job

    def harden(self, progress: Progress) -> HardenSteps[Progress]:
        """Send the patch, watch the rollout, and return the result. Raises CapsError, WatchStopped."""
        reason, trouble = unwatched(progress.job, self.watch), None
        watched = self.watch.wait and not reason
        if watched:
            trouble = self.watcher.begin(progress.job)
            first = before_change(trouble, force=self.watch.force)
            if first.step == "end":
                return progress.ended(first.result, first.words)
        if not progress.job.hardening.patch.changes:  # only a run of the CronJob is watched
            return (yield from self._watch_to_end(progress, was_broken=trouble is not None))
        words, diagnoses = canary_trouble(self.cluster, progress.job, self.watch, self.watcher, watched=not reason)
        if words:
            return self._left_alone(progress, words, diagnoses)
        progress = yield from self._send(progress)
        lost = loss(progress.job, progress.job.obj)
        say(f"{self.reference}: {lost or 'the change is made'}")
        then = after_patch(lost, reason, wait=self.watch.wait, rollback=self.watch.rollback)
        if then.step == "watch":
            return (yield from self._watch_to_end(progress, was_broken=trouble is not None))
        if then.step == "roll back":
            progress = progress.saying(then.words)
            yield progress
            return (yield from self.taking_back.roll_back(
                progress, (), was_broken=trouble is not None, watched=watched
            ))  # fmt: skip
        if then.result == "notProven":
            self._say_how_to_see(progress.job)
        return progress.ended(then.result, then.words)

    def undo(self, progress: Progress) -> HardenSteps[Progress]:
        """Send the job's patch, which undoes an earlier run, and watch until the object is healthy."""
        return (yield from self.taking_back.undo(progress))

    def interrupted(self, progress: Progress) -> Progress:
        """Print the state of the object after an interrupt, and return the result."""
        progress = self._with_run(progress)
        job, states = progress.job, progress.states
        remains = what_remains(job.run, self.namespace, self.watch.flags)
        seen = when_interrupted(states, is_undo=job.undo, has_failed=bool(job.message), remains=bool(remains))
        words = "; ".join(filter(None, (seen.words, remains)))
        if not seen.state:
            return progress.ended(seen.result, words)
        undo = f"; to undo it: {undo_command(job, self.watch.flags)}" if "patched" in states else ""
        say(f"{self.reference} is {seen.state}{undo}")
        return progress.noted(words).as_result(seen.result)

    def _left_alone(self, progress: Progress, words: str, diagnoses: tuple[Diagnosis, ...]) -> Progress:
        """Print why the canary pod failed, and the next command. The object is not changed."""
        job = self._with_suggestion(replace(progress.job, diagnoses=(*progress.job.diagnoses, *diagnoses)))
        lines = [line for diagnosis in diagnoses[:_SHOWN] for line in diagnosis_lines(diagnosis)]
        say(f"{self.reference}: {words}", *lines, *self._to_try_next(job))
        then = after_canary(words)
        return replace(progress, job=job).ended(then.result, then.words)

    def _send(self, progress: Progress) -> HardenSteps[Progress]:
        say(f"{self.reference}: to undo this: {undo_command(progress.job, self.watch.flags)}")
        try:
            return (yield from self.sender.harden(progress, self.options))
        except Unanswered as error:
            say_may_still_come(progress.job, error, self.watch.flags)
            raise

    def _say_how_to_see(self, job: HardenResult) -> None:
        """For a CronJob, print the commands that watch one of its runs."""
        if self.watch.wait and is_cron_job(job.kind):
            now, later = (repeat_command(job, self.options, self.watch, flag) for flag in ("--trigger", "--wait"))
            say(f"{self.reference}: Next: to watch a run that is made now: {now}")
            say(f"{self.reference}: Next: to watch the next run by its schedule: {later}")

    def _watch_to_end(self, progress: Progress, *, was_broken: bool) -> HardenSteps[Progress]:
        try:
            watched = self.watcher.watch_to_end(progress.job)
        except CapsError as error:
            is_patched = bool(progress.job.hardening.patch.changes)
            lost = lost_watch(error.words, is_patched=is_patched)
            progress = self._with_what_remains(progress.ended(lost.result, lost.words))
            self._say_undo(progress)
            return progress
        progress = self._with_run(progress)
        if watched.standing.step == "complete":
            return (yield from self._rolled_out(progress, watched))
        return (yield from self._failed(progress, watched, was_broken=was_broken))

    def _rolled_out(self, progress: Progress, watched: WatchResult) -> HardenSteps[Progress]:
        """Print the end of a successful rollout, and restore minReadySeconds."""
        if not watched.unproven:
            say(f"{self.reference} {watched.proof}")
        unread, doubtful = self.watcher.forbidden.get("logs", ""), doubts(watched.doubtful) or ""
        proof = Proof(watched.unproven, unread, doubtful, watched.remark)
        then = after_success(proof, is_patched=bool(progress.job.hardening.patch.changes))
        progress = progress.saying(then.words).noted(watched.theirs)
        for complaint in watched.accepted:
            line = complaint.line
            progress = progress.noted(f"accepted: container {line.container} complains: {line.text.strip()}")
        yield progress
        progress, is_released = yield from self._released(progress)
        return progress.as_result(then.result if is_released else "failed")

    def _released(self, progress: Progress) -> HardenSteps[tuple[Progress, bool]]:
        """Restore minReadySeconds as before the rollout. Prints a failure, and then returns False."""
        job = progress.job
        if job.held is None:
            return progress, True
        back = Patch((job.held.swapped(),), job.hardening.patch.guards)
        try:
            done = yield from self.sender.put_back(progress, back)
        except CapsError as error:
            progress = progress.noted(f"patched, but minReadySeconds stays at {job.held.after}: {error.words}")
            command = patch_command(job, back, self.watch.flags)
            say(f"{self.reference}: {progress.job.message}; put it back with: {command}")
            return progress, False
        theirs = "somebody else changed spec.minReadySeconds during the rollout: left alone"
        return done.progress.noted(theirs if done.conflicts else ""), True

    def _failed(self, progress: Progress, watched: WatchResult, *, was_broken: bool) -> HardenSteps[Progress]:
        """Print why the rollout failed, and undo the change if the decision says so."""
        failure, broken = watched.standing.failure or PodFailure(watched.standing.message), list[Pod]()
        progress = progress.saying(failure.message)
        yield progress
        if watched.snapshot:
            progress = self._diagnosed(progress, failure, watched.snapshot.updated)
            broken = pod_failures.broken(watched.snapshot.updated)
        progress = self._with_what_remains(progress)
        yield progress
        then = after_failure(
            watched.theirs,
            is_undone=watched.is_undone,
            rollback=self.watch.rollback,
            is_patched=bool(progress.job.hardening.patch.changes),
        )
        progress = progress.noted(then.words)
        if then.step == "roll back":
            return (yield from self.taking_back.roll_back(progress, broken, was_broken=was_broken))
        if then.step == "leave":
            progress = _held(progress)
        if then.step == "take back the rest":
            progress = yield from self._take_back_the_rest(progress)
        elif watched.theirs:
            self._say_undo(progress)
        return progress.as_result("failed")

    def _diagnosed(self, progress: Progress, failure: PodFailure, pods: tuple[Pod, ...]) -> Progress:
        """Print the diagnosis, and the command that hardens with the missing capabilities."""
        seen, job = self.watcher, progress.job
        found = diagnose_pods(self.cluster, job, failure, pods, seen.losses, seen.may_not_read, seen.complaints_so_far)
        job = self._with_suggestion(replace(job, diagnoses=(*job.diagnoses, *found.diagnoses)))
        first, *lines = found.lines
        say(f"{self.reference}: {first}", *lines, *self._to_try_next(job))
        return replace(progress, job=job)

    def _with_suggestion(self, job: HardenResult) -> HardenResult:
        return replace(job, suggestion=suggested(job, self.options))

    def _to_try_next(self, job: HardenResult) -> list[str]:
        """The lines with the command that hardens with the current adds and the missing capabilities."""
        if job.suggestion is None:
            return []
        command = repeat_command(job, self.options, self.watch, *run_flags(job, self.watch))
        return [*(f"  {line}" for line in report.suggestion(job.suggestion)), f"  to try next: {command}"]

    def _take_back_the_rest(self, progress: Progress) -> HardenSteps[Progress]:
        """Undo the part of the hardening that no other writer has changed."""
        try:
            taken = yield from self.taking_back.send(progress, progress.job.patch.inverse())
            progress = taken.progress
        except CapsError as error:
            progress = progress.noted(f"the rest of the change could not be taken back: {error.words}")
            say(f"{self.reference}: {error.words}")
            if isinstance(error, ObjectGone):
                return progress
        self._say_undo(progress)
        return progress

    def _say_undo(self, progress: Progress) -> None:
        if "patched" in progress.states:
            say(f"{self.reference} is patched; to undo it: {undo_command(progress.job, self.watch.flags)}")

    def _with_run(self, progress: Progress) -> Progress:
        """The progress with the name of the watched Job."""
        return replace(progress, job=replace(progress.job, run=self.watcher.run))

    def _with_what_remains(self, progress: Progress) -> Progress:
        progress = self._with_run(progress)
        return progress.noted(what_remains(progress.job.run, self.namespace, self.watch.flags))


def _held(progress: Progress) -> Progress:
    """Add a note that minReadySeconds stays raised, if a failed rollout is not undone."""
    held = progress.job.held
    return progress.noted(f"spec.minReadySeconds stays at {held.after}, which keeps the old pods" if held else "")
