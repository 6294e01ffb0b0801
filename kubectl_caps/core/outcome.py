"""What became of one object that was to be hardened: the JSON contract's `Hardening` items."""

from typing import Any, Literal

from msgspec import Struct

from kubectl_caps.core.diagnosis import Cause
from kubectl_caps.core.hardening import Hardening
from kubectl_caps.core.workloads import Kind, Workload

Result = Literal[
    "unchanged", "planned", "patched", "notProven", "rolledBack", "rollbackFailed", "refused", "skipped", "failed"
]

NOT_DONE = ("rolledBack", "rollbackFailed", "refused", "skipped", "failed")
"""Results that make the exit status 2."""


class Job(Struct):
    """One object, its hardening, and how it ended: `message` says why, `causes` what the evidence points to."""

    kind: Kind
    obj: dict[str, Any]
    workload: Workload
    hardening: Hardening
    result: Result = "planned"
    message: str = ""
    causes: tuple[Cause, ...] = ()
    container: str = ""
