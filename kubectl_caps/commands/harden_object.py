"""Hardening one live object: try it, send it, watch it, and undo it when its pods do not stay up."""

import shlex
from collections.abc import Sequence
from threading import Event

import msgspec

from kubectl_caps.cluster.objects import Cluster
from kubectl_caps.cluster.resources import PODS
from kubectl_caps.command_line import program_name
from kubectl_caps.commands.harden_send import Gone, Sender, TakenBack
from kubectl_caps.commands.harden_watch import Rollout, Watch
from kubectl_caps.core import health, rollout
from kubectl_caps.core.hardening import Wishes
from kubectl_caps.core.health import Failure
from kubectl_caps.core.outcome import Job, Result
from kubectl_caps.core.patch import Patch
from kubectl_caps.core.pod import Pod
from kubectl_caps.core.rollout import Standing
from kubectl_caps.core.undo import left_alone
from kubectl_caps.core.weakened import weakened
from kubectl_caps.core.workloads import MalformedWorkload, pod_of
from kubectl_caps.errors import ApiError, CapsError
from kubectl_caps.report.terminal import say


class Live:
    """One object being hardened on a cluster."""

    def __init__(self, cluster: Cluster, job: Job, watch: Watch, wishes: Wishes, stop: Event) -> None:
        self.cluster, self.job, self.watch, self.wishes = cluster, job, watch, wishes
        self.sender = Sender(cluster, job, watch.manager)
        self.rollout = Rollout(cluster, job, stop, wishes)
        self.reference, self.namespace = job.workload.reference, job.workload.namespace
        self._was_broken = False

    def try_on_server(self) -> None:
        """Server dry runs of the pod that the template would make, and of the patch.

        A namespace that enforces Pod Security accepts the workload and forbids its pods, so the pod is tried first.
        Raises CapsError where either would be refused, or the pod would not get what the template says.
        """
        wanted = self.job.hardening.patch.applied(self.job.obj)
        try:
            pod = pod_of(wanted, self.job.workload.path, self.job.workload.name, self.namespace)
            made = self.cluster.create(PODS, self.namespace, pod, dry_run=True, field_manager=self.watch.manager)
        except MalformedWorkload as error:
            raise CapsError(str(error)) from error
        except ApiError as error:
            if not _says_nothing(error, builtin=self.job.kind.builtin):
                raise CapsError(f"its pods would be refused: {error.message}") from error
            self.job.remarks += (f"a pod of the new template could not be tried: {error.message}",)
        else:
            for loss in weakened(msgspec.convert(pod, Pod), msgspec.convert(made, Pod), self.wishes):
                raise CapsError(f"its pods do not get it: {loss}")
        self.sender.try_it()

    def harden(self) -> Result:
        """Send the patch and see it through. Sets the job's message and blames; returns the result."""
        reason = rollout.not_proven(self.job.kind.kind, self.job.obj)
        if self.watch.wait and not reason:
            trouble = self.rollout.begin()
            self._was_broken = trouble is not None
            if trouble and not self.watch.force:
                self.job.message = f"it is not healthy as it is: {trouble}; --force goes on"
                return "refused"
        say(f"{self.reference}: to undo this: {self.undo_command()}")
        self.sender.harden(self.wishes)
        if loss := self.sender.loss(self.job.obj):
            return self._not_kept(loss, watched=self.watch.wait and not reason)
        say(f"{self.reference} patched")
        if reason:
            self.job.message = f"not proven: {reason}"
            return "notProven"
        return self._see_through() if self.watch.wait else "patched"

    def undo(self) -> Result:
        """Send the job's patch, which undoes an earlier one, and see that the object is healthy afterwards."""
        watched = self.watch.wait and not rollout.not_proven(self.job.kind.kind, self.job.obj)
        broken = self._broken() if watched else []
        if not self._take_back(self.job.hardening.patch).sent:
            return "failed" if self.job.conflicts else "unchanged"
        say(f"{self.reference} {'partly ' if self.job.conflicts else ''}undone")
        standing = self._healthy_again(broken) if watched else Standing("complete", "")
        if standing.step != "complete":
            self._note(f"undone, but not healthy: {standing.message}")
        return "undone" if standing.step == "complete" and not self.job.conflicts else "failed"

    def undo_command(self) -> str:
        """The kubectl command that undoes the change."""
        return self.sender.undo_command(self.watch.flags)

    def interrupted(self) -> None:
        """Say and record how an object was left that was in the middle of it."""
        job, states = self.job, self.sender.states
        if states == ("untouched",):
            job.result, job.message = "skipped", "interrupted before anything was sent"
            return
        words = {"untouched": "as it was", "patched": "patched", "undone": "undone" if job.undo else "rolled back"}
        state = f"{'either ' if len(states) > 1 else ''}{' or '.join(words[state] for state in states)}"
        job.result = "failed"
        if states == (("undone",) if job.undo else ("patched",)) and not job.message:  # else something failed by then
            job.result = "undone" if job.undo else "notProven"
        self._note(f"interrupted: it is {state}, and nobody watches it")
        say(f"{self.reference} is {state}" + (f"; to undo it: {self.undo_command()}" if "patched" in states else ""))

    def _healthy_again(self, broken: Sequence[Pod]) -> Standing:
        self._delete(broken)
        try:
            return self.rollout.back(self.watch.timeout, self.watch.settle)
        except CapsError as error:
            return Standing("failed", error.words)

    def _broken(self) -> list[Pod]:
        """The pods that may be in the way of an undo, which is sent whether they can be read or not."""
        try:
            return self.rollout.broken()
        except CapsError:
            return []

    def _see_through(self) -> Result:
        try:
            standing, snapshot = self.rollout.to_the_end(self.watch.timeout, self.watch.settle)
        except CapsError as error:
            self.job.message = f"patched, but it cannot be watched any more: {error.words}"
            say(f"{self.reference} is patched; to undo it: {self.undo_command()}")
            return "failed"
        if standing.step == "complete":
            # Somebody may have scaled it to nothing, or held its pods back, after the patch.
            if snapshot and (reason := rollout.not_proven(self.job.kind.kind, snapshot.obj)):
                self.job.message = f"not proven: {reason}"
                return "notProven"
            self.job.message = rollout.held_back(self.job.kind.kind, self.job.obj) or ""
            for words in self.rollout.forbidden_logs[:1]:
                self._note(f"its logs were not read: {words}")
            say(f"{self.reference} rolled out: {standing.message}, and stayed up for {self.watch.settle:g} s")
            return "patched"
        failure, broken = standing.failure or Failure(standing.message), []
        self.job.message = failure.message
        if snapshot:
            first, *lines = self.rollout.explain(failure, snapshot)
            say(f"{self.reference}: {first}", *lines, *self._to_try_next())
            broken = health.broken(snapshot.updated)
        return self._roll_back(broken) if self.watch.rollback else "failed"

    def _not_kept(self, loss: str, *, watched: bool) -> Result:
        """Take back what the server kept of the patch: half a hardening is none."""
        self.job.message = loss
        say(f"{self.reference}: {loss}")
        if not self.watch.rollback:
            return "failed"
        if watched:
            return self._roll_back(())
        taken = self._take_back(self.job.hardening.patch.inverse())
        if not taken.sent:
            return "failed"
        return "rollbackFailed" if taken.conflicts else "rolledBack"

    def _to_try_next(self) -> list[str]:
        """The same hardening with what is missing beside what was added."""
        missing: dict[str, None] = {}
        seen: set[str] = set()
        for blame in self.job.blames:
            if blame.cause.capabilities and blame.container not in seen:
                seen.add(blame.container)
                missing |= dict.fromkeys(blame.cause.capabilities)
        return [f"  to try next: {self._again(list(missing))}"] if missing else []

    def _again(self, missing: Sequence[str]) -> str:
        wishes = self.wishes
        flags = [f"--add {','.join(dict.fromkeys([*wishes.add, *missing]))}"]
        flags += [f"-c {shlex.quote(name)}" for name in wishes.containers]
        flags += ["--remove-adds"] if wishes.remove_adds else []
        flags += [f"--profile {wishes.profile}"] if wishes.profile != "none" else []
        flags += [f"--run-as-user {wishes.run_as_user}"] if wishes.run_as_user else []
        flags += ["--allow-privilege-escalation keep"] if wishes.escalation == "keep" else []
        target = f"{self.reference} -n {self.namespace}{self.watch.flags}"
        return f"{program_name()} harden {target} {' '.join(flags)}"

    def _roll_back(self, broken: Sequence[Pod]) -> Result:
        try:
            taken = self._take_back(self.job.hardening.patch.inverse())
            if not taken.sent:  # somebody else has undone it already, or made something else of it
                return "rollbackFailed" if taken.conflicts else "failed"
            self._delete(broken)
            # What was broken before is so afterwards; that the change is gone is all that can be had.
            timeout = 0.0 if self._was_broken else self.watch.timeout
            standing = self.rollout.back(timeout, self.watch.settle)
        except CapsError as error:
            undone = self.sender.states == ("undone",)
            what = "rolled back, but it cannot be watched" if undone else "could not be rolled back"
            words = f"{what}: {error.words}"
            self._note(words)
            way_back = "" if undone or isinstance(error, Gone) else f"; undo it with: {self.undo_command()}"
            say(f"{self.reference}: {words}{way_back}")
            return "rollbackFailed"
        if standing.step == "complete" or self._was_broken:
            say(f"{self.reference} {'partly ' if taken.conflicts else ''}rolled back: {standing.message}")
            return "rollbackFailed" if taken.conflicts else "rolledBack"
        self._note(f"rolled back, but not healthy again: {standing.message}")
        say(f"{self.reference} rolled back, but it is not healthy again: {standing.message}")
        return "rollbackFailed"

    def _take_back(self, undo: Patch) -> TakenBack:
        """Undo as far as nobody else has changed it since; what was left alone is said, and in the job's message."""
        taken = self.sender.take_back(undo)
        if taken.conflicts:
            self.job.conflicts += taken.conflicts
            self._note(left_alone(taken.conflicts))
            say(f"{self.reference}: {left_alone(taken.conflicts)}")
        return taken

    def _note(self, words: str) -> None:
        self.job.message += f"; {words}" if self.job.message else words

    def _delete(self, broken: Sequence[Pod]) -> None:
        """A StatefulSet does not replace a broken pod after the revert until somebody deletes it."""
        for pod in broken if self.job.kind.kind == "StatefulSet" else ():
            name = pod.metadata.name or ""
            try:
                self.cluster.delete(PODS, self.namespace, name, uid=pod.metadata.uid)
                say(f"pod {name} deleted, so that a new one takes its place")
            except ApiError as error:
                if error.code not in (404, 409):
                    command = f"kubectl delete pod {name} -n {self.namespace}{self.watch.flags}"
                    self._note(f"its broken pod has to be deleted: {command}")
                    say(f"{error}; delete it, or it stays as it is: {command}")


def _says_nothing(error: ApiError, *, builtin: bool) -> bool:
    """Whether the refusal of a pod says nothing of the template: no right to create pods, or no quota left.

    The template of a custom resource may lack what its controller fills in.
    """
    if error.code != 403:
        return not builtin
    return "cannot create resource" in error.message or "exceeded quota" in error.message
