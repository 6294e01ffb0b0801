"""Defines the options of a watch after the patch, and the result of a watch."""

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
"""The run of a CronJob to watch: none, the next scheduled run, or a run that `harden` makes now."""


class RolloutOptions(Struct, frozen=True):
    """The options of a hardening after the patch. Times are in seconds. `flags` are repeated in printed commands."""

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
        """The minReadySeconds of a watched rollout; 0 if no rollout is watched."""
        return self.settle if self.wait else 0.0


def unwatched(job: HardenResult, watch: RolloutOptions) -> str | None:
    """The reason why no rollout or run shows whether the new template works; None if one does."""
    return None if watch.run and is_cron_job(job.kind) else rollout_status.not_proven(job.kind.kind, job.obj)


class WatchStopped(Exception):
    """The run was interrupted while this object was watched."""


class WatchResult(Struct, frozen=True):
    """The result of a watch. `proof` is the evidence that the rollout worked. `remark` is a note beside the proof.

    `theirs` names the writer who changed the pod template during the rollout; empty if nobody did. `is_undone` says
    that this writer changed a field of the hardening. `accepted` are complaints of the new pods that
    --accept-complaints allows. `doubtful` are complaints that may have another cause than the change. `unproven` says
    why a watch without a failure proves nothing.
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
