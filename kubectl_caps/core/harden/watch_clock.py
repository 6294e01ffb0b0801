"""Decides when a watch ends: a rollout must be complete, or failed, for a while."""

from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from kubectl_caps.core.kubernetes.rollout_status import RolloutStatus

WatchEnd = Literal["", "ended", "timed out"]
"""Whether a watch goes on, has ended, or has timed out."""

_QUOTA = "exceeded quota"
"""The API server's words for a pod that exceeds a quota (k8s.io/apiserver, plugin resourcequota)."""


class WatchLimits(Struct, frozen=True):
    """Seconds: for the whole watch, for the time that it must stay complete, and for a failure that may pass."""

    timeout: float
    settle: float
    patience: float


class WatchClock(Struct, frozen=True):
    """The start of a watch, and since when every look has seen it complete, or failed (None: it is not)."""

    began: float
    complete_since: float | None = None
    failed_since: float | None = None

    def looked(self, standing: RolloutStatus, now: float) -> "WatchClock":
        """The clock after one more look."""
        return replace(
            self,
            complete_since=_since(self.complete_since, now, holds=standing.step == "complete"),
            failed_since=_since(self.failed_since, now, holds=standing.step == "failed"),
        )

    def end(self, standing: RolloutStatus, now: float, limits: WatchLimits) -> WatchEnd:
        """How the watch ends after the look that gave `standing`; a complete rollout may settle past the time limit."""
        if self.complete_since is not None and now - self.complete_since >= limits.settle:
            return "ended"
        if self.failed_since is not None and (is_final(standing) or now - self.failed_since >= limits.patience):
            return "ended"
        return "timed out" if now >= self.began + limits.timeout and self.complete_since is None else ""


class RoomForPods(Struct, frozen=True):
    """New pods that exceed a quota until old pods have ended: since when they are refused, and how long to wait."""

    refused_since: float | None = None
    extra_patience: float = 0.0


def while_old_pods_end(
    standing: RolloutStatus, room: RoomForPods, *, grace: float | None, has_fewer_pods: bool, now: float
) -> tuple[RolloutStatus, RoomForPods]:
    """A failure that passes by itself while old pods end; `grace` is how long the last of them may take.

    A controller doubles its waiting time after each refusal (client-go's rate limiter). So after the last old pod has
    ended, the wait is about as long as the refusals lasted until then. Ended old pods leave room in the quota, which
    the next try finds.
    """
    if is_final(standing):
        return standing, room
    if grace is None:
        if _QUOTA in standing.message and has_fewer_pods:
            standing = RolloutStatus("progressing", f"{standing.message}; its controller will try again")
        return standing, room
    since = now if room.refused_since is None else room.refused_since
    return (
        RolloutStatus("progressing", f"{standing.message}; old pods still to end"),
        RoomForPods(since, max(grace, now - since)),
    )


def is_final(standing: RolloutStatus) -> bool:
    """Whether a failure does not pass by itself; also true without a failure."""
    return standing.failure is None or standing.failure.final


def _since(since: float | None, now: float, *, holds: bool) -> float | None:
    if not holds:
        return None
    return now if since is None else since
