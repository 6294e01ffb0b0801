"""What follows what was seen of one object, phase by phase: the next step, the result, and the words."""

import pytest

from kubectl_caps.core.harden.decide import (
    NOT_SENT,
    Decision,
    LeftBySignal,
    Proof,
    after_canary,
    after_failure,
    after_patch,
    after_refusal,
    after_rollback,
    after_success,
    after_undo,
    before_change,
    lost_watch,
    not_begun,
    rollback_broke_off,
    when_interrupted,
    while_changed,
)
from kubectl_caps.core.harden.progress import State
from kubectl_caps.core.harden.result import HardenOutcome
from kubectl_caps.core.kubernetes.rollout_status import RolloutStatus

UP, DOWN = RolloutStatus("complete", "2 of 2 pods available"), RolloutStatus("failed", "it crashes")
SICK = "it is not healthy as it is: it crashes; --force goes on"
THEIRS = "helm changed spec.replicas during the rollout"
LEFT = f"{THEIRS}, so the failure may come from that change; nothing was rolled back"
UNHEALTHY = "rolled back, but not healthy again: it crashes"

ROWS = {
    # before the change
    "healthy before": (before_change(None, force=False), Decision("send")),
    "sick before": (before_change("it crashes", force=False), Decision("end", "refused", SICK)),
    "sick before, --force": (before_change("it crashes", force=True), Decision("send")),
    "no trouble with a canary": (after_canary(""), Decision("send")),
    "its canary pod does not work": (
        after_canary("its canary pod does not work: it crashes"),
        Decision("end", "refused", "nothing was changed: its canary pod does not work: it crashes"),
    ),
    # the patch is confirmed
    "patched": (after_patch(None, None, wait=True, rollback=True), Decision("watch")),
    "patched, --wait=false": (after_patch(None, None, wait=False, rollback=True), Decision("end", "patched")),
    "patched, nothing would show it": (
        after_patch(None, "the next run uses it", wait=True, rollback=True),
        Decision("end", "notProven", "not proven: the next run uses it"),
    ),
    "half kept": (after_patch("lost", None, wait=True, rollback=True), Decision("roll back", words="lost")),
    "half kept, of what nobody watches": (
        after_patch("lost", "it has no pods", wait=True, rollback=True),
        Decision("roll back", words="lost"),
    ),
    "half kept, --wait=false": (
        after_patch("lost", None, wait=False, rollback=True),
        Decision("roll back", words="lost"),
    ),
    "half kept, --rollback=false": (
        after_patch("lost", None, wait=True, rollback=False),
        Decision("end", "failed", "lost"),
    ),
    # the watch broke off
    "no right to watch any more": (
        lost_watch("forbidden", is_patched=True),
        Decision("end", "failed", "patched, but it cannot be watched any more: forbidden"),
    ),
    "no right to watch the run of a CronJob that was hardened before": (
        lost_watch("forbidden", is_patched=False),
        Decision("end", "failed", "it cannot be watched any more: forbidden"),
    ),
    # the rollout, or the run, failed
    "failed": (after_failure("", is_undone=False, rollback=True, is_patched=True), Decision("roll back")),
    "failed, --rollback=false": (
        after_failure("", is_undone=False, rollback=False, is_patched=True),
        Decision("leave", "failed"),
    ),
    "failed run of a CronJob that was hardened before": (
        after_failure("", is_undone=False, rollback=True, is_patched=False),
        Decision("leave", "failed"),
    ),
    "failed, and somebody changed another field": (
        after_failure(THEIRS, is_undone=False, rollback=True, is_patched=True),
        Decision("leave", "failed", LEFT),
    ),
    "failed, and somebody changed what was patched": (
        after_failure(THEIRS, is_undone=True, rollback=True, is_patched=True),
        Decision("take back the rest", "failed"),
    ),
    "failed, and somebody changed what was patched, --rollback=false": (
        after_failure(THEIRS, is_undone=True, rollback=False, is_patched=True),
        Decision("end", "failed"),
    ),
    # nothing failed
    "proven": (after_success(Proof(), is_patched=True), Decision("end", "patched")),
    "proven of some": (
        after_success(Proof(remark="the partition holds 1 back"), is_patched=True),
        Decision("end", "patched", "the partition holds 1 back"),
    ),
    "scaled to nothing meanwhile": (
        after_success(Proof("it has no pods", remark="x"), is_patched=True),
        Decision("end", "notProven", "not proven: it has no pods"),
    ),
    "logs may not be read": (
        after_success(Proof(unread="pods/log is forbidden", doubts="x"), is_patched=True),
        Decision("end", "notProven", "not proven: its logs were not read: pods/log is forbidden"),
    ),
    "lines that nobody can judge": (
        after_success(Proof(doubts="only the new pods log this"), is_patched=True),
        Decision("end", "notProven", "not proven: only the new pods log this"),
    ),
    "a run of a CronJob that was hardened before": (
        after_success(Proof(remark="job.batch/x completed"), is_patched=False),
        Decision("end", "unchanged", "job.batch/x completed"),
    ),
    # the way back
    "rolled back": (
        after_rollback(UP, is_sent=True, has_conflicts=False, was_broken=False),
        Decision("end", "rolledBack"),
    ),
    "rolled back, but for what somebody else changed": (
        after_rollback(UP, is_sent=True, has_conflicts=True, was_broken=False),
        Decision("end", "rollbackFailed"),
    ),
    "rolled back, as sick as before": (
        after_rollback(DOWN, is_sent=True, has_conflicts=False, was_broken=True),
        Decision("end", "rolledBack"),
    ),
    "rolled back, sick now": (
        after_rollback(DOWN, is_sent=True, has_conflicts=False, was_broken=False),
        Decision("end", "rollbackFailed", UNHEALTHY),
    ),
    "somebody else had undone it": (
        after_rollback(None, is_sent=False, has_conflicts=False, was_broken=False),
        Decision("end", "failed"),
    ),
    "somebody else has changed all of it": (
        after_rollback(None, is_sent=False, has_conflicts=True, was_broken=False),
        Decision("end", "rollbackFailed"),
    ),
    "no answer to the rollback": (
        rollback_broke_off("no answer", is_undone=False),
        Decision("end", "rollbackFailed", "could not be rolled back: no answer"),
    ),
    "rolled back, and no answer to the watch": (
        rollback_broke_off("no answer", is_undone=True),
        Decision("end", "rollbackFailed", "rolled back, but it cannot be watched: no answer"),
    ),
    # the undo of an earlier run
    "undone, unwatched": (after_undo(None, is_sent=True, has_conflicts=False), Decision("end", "undone")),
    "undone, healthy": (after_undo(UP, is_sent=True, has_conflicts=False), Decision("end", "undone")),
    "undone, sick": (
        after_undo(DOWN, is_sent=True, has_conflicts=False),
        Decision("end", "failed", "undone, but not healthy: it crashes"),
    ),
    "undone in part": (after_undo(UP, is_sent=True, has_conflicts=True), Decision("end", "failed")),
    "undone before": (after_undo(None, is_sent=False, has_conflicts=False), Decision("end", "unchanged")),
    "not one field is ours any more": (after_undo(None, is_sent=False, has_conflicts=True), Decision("end", "failed")),
    # what a run that is killed leaves in the saved undo
    "killed after the patch": (
        while_changed(["patched"]),
        Decision("watch", "notProven", "patched; the run had not ended"),
    ),
    "killed after the rollback": (
        while_changed(["undone"]),
        Decision("watch", "failed", "rolled back; the run had not ended"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", ROWS)
def test_an_observation_decides_the_next_step_the_result_and_the_words(case: str) -> None:
    decided, wanted = ROWS[case]
    assert decided == wanted


def test_only_a_proven_result_is_called_patched() -> None:
    """A wrong `patched` is the worst that a decision can be."""
    good = {case for case, (decided, _) in ROWS.items() if decided.result in ("patched", "undone", "rolledBack")}
    assert good == {
        "patched, --wait=false", "proven", "proven of some", "rolled back", "rolled back, as sick as before",
        "undone, unwatched", "undone, healthy",
    }  # fmt: skip


REFUSALS = {
    # is made, same object, same patch, same plan
    "a proxy sent it twice": ((True, True, True, True), "made"),
    "deleted and created again": ((False, False, True, True), "gone"),
    "nothing has changed": ((False, True, True, True), "refused"),
    "containers moved": ((False, True, False, True), "again"),
    "somebody changed a field of the plan": ((False, True, False, False), "changed"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_a_patch_that_was_refused_is_sent_again_only_where_the_plan_is_the_same(case: str) -> None:
    (is_made, is_same_object, is_same_patch, is_same_plan), wanted = REFUSALS[case]
    found = after_refusal(
        is_made=is_made, is_same_object=is_same_object, is_same_patch=is_same_patch, is_same_plan=is_same_plan
    )
    assert found == wanted
    assert (found in NOT_SENT) == (wanted in ("gone", "changed"))


def signal(*states: State, undo: bool = False, failed: bool = False, remains: bool = False) -> LeftBySignal:
    """What a signal means for an object that may be stored in these states."""
    return when_interrupted(states, is_undo=undo, has_failed=failed, remains=remains)


def left(result: HardenOutcome, state: str) -> LeftBySignal:
    """An object that is left in the middle."""
    return LeftBySignal(result, f"interrupted: it is {state}, and is not watched", state)


SIGNALS = {
    "before the patch": (signal("untouched"), LeftBySignal("skipped", "interrupted before anything was sent")),
    "in a run without a patch": (signal("untouched", remains=True), LeftBySignal("skipped", "interrupted")),
    "patch on its way": (signal("untouched", "patched"), left("failed", "either as it was or patched")),
    "while watched": (signal("patched"), left("notProven", "patched")),
    "after a failure": (signal("patched", failed=True), left("failed", "patched")),
    "rollback on its way": (
        signal("patched", "undone", failed=True),
        left("failed", "either patched or rolled back"),
    ),
    "after the rollback": (signal("undone", failed=True), left("failed", "rolled back")),
    "undo on its way": (signal("untouched", "undone", undo=True), left("failed", "either as it was or undone")),
    "after the undo": (signal("undone", undo=True), left("undone", "undone")),
    "after the undo of a part": (signal("undone", undo=True, failed=True), left("failed", "undone")),
}


@pytest.mark.parametrize("case", SIGNALS)
def test_a_signal_leaves_an_object_in_its_present_state(case: str) -> None:
    found, wanted = SIGNALS[case]
    assert found == wanted


def test_a_skipped_object_says_why() -> None:
    assert not_begun("deployment.apps/web", is_interrupted=False) == "deployment.apps/web failed"
    assert not_begun("deployment.apps/web", is_interrupted=True) == "interrupted"
