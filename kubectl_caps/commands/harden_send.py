"""Sending the guarded patch of one object, and what to do where the server says no, or nothing at all."""

import json
import shlex
from typing import Any, Literal

from msgspec import Struct

from kubectl_caps.cluster.objects import Cluster
from kubectl_caps.cluster.resources import resource_of
from kubectl_caps.commands.harden import planned
from kubectl_caps.core.hardening import Hardening, Wishes, wished
from kubectl_caps.core.outcome import Job
from kubectl_caps.core.patch import Conflict, Patch, lookup, rebased, unkept
from kubectl_caps.core.pod import field_path
from kubectl_caps.errors import ApiError, CapsError, Unreachable

State = Literal["untouched", "patched", "undone"]

_TRIES = 4
_UID = ("metadata", "uid")


class Gone(CapsError):
    """The object was deleted, perhaps another one made in its place: there is nothing left to undo."""


class TakenBack(Struct, frozen=True):
    """What an undo came to: whether anything was sent, and which fields are somebody else's by now and were left."""

    sent: bool
    conflicts: tuple[Conflict, ...]


class Sender:
    """Patches the object of a job. `states` are those that it may be in: two of them while an answer is due."""

    def __init__(self, cluster: Cluster, job: Job, manager: str) -> None:
        self.cluster, self.job, self.manager = cluster, job, manager
        self.states: tuple[State, ...] = ("untouched",)

    def get(self) -> dict[str, Any]:
        """The object as it is now."""
        workload = self.job.workload
        return self.cluster.get(resource_of(self.job.kind), workload.namespace, workload.name)

    def try_it(self) -> None:
        """A server dry run. Raises CapsError where the server would refuse the patch, or not keep what it says."""
        if loss := self.loss(self._send(self.job.hardening.patch, dry_run=True)):
            raise CapsError(loss)

    def loss(self, obj: dict[str, Any]) -> str | None:
        """What an object that the server answered with did not keep of the patch: an admission may change it again."""
        paths = unkept(self.job.hardening.patch, obj)
        return f"the server accepted it and did not keep {field_path(paths[0])}" if paths else None

    def harden(self, wishes: Wishes) -> None:
        """Send the patch; where a `test` failed, plan again, and send again only if the changes are still the same.

        Afterwards `job.obj` is the object as it was stored. Raises CapsError, and then nothing was changed unless
        `states` are two.
        """
        for _ in range(_TRIES):
            try:
                self.job.obj = self._send_once(self.job.hardening.patch, "patched")
                return
            except ApiError as error:
                if error.code not in (409, 422):
                    raise
                self._plan_again(wishes, error)
        raise CapsError(f"{self.job.workload.reference} keeps changing; nothing was sent, run it again")

    def take_back(self, undo: Patch) -> TakenBack:
        """Undo what is still ours. Raises CapsError."""
        for _ in range(_TRIES):
            try:
                current = self.get()
            except ApiError as error:
                if error.code == 404:
                    raise Gone("it was deleted") from error
                raise
            if lookup(current, _UID) != dict(undo.guards).get(_UID):
                raise Gone(f"{self.job.workload.reference} is another object by now: deleted and created again")
            rest, conflicts = rebased(undo, current)
            if not rest.changes:
                return TakenBack(False, tuple(conflicts))
            try:
                self.job.obj = self._send_once(rest, "undone")
                return TakenBack(True, tuple(conflicts))
            except ApiError as error:
                if error.code not in (409, 422):
                    raise
                last = error
        raise last

    def undo_command(self, flags: str) -> str:
        """The kubectl command that undoes exactly this change, and refuses if somebody changed the fields since."""
        workload, kind = self.job.workload, self.job.kind
        operations = json.dumps(self.job.hardening.patch.inverse().json_patch(), separators=(",", ":"))
        target = f"{resource_of(kind).qualified} {workload.name} -n {workload.namespace}{flags}"
        return f"kubectl patch {target} --type=json -p {shlex.quote(operations)}"

    def _send_once(self, patch: Patch, then: State) -> dict[str, Any]:
        before, self.states = self.states, (*self.states, then)
        try:
            obj = self._send(patch, dry_run=False)
        except (ApiError, Unreachable) as error:
            if isinstance(error, ApiError) and error.code < 500:
                self.states = before
                raise
            obj = self._what_became(patch, error, before)
        self.states = (then,)
        return obj

    def _what_became(self, patch: Patch, error: CapsError, before: tuple[State, ...]) -> dict[str, Any]:
        """The object after a patch that got no answer. Raises CapsError if it is unchanged, or cannot be read."""
        try:
            current = self.get()
        except CapsError:
            raise CapsError(f"the patch got no answer, so it may have been made or not: {error}") from error
        rest, conflicts = rebased(patch, current)
        if rest.changes or conflicts:
            self.states = before
            raise error
        return current

    def _plan_again(self, wishes: Wishes, error: ApiError) -> None:
        job, current = self.job, self.get()
        if lookup(current, _UID) != lookup(job.obj, _UID):
            raise CapsError(f"{job.workload.reference} was deleted and created again; nothing was sent") from error
        fresh = planned(job.kind, current, job.workload.source, wishes)
        if fresh.patch == job.hardening.patch:
            raise error
        if _plan(fresh, current) != _plan(job.hardening, job.obj):
            raise CapsError(
                f"{job.workload.reference} was changed by somebody else meanwhile; nothing was sent, run it again"
            ) from error
        job.obj, job.hardening = current, fresh

    def _send(self, patch: Patch, *, dry_run: bool) -> dict[str, Any]:
        return self.cluster.patch(
            resource_of(self.job.kind), self.job.workload.namespace, self.job.workload.name, patch.json_patch(),
            dry_run=dry_run, field_manager=self.manager,
        )  # fmt: skip


def _plan(hardening: Hardening, obj: dict[str, Any]) -> tuple[object, ...]:
    """What the user was shown, whatever the places of the containers."""
    return wished(hardening.patch, obj), set(hardening.notes), set(hardening.refusals)
