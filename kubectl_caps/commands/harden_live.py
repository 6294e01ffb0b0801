"""Hardening one live object: try it, send it, watch it, and undo it when its pods do not stay up."""

import json
import shlex
import time
from collections.abc import Callable, Sequence

from msgspec import Struct

from kubectl_caps.cluster import rollout as edge
from kubectl_caps.cluster.objects import Cluster
from kubectl_caps.cluster.resources import PODS, resource_of
from kubectl_caps.command_line import program_name
from kubectl_caps.commands.harden import planned
from kubectl_caps.core import rollout
from kubectl_caps.core.diagnosis import diagnose
from kubectl_caps.core.hardening import Wishes
from kubectl_caps.core.outcome import Job, Result
from kubectl_caps.core.patch import Patch, lookup, rebased
from kubectl_caps.core.pod import Pod, field_path
from kubectl_caps.core.rollout import Failure, Standing
from kubectl_caps.core.workloads import pod_of
from kubectl_caps.errors import ApiError, CapsError
from kubectl_caps.report.terminal import clear_progress, progress, say

POLL = 0.5
_TRIES = 4


class Watch(Struct, frozen=True):
    """How a live hardening goes on after the patch; times in seconds."""

    wait: bool
    rollback: bool
    timeout: float
    settle: float
    manager: str


