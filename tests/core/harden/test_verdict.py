"""How an object stands that is watched after the patch: what its pods, events, logs and other writers make of that."""

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from kubectl_caps.core.harden.complaints import Complaint, Line
from kubectl_caps.core.harden.plan import HardenOptions, harden
from kubectl_caps.core.harden.readiness import PodEvent
from kubectl_caps.core.harden.result import HardenResult
from kubectl_caps.core.harden.run_verdict import (
    awaited,
    end_not_seen,
    is_watched,
    not_read,
    run_timed_out,
    what_remains,
)
from kubectl_caps.core.harden.verdict import (
    GOES_ON,
    Verdict,
    as_before,
    changed_by_others,
    failed,
    located,
    rollout_verdict,
    trouble_before,
    with_complaints,
)
from kubectl_caps.core.kubernetes.field_path import field_path
from kubectl_caps.core.kubernetes.kinds import WORKLOADS
from kubectl_caps.core.kubernetes.patch import set_field
from kubectl_caps.core.kubernetes.pod import Pod
from kubectl_caps.core.kubernetes.pod_failures import PodFailure
from kubectl_caps.core.kubernetes.rollout_status import RolloutStatus
from kubectl_caps.core.kubernetes.snapshot import Snapshot
from kubectl_caps.core.kubernetes.workloads import read_workloads

CONTEXT = ("spec", "template", "spec", "containers", 0, "securityContext")
UP = {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1}
RUNS = {"running": {"startedAt": "2026-01-01T00:00:10Z"}}
CRASH = {"terminated": {"exitCode": 1, "reason": "Error", "finishedAt": "2026-01-01T00:00:11Z"}}
HARDENED = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}


def hardened() -> HardenResult:
    """A Deployment as the server stored it after the patch."""
    kind = next(row for row in WORKLOADS if row.kind == "Deployment")
    spec = {"replicas": 1, "selector": {}, "template": {"spec": {"containers": [{"name": "c", "image": "x"}]}}}
    obj = {"metadata": {"name": "web", "namespace": "shop", "generation": 1}, "spec": spec, "status": UP}
    (workload,) = read_workloads(kind, obj, {})
    plan = harden(obj, (workload,), HardenOptions())
    return HardenResult(kind, plan.patch.applied(obj), workload, plan)


JOB = hardened()


def stored(path: tuple[str | int, ...] = (), value: Any = None, **status: int) -> dict[str, Any]:
    """The object at a later look, with another status, or a field that somebody else has set."""
    obj: dict[str, Any] = msgspec.json.decode(msgspec.json.encode({**JOB.obj, "status": {**UP, **status}}))
    if path:
        set_field(obj, path, value)
    return obj


def pod(state: dict[str, Any] = RUNS, name: str = "new", context: Any = HARDENED) -> Pod:
    """A pod whose container is in this state."""
    status = {"containerStatuses": [{"name": "c", "state": state, "restartCount": 0, "ready": state is RUNS}]}
    container = {"name": "c", "image": "x", "securityContext": context}
    return msgspec.convert(
        {"metadata": {"name": name, "uid": name}, "spec": {"containers": [container]}, "status": status}, Pod
    )


def look(obj: dict[str, Any], *updated: Pod, old: tuple[Pod, ...] = ()) -> Snapshot:
    """One look."""
    return Snapshot(obj, (*old, *updated), updated, ("rs",))


class Reader:
    """What the logs and events say, where they are asked."""

    def __init__(self, complaint: str = "", late: str = "", refused: str = "") -> None:
        self.complaint, self.waits, self.refusal = complaint, late, refused

    def certain_complaint(self, snapshot: Snapshot) -> PodFailure | None:
        """A line that leaves no doubt."""
        return PodFailure(self.complaint) if self.complaint else None

    def late(self, pods: Sequence[Pod], limit: float | None = None) -> PodFailure | None:
        """A pod that waits."""
        return PodFailure(self.waits) if self.waits and pods else None

    def refused(self, makers: Sequence[str]) -> RolloutStatus | None:
        """A pod that could not be made."""
        return failed(PodFailure(self.refusal, final=False)) if self.refusal and makers == ("rs",) else None


