"""What became of one object that was to be hardened: the JSON contract's `Hardening` items."""

from typing import Any, Literal

from msgspec import Struct

from kubectl_caps.core.diagnosis import Cause
from kubectl_caps.core.hardening import Hardening
from kubectl_caps.core.patch import Conflict
from kubectl_caps.core.workloads import Kind, Workload
from kubectl_caps.core.writers import Forecast

Result = Literal[
    "unchanged", "planned", "patched", "notProven", "undone",
    "rolledBack", "rollbackFailed", "refused", "skipped", "failed",
]  # fmt: skip

_NOT_DONE = ("rolledBack", "rollbackFailed", "refused", "skipped", "failed")


class Blame(Struct, frozen=True):
    """A cause of a failure, the container that it was found in, and the command to try next."""

    container: str
    cause: Cause
    then: str = ""


class Job(Struct):
    """One object, its hardening, and how it ended: `message` says why, `blames` what the evidence points to.

    `remarks` are what to know before it is changed, `forecasts` what other writers will do to the change; `replacement`
    is the manifest for an object that cannot be changed. `undo`: the patch takes an earlier hardening back, but for the
    `conflicts`, which somebody else has changed since.
    """

    kind: Kind
    obj: dict[str, Any]
    workload: Workload
    hardening: Hardening
    result: Result = "planned"
    message: str = ""
    blames: tuple[Blame, ...] = ()
    remarks: tuple[str, ...] = ()
    forecasts: tuple[Forecast, ...] = ()
    replacement: dict[str, Any] | None = None
    undo: bool = False
    conflicts: tuple[Conflict, ...] = ()

    @property
    def is_not_done(self) -> bool:
        """Whether something of it could not be done: exit status 2."""
        return self.result in _NOT_DONE or bool(self.conflicts)