class Live:
    """One object being hardened on a cluster."""

    def __init__(self, cluster: Cluster, job: Job, watch: Watch, wishes: Wishes) -> None:
        self.cluster, self.job, self.watch, self.wishes = cluster, job, watch, wishes
        self.kind, self.namespace, self.name = job.kind, job.workload.namespace, job.workload.name
        self.reference = job.workload.reference
        self.old_events: set[str] = set()
        self.old_complaints: set[tuple[str, tuple[str, ...]]] = set()

    def try_on_server(self) -> None:
        """Server dry runs of the pod that the template would make, and of the patch.

        A namespace that enforces Pod Security accepts the workload and forbids its pods, so the pod is tried first.
        Raises CapsError where either would be refused.
        """
        wanted = self.job.hardening.patch.applied(self.job.obj)
        pod = pod_of(wanted, self.job.workload.path, self.name, self.namespace)
        try:
            self.cluster.create(PODS, self.namespace, pod, dry_run=True, field_manager=self.watch.manager)
        except ApiError as error:
            if not _says_nothing(error):
                raise CapsError(f"{self.reference}: its pods would be refused: {error.message}") from error
            say(f"{self.reference}: a pod of the new template could not be tried: {error.message}")
        self._send(self.job.hardening.patch, dry_run=True)

    def harden(self) -> Result:
        """Send the patch and see it through. Sets the job's message and causes; returns the result."""
        say(f"{self.reference}: to undo this: {self.undo_command()}")
        self.old_events = {event.key for event in edge.events(self.cluster, self.namespace, self._uid())}
        reason = rollout.not_proven(self.kind.kind, self.job.obj)
        if self.watch.wait and not reason:
            before = edge.look(self.cluster, self.kind, self.namespace, self.name)
            self.old_complaints = {_key(complaint) for complaint in edge.complaints(self.cluster, before.pods)}
        self._patch()
        say(f"{self.reference} patched")
        if reason:
            self.job.message = f"not proven: {reason}"
            return "notProven"
        if not self.watch.wait:
            return "patched"
        return self._follow()

    def undo_command(self) -> str:
        """The kubectl command that undoes exactly this change, and refuses if somebody changed the fields since."""
        operations = json.dumps(self.job.hardening.patch.inverse().json_patch(), separators=(",", ":"))
        target = f"{self.kind.plural}{'.' if self.kind.group else ''}{self.kind.group}"
        return f"kubectl patch {target} {self.name} -n {self.namespace} --type=json -p {shlex.quote(operations)}"

    def _patch(self) -> None:
        """Send the patch; where a `test` failed, read again, and send again only if the changes are still the same."""
        for _ in range(_TRIES):
            try:
                self.job.obj = self._send(self.job.hardening.patch, dry_run=False)
                return
            except ApiError as error:
                if error.code not in (409, 422):
                    raise
                current = self.cluster.get(resource_of(self.kind), self.namespace, self.name)
                fresh = planned(self.kind, current, self.job.workload.source, self.wishes)
                if fresh.patch == self.job.hardening.patch:
                    raise
                if fresh.patch.changes != self.job.hardening.patch.changes:
                    raise CapsError(
                        f"{self.reference} was changed by somebody else meanwhile; nothing was sent, run it again"
                    ) from error
                self.job.hardening = fresh
        raise CapsError(f"{self.reference} keeps changing; nothing was sent, run it again")

    def _send(self, patch: Patch, *, dry_run: bool) -> dict[str, object]:
        return self.cluster.patch(
            resource_of(self.kind), self.namespace, self.name, patch.json_patch(),
            dry_run=dry_run, field_manager=self.watch.manager,
        )  # fmt: skip

    def _follow(self) -> Result:
        standing, snapshot = self._watched(self.watch.timeout, self.watch.settle, self._standing)
        clear_progress()
        failure = standing.failure or Failure(standing.message)
        if standing.step == "complete":
            complaint = self._complaint(snapshot)
            if complaint is None:
                say(f"{self.reference} rolled out: {standing.message}, and stayed up for {self.watch.settle:g} s")
                return "patched"
            failure = complaint
        self._explain(failure, snapshot)
        if not self.watch.rollback:
            return "failed"
        return self._roll_back([broken.pod for broken in rollout.failures(snapshot.updated)])

    def _watched(
        self, timeout: float, settle: float, judge: Callable[[edge.Snapshot], Standing]
    ) -> tuple[Standing, edge.Snapshot]:
        """Look until the rollout has failed, or has been complete for `settle` seconds, or time is up."""
        end, complete_since = time.monotonic() + timeout, None
        while True:
            snapshot = edge.look(self.cluster, self.kind, self.namespace, self.name)
            standing, now = judge(snapshot), time.monotonic()
            progress(f"{self.reference}: {standing.message}")
            complete_since = (complete_since or now) if standing.step == "complete" else None
            if standing.step == "failed" or (complete_since is not None and now - complete_since >= settle):
                return standing, snapshot
            if now >= end and complete_since is None:
                message = f"timed out after {timeout:g} s: {standing.message}"
                return Standing("failed", message, Failure(message)), snapshot
            time.sleep(POLL)

    def _standing(self, snapshot: edge.Snapshot) -> Standing:
        standing = rollout.standing(self.kind.kind, snapshot.obj, snapshot.updated)
        if standing.step != "progressing" or snapshot.updated:
            return standing
        # Pods that cannot be created leave no pod to look at, only events of their maker.
        for uid in snapshot.makers:
            for event in edge.events(self.cluster, self.namespace, uid):
                if event.reason == "FailedCreate" and event.key not in self.old_events:
                    return Standing("failed", event.message, Failure(event.message))
        return standing

    def _standing_again(self, snapshot: edge.Snapshot) -> Standing:
        """On the way back a failure is not the end: what is left of the failed rollout may still be in sight."""
        standing = rollout.standing(self.kind.kind, snapshot.obj, snapshot.updated)
        return Standing("progressing", standing.message) if standing.step == "failed" else standing

    def _complaint(self, snapshot: edge.Snapshot) -> Failure | None:
        """What the logs of pods that stay up complain of now: nginx keeps its port when its workers die."""
        for complaint in edge.complaints(self.cluster, snapshot.updated):
            if _key(complaint) not in self.old_complaints:
                message = f"container {complaint.container} stays up, but misses {', '.join(complaint.capabilities)}"
                return Failure(message, complaint.pod, complaint.container)
        return None

    def _explain(self, failure: Failure, snapshot: edge.Snapshot) -> None:
        """Read logs, states and events now: a rollback removes them. Then say what they mean and what to try."""
        evidence = list(edge.evidence(self.cluster, self.namespace, failure, snapshot.updated))
        self.job.causes = diagnose(evidence, uid=_uid_of(failure, snapshot.updated))
        self.job.container, self.job.message = failure.container, failure.message
        say(f"{self.reference}: {failure.message}{f' (pod {failure.pod})' if failure.pod else ''}")
        for cause in self.job.causes[:_SHOWN]:
            say(f"  {cause.source}: {cause.evidence_text}")
            what = (
                f"{cause.certainty} missing: {', '.join(cause.capabilities)}" if cause.capabilities else cause.certainty
            )
            say(f"    {what} ({cause.explanation})")
        if not self.job.causes:
            for line in [item.text for item in evidence if item.source == "log"][-_SHOWN:]:
                say(f"  log: {line}")
        needed = next((cause.capabilities for cause in self.job.causes if cause.capabilities), ())
        if needed:
            say(f"  to try next: {self._again(needed)}")

    def _again(self, missing: Sequence[str]) -> str:
        """The same hardening with what is missing beside what was added."""
        add = ",".join(dict.fromkeys([*self.wishes.add, *missing]))
        flags = [f"-c {name}" for name in self.wishes.containers]
        flags += ["--remove-adds"] if self.wishes.remove_adds else []
        flags += [f"--profile {self.wishes.profile}"] if self.wishes.profile != "none" else []
        flags += [f"--run-as-user {self.wishes.run_as_user}"] if self.wishes.run_as_user else []
        flags += ["--allow-privilege-escalation keep"] if self.wishes.escalation == "keep" else []
        return " ".join([program_name(), "harden", self.reference, "-n", self.namespace, "--add", add, *flags])

    def _roll_back(self, broken: Sequence[str]) -> Result:
        current = self.cluster.get(resource_of(self.kind), self.namespace, self.name)
        undo, conflicts = rebased(self.job.hardening.patch.inverse(), current)
        for conflict in conflicts:
            say(f"{self.reference}: changed by somebody else since, left alone: {field_path(conflict.path)}")
        try:
            if undo.changes:
                self._send(undo, dry_run=False)
            self._delete(broken)
            standing, _ = self._watched(max(60.0, self.watch.timeout / 2), 0, self._standing_again)
        except CapsError as error:
            say(f"{self.reference}: could not be rolled back: {error}; undo it with: {self.undo_command()}")
            return "rollbackFailed"
        clear_progress()
        if standing.step != "complete":
            say(f"{self.reference} rolled back, but it is not healthy again: {standing.message}")
            return "rollbackFailed"
        say(f"{self.reference} rolled back: {standing.message}")
        return "rolledBack"

    def _delete(self, broken: Sequence[str]) -> None:
        """A StatefulSet does not replace a broken pod after the revert until somebody deletes it."""
        for name in dict.fromkeys(broken) if self.kind.kind == "StatefulSet" else ():
            try:
                self.cluster.delete(PODS, self.namespace, name)
            except ApiError as error:
                say(f"{error}; delete it: kubectl delete pod {name} -n {self.namespace}")

    def _uid(self) -> str:
        return str(lookup(self.job.obj, ("metadata", "uid")))


_SHOWN = 3


def _key(complaint: edge.Complaint) -> tuple[str, tuple[str, ...]]:
    return complaint.container, complaint.capabilities


def _uid_of(failure: Failure, pods: Sequence[Pod]) -> int | None:
    """Whom the failed container ran as, where the runtime told."""
    statuses = (pod.status.containers.get(failure.container) for pod in pods if pod.metadata.name == failure.pod)
    return next((status.uid for status in statuses if status), None)


def _says_nothing(error: ApiError) -> bool:
    """Whether the refusal of a pod says nothing of the template: no right to create pods, or no quota left."""
    return error.code == 403 and ("cannot create resource" in error.message or "exceeded quota" in error.message)
