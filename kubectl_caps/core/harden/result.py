"""`HardenResult`: the result of hardening one object, an item of the JSON document `Hardening`."""

from typing import Any, Literal

from msgspec import Struct
from msgspec.structs import replace

from kubectl_caps.core.diagnosis.line_cause import LineCause
from kubectl_caps.core.harden.aftermath import Aftermath
from kubectl_caps.core.harden.plan import Hardening
from kubectl_caps.core.kubernetes.field_managers import ManagerEffect
from kubectl_caps.core.kubernetes.kinds import Kind
from kubectl_caps.core.kubernetes.patch import Change, Conflict, Patch
from kubectl_caps.core.kubernetes.workloads import Workload
from kubectl_caps.core.podsecurity.policy import Level

HardenOutcome = Literal[
    "unchanged", "planned", "patched", "notProven", "undone",
    "rolledBack", "rollbackFailed", "refused", "skipped", "failed",
]  # fmt: skip

_NOT_DONE = ("rolledBack", "rollbackFailed", "refused", "skipped", "failed")


class Diagnosis(Struct, frozen=True):
    """A cause of a failure, the container in which it was found, and the command to try next."""

    container: str
    cause: LineCause
    next_command: str = ""


class Suggestion(Struct, frozen=True):
    """The capabilities to add, by container, and the Pod Security level of the template with them and without them."""

    add: dict[str, tuple[str, ...]]
    level: Level
    level_without: Level

    @property
    def capabilities(self) -> tuple[str, ...]:
        """All of them, each once."""
        return tuple(dict.fromkeys(name for names in self.add.values() for name in names))


class HardenResult(Struct, frozen=True):
    """One object, its hardening, and the result: `message` says why, `diagnoses` are the causes of a failure.

    `suggestion` are the adds for the next try. `remarks` are notes before the change, `effects` the predicted effects
    of other writers on it. `replacement` is the manifest for an object that cannot be changed. `undo`: the patch undoes
    an earlier hardening, without the `conflicts`, which somebody else has changed since. `held` raises minReadySeconds
    during the rollout. `left` is the state of the object after the last change that was sent; None if nothing was sent.
    `run` is the name of the batch/v1 Job that was watched or made to test a CronJob's template.
    """

    kind: Kind
    obj: dict[str, Any]
    workload: Workload
    hardening: Hardening
    result: HardenOutcome = "planned"
    message: str = ""
    diagnoses: tuple[Diagnosis, ...] = ()
    suggestion: Suggestion | None = None
    remarks: tuple[str, ...] = ()
    effects: tuple[ManagerEffect, ...] = ()
    replacement: dict[str, Any] | None = None
    undo: bool = False
    conflicts: tuple[Conflict, ...] = ()
    held: Change | None = None
    left: Aftermath | None = None
    run: str = ""

    @property
    def patch(self) -> Patch:
        """The patch to send: the hardening, and the change that keeps the old pods during the rollout."""
        changes, guards = self.hardening.patch.changes, self.hardening.patch.guards
        return Patch((*changes, self.held) if self.held else changes, guards)

    def ended(self, result: HardenOutcome, message: str = "") -> "HardenResult":
        """The result with this outcome, and with this message instead of the earlier one."""
        return replace(self, result=result, message=message)

    def noted(self, words: str) -> "HardenResult":
        """The result with more words at the end of its message; no words change nothing."""
        return replace(self, message="; ".join(filter(None, (self.message, words))))

    def remarked(self, *remarks: str) -> "HardenResult":
        """The result with one more note before the change."""
        return replace(self, remarks=(*self.remarks, *remarks))

    @property
    def is_not_done(self) -> bool:
        """Whether a part of the work could not be done: exit status 2."""
        return self.result in _NOT_DONE or bool(self.conflicts)


def refused_containers(hardening: Hardening) -> str:
    """Why a hardening was refused, container by container."""
    return "; ".join(f"container {note.container}: {note.message}" for note in hardening.refusals)
