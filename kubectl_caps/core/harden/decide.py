"""The next step of `harden` with one object, and its message: one pure function for each observation.

Nothing here is sent, watched or printed. `steps` in commands/harden do what is decided here.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

from msgspec import Struct

from kubectl_caps.core.harden.progress import State
from kubectl_caps.core.harden.result import HardenOutcome
from kubectl_caps.core.kubernetes.rollout_status import RolloutStatus

NextStep = Literal["send", "watch", "roll back", "take back the rest", "leave", "end"]
"""`leave` ends as well: the change stays, and minReadySeconds stays raised with it."""

Resend = Literal["made", "again", "refused", "gone", "changed"]
"""What a refused patch means once the object has been read again."""
FAILED_TEST = (409, 422)
"""HTTP statuses of a patch whose `test` operations fail (RFC 6902), or that meets a conflict."""
NOT_SENT: Mapping[Resend, str] = {
    "gone": "was deleted and created again; nothing was sent",
    "changed": "was changed by somebody else in the meantime; nothing was sent, run it again",
}
"""Why a refused patch is not sent again."""


class Decision(Struct, frozen=True):
    """The next step; if it is the last step, the result; and the words for the object's message."""

    step: NextStep
    result: HardenOutcome = "planned"
    words: str = ""


def before_change(trouble: str | None, *, force: bool) -> Decision:
    """Whether to change an object after looking at its pods; `trouble` says why the pods are unhealthy."""
    if trouble and not force:
        return Decision("end", "refused", f"it is not healthy as it is: {trouble}; --force goes on")
    return Decision("send")


def after_canary(trouble: str) -> Decision:
    """Whether to change an object after its canary pod; `trouble` says why the canary failed."""
    return Decision("end", "refused", f"nothing was changed: {trouble}") if trouble else Decision("send")


def after_patch(loss: str | None, unwatched: str | None, *, wait: bool, rollback: bool) -> Decision:
    """The step after a patch that the server confirmed.

    `loss` names the part of the patch that the server did not keep: half a hardening is no hardening. `unwatched` says
    why no rollout or run would show whether the template works.
    """
    if loss:
        return Decision("roll back", words=loss) if rollback else Decision("end", "failed", loss)
    if unwatched:
        return Decision("end", "notProven", f"not proven: {unwatched}")
    return Decision("watch") if wait else Decision("end", "patched")


def after_refusal(*, is_made: bool, is_same_object: bool, is_same_patch: bool, is_same_plan: bool) -> Resend:
    """The meaning of an answer in `FAILED_TEST`, after the object was read and planned again.

    A proxy that sends a patch twice gets such an answer for the second patch, so the first one may be applied.
    """
    if is_made:
        return "made"
    if not is_same_object:
        return "gone"
    if is_same_patch:  # nothing of the plan has changed, so the next try would be refused as well
        return "refused"
    return "again" if is_same_plan else "changed"


def lost_watch(error: str, *, is_patched: bool) -> Decision:
    """The step after a watch during which the object became unreadable."""
    return Decision("end", "failed", f"{'patched, but ' if is_patched else ''}it cannot be watched any more: {error}")


def after_failure(theirs: str, *, is_undone: bool, rollback: bool, is_patched: bool) -> Decision:
    """The step after a failed rollout.

    `theirs` says who else changed the template in the meantime; then the failure may not be caused by this hardening.
    If they took our change back (`is_undone`), the rest is half a hardening and is removed as well. If they changed
    something else, their rollout is left alone.
    """
    if theirs and not is_undone:
        words = f"{theirs}, so the failure may come from that change; nothing was rolled back"
        return Decision("leave", "failed", words)
    if theirs:
        return Decision("take back the rest" if rollback else "end", "failed")
    return Decision("roll back") if rollback and is_patched else Decision("leave", "failed")


