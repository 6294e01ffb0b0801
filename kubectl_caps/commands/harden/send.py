"""Sends the guarded patch of one object, and handles a refusal by the server and a lost answer.

A step is a generator. It takes a `Progress`, yields a `Progress` before and after each change of the object, and
returns the last one. So the caller knows the possible states of the stored object when a step is interrupted.
"""

import json
import shlex
from collections.abc import Generator
from threading import Event
from typing import Any, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from kubectl_caps.cluster.api.client import Cluster
from kubectl_caps.cluster.api.resources import resource_of
from kubectl_caps.commands.harden.changes import hardening_of
from kubectl_caps.commands.shared.late_patch import is_refusal, wait_for_change
from kubectl_caps.core.harden.aftermath import aftermath
from kubectl_caps.core.harden.decide import FAILED_TEST, NOT_SENT, Resend, after_refusal
from kubectl_caps.core.harden.plan import HardenOptions
from kubectl_caps.core.harden.progress import Progress, State
from kubectl_caps.core.harden.result import HardenResult
from kubectl_caps.core.kubernetes.changed_fields import wished
from kubectl_caps.core.kubernetes.field_path import field_path
from kubectl_caps.core.kubernetes.min_ready import raised
from kubectl_caps.core.kubernetes.patch import Conflict, Patch, lookup, rebased, unkept
from kubectl_caps.errors import ApiError, CapsError, Unreachable

T = TypeVar("T")
HardenSteps = Generator[Progress, None, T]

_TRIES = 4
_UID = ("metadata", "uid")


class ObjectGone(CapsError):
    """The object was deleted, and perhaps created again. There is no change to undo."""


class Undone(Struct, frozen=True):
    """The result of an undo: whether a patch was sent, and the fields that were not undone.

    A field is not undone if another writer has changed it.
    """

    progress: Progress
    sent: bool
    conflicts: tuple[Conflict, ...]


