"""The options of a watch after the patch, and its result, as values."""

from typing import Literal

from msgspec import Struct

from kubectl_caps.core.fit.canary import CanaryChoice
from kubectl_caps.core.harden.complaints import Complaint
from kubectl_caps.core.harden.result import HardenResult
from kubectl_caps.core.kubernetes import rollout_status
from kubectl_caps.core.kubernetes.job_run import is_cron_job
from kubectl_caps.core.kubernetes.rollout_status import RolloutStatus
from kubectl_caps.core.kubernetes.snapshot import Snapshot

RunAsked = Literal["", "next", "now"]
"""The run of a CronJob to watch: none, the next scheduled one, or one that `harden` makes now."""


class RolloutOptions(Struct, frozen=True):
    """The options of a hardening after the patch; times are in seconds. Printed commands repeat `flags`."""

    wait: bool
    rollback: bool
    timeout: float
    settle: float
    manager: str
    force: bool = False
    accept_complaints: bool = False
    flags: str = ""
    run: RunAsked = ""
    is_dry_run: bool = False
    canary: CanaryChoice = "no"

    @property
    def held_for(self) -> float:
        """Seconds for which the controller shall wait for new pods to stay up; 0 if nobody watches them."""
        return self.settle if self.wait else 0.0


def unwatched(job: HardenResult, watch: RolloutOptions) -> str | None:
    """Why no rollout or run would show whether the new template works; None if one does."""
    return None if watch.run and is_cron_job(job.kind) else rollout_status.not_proven(job.kind.kind, job.obj)


class WatchStopped(Exception):
    """Somebody interrupted the run while this object was watched."""


class WatchResult(Struct, frozen=True):
    """The result of a watch; `proof` says what was seen if nothing failed.

    `theirs` says who else changed the pod template during the rollout, empty if nobody did; `is_undone`: they changed a
    field that this run had changed. `accepted` are the complaints of the new pods that --accept-complaints lets pass;
    nobody can tell whether the `doubtful` ones are caused by the change. `unproven` says why a watch without a failure
    proves nothing, `remark` is a note beside the proof.
    """

    standing: RolloutStatus
    snapshot: Snapshot | None
    theirs: str = ""
    is_undone: bool = False
    accepted: tuple[Complaint, ...] = ()
    doubtful: tuple[Complaint, ...] = ()
    unproven: str = ""
    proof: str = ""
    remark: str = ""