class Proof(Struct, frozen=True):
    """The result of a watch that saw no failure: each text says why the watch proves nothing, or is empty.

    `unproven`: there was nothing to see. `unread`: the right to read logs is missing. `doubts`: some lines cannot be
    judged. `remark` is a note for a proven result.
    """

    unproven: str = ""
    unread: str = ""
    doubts: str = ""
    remark: str = ""


def after_success(proof: Proof, *, is_patched: bool) -> Decision:
    """The result of a rollout without a failure; `unchanged` if the patch was empty."""
    unread = f"its logs were not read: {proof.unread}" if proof.unread else ""
    reason = proof.unproven or unread or proof.doubts
    words = f"not proven: {reason}" if reason else proof.remark
    if not is_patched:
        return Decision("end", "unchanged", words)
    return Decision("end", "notProven" if reason else "patched", words)


def after_rollback(standing: RolloutStatus | None, *, is_sent: bool, has_conflicts: bool, was_broken: bool) -> Decision:
    """The result of a rollback. If the object was broken before, removing the change is enough.

    `standing` is the state of the pods afterwards. Nothing was sent if somebody else has already undone the change or
    changed its fields (`has_conflicts`).
    """
    if not is_sent or standing is None:
        return Decision("end", "rollbackFailed" if has_conflicts else "failed")
    if standing.step == "complete" or was_broken:
        return Decision("end", "rollbackFailed" if has_conflicts else "rolledBack")
    return Decision("end", "rollbackFailed", f"rolled back, but not healthy again: {standing.message}")


def rollback_broke_off(error: str, *, is_undone: bool) -> Decision:
    """The result of a rollback that ended with an error, before or after the patch was sent (`is_undone`)."""
    what = "rolled back, but it cannot be watched" if is_undone else "could not be rolled back"
    return Decision("end", "rollbackFailed", f"{what}: {error}")


def after_undo(standing: RolloutStatus | None, *, is_sent: bool, has_conflicts: bool) -> Decision:
    """The result of the undo of an earlier run; `standing` is None if nothing was watched afterwards."""
    if not is_sent:
        return Decision("end", "failed" if has_conflicts else "unchanged")
    if standing is not None and standing.step != "complete":
        return Decision("end", "failed", f"undone, but not healthy: {standing.message}")
    return Decision("end", "failed" if has_conflicts else "undone")


class LeftBySignal(Struct, frozen=True):
    """The state of an object after a signal: the result, the words for its message, and the stored state in words."""

    result: HardenOutcome
    words: str
    state: str = ""


def when_interrupted(states: Sequence[State], *, is_undo: bool, has_failed: bool, remains: bool) -> LeftBySignal:
    """The state of an object that was being changed when a signal came.

    `states` are the states in which it may be stored. `has_failed`: a failure was seen before the signal. `remains`:
    the run has met a Job, which stays.
    """
    if tuple(states) == ("untouched",):
        return LeftBySignal("skipped", "interrupted" if remains else "interrupted before anything was sent")
    words = {"untouched": "as it was", "patched": "patched", "undone": "undone" if is_undo else "rolled back"}
    state = f"{'either ' if len(states) > 1 else ''}{' or '.join(words[state] for state in states)}"
    result: HardenOutcome = "failed"
    if tuple(states) == (("undone",) if is_undo else ("patched",)) and not has_failed:
        result = "undone" if is_undo else "notProven"
    return LeftBySignal(result, f"interrupted: it is {state}, and is not watched", state)


def while_changed(states: Sequence[State]) -> Decision:
    """The entry of a saved undo for an object that is changed and whose end is not known yet.

    A killed run leaves this entry. The entry is not `rolledBack` before the object was seen to be healthy again,
    because a later undo would leave the object alone.
    """
    if "undone" in states:
        return Decision("watch", "failed", "rolled back; the run had not ended")
    return Decision("watch", "notProven", "patched; the run had not ended")


def not_begun(failed: str, *, is_interrupted: bool) -> str:
    """Why an object was skipped: an interrupt, or another object (`failed`), ended the run."""
    return "interrupted" if is_interrupted else f"{failed} failed"