class PatchSender:
    """Patches objects as the field manager `manager`. Plans the objects with minReadySeconds `held_for`.

    Waits for lost answers until `stop` is set.
    """

    def __init__(self, cluster: Cluster, manager: str, held_for: float, stop: Event) -> None:
        self.cluster, self.manager, self.held_for, self.stop = cluster, manager, held_for, stop

    def get(self, job: HardenResult) -> dict[str, Any]:
        """Read the object. Raises ApiError, Unreachable."""
        return self.cluster.get(resource_of(job.kind), job.workload.namespace, job.workload.name)

    def try_it(self, job: HardenResult) -> None:
        """Send the patch as a server dry run. Raises CapsError if the server refuses the patch or ignores a part."""
        if lost := loss(job, self._send(job, job.patch, dry_run=True)):
            raise CapsError(lost)

    def harden(self, progress: Progress, options: HardenOptions) -> HardenSteps[Progress]:
        """Send the patch. If a `test` fails, plan again, and send again only if the changes are the same.

        Afterwards `job.obj` is the stored object. Raises CapsError. Then nothing was changed, unless the progress has
        two `states`. Raises Unanswered if the patch may still be applied.
        """
        for _ in range(_TRIES):
            try:
                return (yield from self._send_once(progress, progress.job.patch, "patched"))
            except ApiError as error:
                if error.code not in FAILED_TEST:
                    raise
                current = self.get(progress.job)
                fresh, meaning = self._planned_again(progress.job, current, options)
                if meaning == "made":
                    return (yield from self._stored(progress, current, "patched"))
                if meaning == "refused":
                    raise
                if meaning != "again":
                    raise CapsError(f"{progress.job.workload.reference} {NOT_SENT[meaning]}") from error
                progress = replace(progress, job=fresh)
        raise CapsError(f"{progress.job.workload.reference} keeps changing; nothing was sent, run it again")

    def take_back(self, progress: Progress, undo: Patch) -> HardenSteps[Undone]:
        """Undo the fields that no other writer has changed.

        Raises ObjectGone, CapsError, and Unanswered if the undo may still be applied.
        """
        sent = False
        for _ in range(_TRIES):
            current = self._current_object(progress.job, undo)
            rest, conflicts = rebased(undo, current)
            if not rest.changes:
                if sent and not conflicts:
                    progress = replace(progress, states=("undone",))
                    yield progress
                return Undone(progress, sent, tuple(conflicts))
            try:
                sent = True
                progress = yield from self._send_once(progress, rest, "undone")
                return Undone(progress, True, tuple(conflicts))
            except ApiError as error:
                if error.code not in (404, *FAILED_TEST):
                    raise
                last = error
        raise last

    def put_back(self, progress: Progress, back: Patch) -> HardenSteps[Undone]:
        """Send the patch that restores minReadySeconds after the rollout, unless another writer has changed the field.

        Raises ObjectGone, CapsError, and Unanswered if the patch may still be applied.
        """
        for _ in range(_TRIES):
            rest, conflicts = rebased(back, self._current_object(progress.job, back))
            try:
                if rest.changes:
                    progress = yield from self._send_once(progress, rest, "patched")
                return Undone(progress, bool(rest.changes), tuple(conflicts))
            except ApiError as error:
                if error.code not in FAILED_TEST:
                    raise
                last = error
        raise last

    def _send_once(self, progress: Progress, patch: Patch, then: State) -> HardenSteps[Progress]:
        yield progress.due(then)
        try:
            obj = self._send(progress.job, patch, dry_run=False)
        except (ApiError, Unreachable) as error:
            if is_refusal(error):
                yield progress
                raise
            obj = wait_for_change(error, lambda: self._object_with_change(progress.job, patch), self.stop)
        return (yield from self._stored(progress, obj, then))

    def _stored(self, progress: Progress, obj: dict[str, Any], state: State) -> HardenSteps[Progress]:
        """Store the object in the progress, with the state that the server has accepted, and yield the progress."""
        job = progress.job
        stored = Progress(replace(job, obj=obj, left=aftermath(job.kind, obj, self.manager)), (state,))
        yield stored
        return stored

    def _object_with_change(self, job: HardenResult, patch: Patch) -> dict[str, Any] | None:
        """The object if it has the change, or None. Raises ObjectGone if the object was deleted."""
        current = self._current_object(job, patch)
        return current if _is_made(patch, current) else None

    def _current_object(self, job: HardenResult, patch: Patch) -> dict[str, Any]:
        """Read the object of a patch. Raises ObjectGone if it was deleted or created again, CapsError."""
        try:
            current = self.get(job)
        except ApiError as error:
            if error.code == 404:
                raise ObjectGone("it was deleted") from error
            raise
        if lookup(current, _UID) != dict(patch.guards).get(_UID):
            raise ObjectGone(f"{job.workload.reference} is another object now: it was deleted and created again")
        return current

    def _planned_again(
        self, job: HardenResult, current: dict[str, Any], options: HardenOptions
    ) -> tuple[HardenResult, Resend]:
        """The new plan for the object after a refused patch, and the meaning of the refusal."""
        is_same_object = lookup(current, _UID) == lookup(job.obj, _UID)
        is_made = _is_made(job.hardening.patch, current)
        fresh = self._plan(job, current, options) if is_same_object and not is_made else job
        return fresh, after_refusal(
            is_made=is_made,
            is_same_object=is_same_object,
            is_same_patch=fresh.patch == job.patch,
            is_same_plan=_shown(fresh) == _shown(job),
        )

    def _plan(self, job: HardenResult, current: dict[str, Any], options: HardenOptions) -> HardenResult:
        held = job.held and raised(job.kind.kind, current, self.held_for)
        fresh = hardening_of(job.kind, current, job.workload.source, options)
        return replace(job, obj=current, hardening=fresh, held=held)

    def _send(self, job: HardenResult, patch: Patch, *, dry_run: bool) -> dict[str, Any]:
        return self.cluster.patch(
            resource_of(job.kind), job.workload.namespace, job.workload.name, patch.json_patch(),
            dry_run=dry_run, field_manager=self.manager,
        )  # fmt: skip


def loss(job: HardenResult, obj: dict[str, Any]) -> str | None:
    """A sentence about a change that the server's answer lacks, because admission changed the object; None if none."""
    paths = unkept(job.hardening.patch, obj)
    return f"the server accepted it and did not keep {field_path(paths[0])}" if paths else None


def undo_command(job: HardenResult, flags: str) -> str:
    """The kubectl command that undoes exactly this change. It fails if somebody has changed the fields since."""
    return patch_command(job, job.patch if job.undo else job.patch.inverse(), flags)


def patch_command(job: HardenResult, patch: Patch, flags: str) -> str:
    """The kubectl command that sends a patch to the job's object."""
    workload = job.workload
    operations = json.dumps(patch.json_patch(), separators=(",", ":"))
    target = f"{resource_of(job.kind).qualified} {workload.name} -n {workload.namespace}{flags}"
    return f"kubectl patch {target} --type=json -p {shlex.quote(operations)}"


def _is_made(patch: Patch, current: dict[str, Any]) -> bool:
    """Whether every field of the object has the value of the patch."""
    rest, conflicts = rebased(patch, current)
    return not rest.changes and not conflicts


def _shown(job: HardenResult) -> tuple[object, ...]:
    """The changes as the user saw them, without the indexes of containers."""
    return wished(job.hardening.patch, job.obj), set(job.hardening.notes), set(job.hardening.refusals)