OTHER_FIELD = ("spec", "template", "spec", "hostNetwork")
MADE_LESS = {"updatedReplicas": 0, "availableReplicas": 0}
VERDICTS = {
    # what is seen; then step, a piece of the message, and what it says of others
    "up": (look(stored(), pod()), Reader(), "complete", "1 of 1 pods available", ""),
    "not up yet": (look(stored(availableReplicas=0), pod()), Reader(), "progressing", "0 of 1 new pods available", ""),
    "its pod crashes": (look(stored(), pod(CRASH)), Reader(), "failed", "exited with code 1", ""),
    "its pod complains": (look(stored(), pod()), Reader("misses CHOWN"), "failed", "misses CHOWN", ""),
    "its pod waits": (look(stored(), pod()), Reader(late="no node"), "failed", "no node", ""),
    "its pods are refused": (look(stored((), None, **MADE_LESS)), Reader(refused="quota"), "failed", "quota", ""),
    "its pods are not made yet": (look(stored((), None, **MADE_LESS)), Reader(), "progressing", "0 of 1 new pods", ""),
    "up, it says, and no pod is there": (look(stored()), Reader(), "progressing", "none of its new pods", ""),
    "its pod lost the change on the way": (
        look(stored(), pod(context={})), Reader(), "failed", "admission changed pod new", "",
    ),
    "not seen by its controller, pod of before": (
        look(stored(observedGeneration=0), pod(context={})), Reader(), "progressing", "has not seen", "",
    ),
    "somebody set another field": (
        look(stored(OTHER_FIELD, True), pod()), Reader(), "complete", "1 of 1",
        "somebody else changed spec.template.spec.hostNetwork during the rollout",
    ),
    "somebody took it back": (
        look(stored((*CONTEXT, "allowPrivilegeEscalation"), True), pod()), Reader(), "failed", "during the rollout",
        f"somebody else changed {field_path((*CONTEXT, 'allowPrivilegeEscalation'))} during the rollout",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", VERDICTS)
def test_the_status_of_a_rollout_depends_on_pods_and_other_writers(case: str) -> None:
    snapshot, reader, step, words, theirs = VERDICTS[case]
    found = rollout_verdict(JOB, snapshot, HardenOptions(), reader, None)
    assert (found.standing.step, found.theirs) == (step, theirs)
    assert words in found.standing.message
    assert found.is_undone == (case == "somebody took it back")
    assert found.is_lost == (case in ("somebody took it back", "its pod lost the change on the way"))


def test_the_field_manager_is_named_that_changed_the_template() -> None:
    obj = stored(OTHER_FIELD, True)
    fields: dict[str, Any] = {"f:spec": {"f:template": {"f:spec": {"f:hostNetwork": {}}}}}
    obj["metadata"]["managedFields"] = [
        {
            "manager": "helm",
            "operation": "Update",
            "apiVersion": "apps/v1",
            "fieldsType": "FieldsV1",
            "fieldsV1": fields,
        }
    ]
    assert changed_by_others(JOB, obj, "run").theirs == "helm changed spec.template.spec.hostNetwork during the run"


TIMED_OUT = Verdict(failed(PodFailure("timed out after 1 s: 0 of 1")))
LOCATED = {
    "nothing failed": (Verdict(RolloutStatus("complete", "1 of 1")), [], "1 of 1"),
    "only a new pod": (TIMED_OUT, [pod(name="old")], "timed out after 1 s: 0 of 1"),
    "an old pod as well": (
        TIMED_OUT, [pod(CRASH, "old")], "so the change may not be the cause: container c exited with code 1",
    ),
    "an old pod as well, of what somebody else changed": (
        replace(TIMED_OUT, theirs="helm"), [pod(CRASH, "old")], "timed out after 1 s: 0 of 1",
    ),
    "an old pod as well, and the patch was taken back": (
        replace(TIMED_OUT, is_lost=True), [pod(CRASH, "old")], "timed out after 1 s: 0 of 1",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", LOCATED)
def test_a_failure_tells_of_old_pods_that_fail_as_well(case: str) -> None:
    verdict, old, words = LOCATED[case]
    found = located(verdict, look(stored(), pod(), old=tuple(old)), "2026-01-01T00:00:00Z")
    assert words in found.message
    assert ("may not be the cause" in found.message) == (case == "an old pod as well")


def test_recent_ends_count_before_the_change_and_no_failure_is_final_during_a_rollback() -> None:
    crashed = look(stored(), pod(CRASH))
    assert trouble_before("Deployment", look(stored(), pod()), "2026-01-01T00:00:00Z") is None
    assert "(pod new)" in (trouble_before("Deployment", crashed, "2026-01-01T00:00:00Z") or "")
    assert trouble_before("Deployment", look(stored((), None, **MADE_LESS)), "") == "0 of 1 new pods created"
    assert as_before("Deployment", crashed, "2026-01-01T00:00:00Z").step == "progressing"
    assert as_before("Deployment", look(stored(), pod()), "2026-01-01T00:00:00Z").step == "complete"


DOUBTFUL = Complaint(Line("new", "c", "failed: x"), None, is_doubtful=True)
PLAIN = Complaint(Line("new", "c", "chown: Operation not permitted"), None)


@pytest.mark.parametrize(
    ("found", "accept", "step", "accepted", "doubtful"),
    [
        pytest.param((), False, "complete", 0, 0, id="no complaint"),
        pytest.param((DOUBTFUL,), False, "complete", 0, 1, id="a doubtful one"),
        pytest.param((DOUBTFUL, PLAIN), False, "failed", 0, 0, id="a plain one"),
        pytest.param((DOUBTFUL, PLAIN), True, "complete", 2, 0, id="both accepted"),
    ],
)
def test_complaints_fail_a_rollout_unless_they_are_accepted(
    found: tuple[Complaint, ...], accept: bool, step: str, accepted: int, doubtful: int
) -> None:
    read = with_complaints(RolloutStatus("complete", "up"), found, [pod()], accept=accept)
    assert (read.standing.step, len(read.accepted), len(read.doubtful)) == (step, accepted, doubtful)


def event(reason: str) -> PodEvent:
    """An event of a CronJob."""
    return PodEvent("u/1", "Warning", reason, "because")


WAITING = {
    "for the schedule": (awaited([], is_suspended=False, made=""), "progressing", "waits for its next run"),
    "for the Job that is made": (awaited([], is_suspended=True, made="x"), "progressing", "waits for job.batch/x"),
    "a run was left out": (
        awaited([event("JobAlreadyActive")], is_suspended=False, made=""),
        "progressing",
        "waits for its next run (JobAlreadyActive: because)",
    ),
    "the Job is refused": (awaited([event("FailedCreate")], is_suspended=False, made=""), "failed", "because"),
    "suspended meanwhile": (awaited([], is_suspended=True, made=""), "complete", "no run came"),
}


@pytest.mark.parametrize("case", WAITING)
def test_a_run_that_has_not_come_says_why(case: str) -> None:
    verdict, step, words = WAITING[case]
    assert (verdict.standing.step, verdict.standing.message) == (step, words)
    assert bool(verdict.unproven) == (case == "suspended meanwhile")


def test_a_run_that_is_deleted_or_times_out_is_not_proven_or_failed() -> None:
    verdict, failure = Verdict(RolloutStatus("progressing", "runs"), theirs="helm"), PodFailure("c exited with code 1")
    gone = end_not_seen(verdict, "job.batch/x was deleted", None)
    assert (gone.standing.step, gone.unproven, gone.theirs) == ("complete", "job.batch/x was deleted", "helm")
    assert end_not_seen(verdict, "gone", failure).standing.message == "c exited with code 1; gone"
    assert run_timed_out(verdict, 5, None).unproven == "after 5 s: runs"
    assert run_timed_out(verdict, 5, failure).standing.step == "failed"
    refused = Verdict(failed(PodFailure("quota", final=False)))
    assert run_timed_out(refused, 5, None).standing.message == "timed out after 5 s: quota"
    assert run_timed_out(Verdict(GOES_ON), 5, None).standing.step == "complete"


def test_the_run_to_watch_is_the_one_seen_or_made_or_a_new_one() -> None:
    item = {"metadata": {"uid": "u", "name": "n"}, "spec": {}}
    cron_job: dict[str, Any] = {"spec": {"jobTemplate": {}}}
    unchanged = replace(JOB, hardening=replace(JOB.hardening, patch=replace(JOB.hardening.patch, changes=())))
    for seen, made, before, wanted in (
        ("u", "", ["u"], True), ("v", "n", [], False), ("", "n", ["u"], True), ("", "m", [], False),
        ("", "", ["u"], False), ("", "", [], True),
    ):  # fmt: skip
        assert is_watched(unchanged, item, cron_job, before, seen=seen, made=made) == wanted, (seen, made, before)


def test_unread_logs_are_named_and_the_remaining_job_with_its_command() -> None:
    run = {"status": {"succeeded": 2}}
    assert not_read(run, [pod()], [], sample=5) == "1 of its pods were gone before their logs were read"
    assert not_read(run, [pod(), pod()], [("new", "c")], sample=5) == "logs were not read: new/c"
    assert not_read(run, [pod()], [], sample=1) == ""
    assert what_remains("", "shop", "") == ""
    words = "job.batch/x stays; to delete it: kubectl delete job x -n shop --context=c"
    assert what_remains("x", "shop", " --context=c") == words
