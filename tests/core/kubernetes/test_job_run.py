"""How the run of a CronJob stands: the table of ends, the retries in between, and which runs count as earlier ones."""

from typing import Any

import msgspec
import pytest

from kubectl_caps.core.kubernetes import job_run
from kubectl_caps.core.kubernetes.patch import between
from kubectl_caps.core.kubernetes.pod import Pod, PodTemplate
from kubectl_caps.core.kubernetes.pod_failures import PodFailure
from kubectl_caps.core.pods.owners import same_security

Json = dict[str, Any]

FAILED = {"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded", "message": "too often"}
COMPLETE = {"type": "Complete", "status": "True"}
HARDENED = {"capabilities": {"drop": ["ALL"]}, "allowPrivilegeEscalation": False}
REFUSED = PodFailure("container c exited with code 1, and misses CHOWN", "p", "c")


def run(*conditions: Json, context: Json | None = None, began: str = "", name: str = "x-1", **status: Any) -> Json:
    """A Job of a CronJob."""
    container = {"name": "c", "image": "x", **({"securityContext": context} if context else {})}
    template = {"metadata": {"labels": {"job-name": name}}, "spec": {"containers": [container]}}
    status = {**status, "conditions": [*conditions], **({"startTime": began} if began else {})}
    return {"metadata": {"name": name, "uid": name}, "spec": {"template": template}, "status": status}


def pod(phase: str = "Running", name: str = "p", **state: Any) -> Pod:
    """A pod of the run with one container."""
    status = {"name": "c", **state}
    obj = {"metadata": {"name": name, "uid": name}, "status": {"phase": phase, "containerStatuses": [status]}}
    return msgspec.convert(obj, Pod)


RUNS = pod(state={"running": {}})
DONE = pod("Succeeded", state={"terminated": {"exitCode": 0}})
CRASHED = pod("Failed", state={"terminated": {"exitCode": 1}})
RETRIED = pod("Succeeded", "q", state={"terminated": {"exitCode": 0}})
RESTARTED = pod(restartCount=1, state={"running": {}}, lastState={"terminated": {"exitCode": 1}})
BACK_OFF = pod(
    restartCount=2,
    state={"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}}, lastState={"terminated": {"exitCode": 1}},
)  # fmt: skip
NOT_STARTED = pod("Failed", state={"terminated": {"exitCode": 128, "reason": "StartError", "message": "exec: denied"}})
STUCK = pod("Pending", state={"waiting": {"reason": "CreateContainerConfigError", "message": "runAsNonRoot"}})
NO_IMAGE = pod("Pending", state={"waiting": {"reason": "ErrImagePull", "message": "try again"}})

STANDINGS: dict[str, tuple[Json, list[Pod], PodFailure | None, str, str]] = {
    "no pod yet": (run(), [], None, "progressing", "job.batch/x-1 has no pod yet"),
    "suspended": (
        run({"type": "Suspended", "status": "True"}), [], None, "progressing", "job.batch/x-1 is suspended",
    ),
    "runs": (run(active=1), [RUNS], None, "progressing", "job.batch/x-1 runs: pods 1 active"),
    "ended, its Job not yet": (run(active=1), [DONE], None, "progressing", "job.batch/x-1 runs: pods 1 active"),
    "completed": (run(COMPLETE, succeeded=1), [DONE], None, "complete", "job.batch/x-1 completed"),
    "not complete after all": (run({**COMPLETE, "status": "False"}), [DONE], None, "progressing", ""),
    "will complete": (run({"type": "SuccessCriteriaMet", "status": "True"}, active=1), [RUNS], None, "progressing", ""),
    "failed": (
        run(FAILED), [CRASHED], None, "failed",
        "job.batch/x-1 failed: BackoffLimitExceeded: too often; container c exited with code 1",
    ),
    "failed, its pods gone": (run(FAILED), [], None, "failed", "job.batch/x-1 failed: BackoffLimitExceeded: too often"),
    "too late": (
        run({"type": "Failed", "status": "True", "reason": "DeadlineExceeded"}), [RUNS], None, "failed",
        "job.batch/x-1 failed: DeadlineExceeded",
    ),
    "a pod failed, others will be tried": (run(active=1, failed=1), [CRASHED], None, "progressing", ""),
    "a container was restarted": (run(active=1), [RESTARTED], None, "progressing", ""),
    "a container waits for its restart": (run(active=1), [BACK_OFF], None, "progressing", ""),
    "a retry that succeeds": (run(COMPLETE, succeeded=1, failed=1), [CRASHED, RETRIED], None, "complete", ""),
    "a restart that succeeds": (run(COMPLETE, succeeded=1), [RESTARTED], None, "complete", ""),
    "a refusal in the first pod": (run(active=1, failed=1), [CRASHED], REFUSED, "failed", REFUSED.message),
    "a refusal before a restart": (run(active=1), [BACK_OFF], REFUSED, "failed", REFUSED.message),
    "a refusal in a pod that goes on": (run(active=1), [RUNS], REFUSED, "progressing", ""),
    "a refusal beside another pod's failure": (
        run(active=1), [RUNS, pod("Failed", "q", state={"terminated": {"exitCode": 1}})], REFUSED, "progressing", "",
    ),
    "a refusal, and exit status 0": (run(COMPLETE, succeeded=1), [DONE], REFUSED, "failed", REFUSED.message),
    "a refusal, and the Job failed": (run(FAILED), [], REFUSED, "failed", REFUSED.message),
    "never started": (
        run(active=1, failed=1), [NOT_STARTED], None, "failed", "container c exited with code 128 (StartError)",
    ),
    "cannot start": (run(active=1), [STUCK], None, "failed", "container c does not start: CreateContainerConfigError"),
    "an image is pulled again": (run(active=1), [NO_IMAGE], None, "progressing", ""),
}  # fmt: skip


@pytest.mark.parametrize("case", STANDINGS)
def test_a_run_ends_with_its_job_or_with_a_refusal(case: str) -> None:
    job, pods, refusal, step, message = STANDINGS[case]
    found = job_run.standing(job, pods, [refusal] if refusal else [])
    assert (found.step, found.message.startswith(message)) == (step, True), found
    assert (found.failure is not None) == (step == "failed")


def test_the_refusal_of_the_pod_that_has_failed_is_the_one_that_counts() -> None:
    other = PodFailure("container c stays up, but misses KILL", "q", "c")
    assert job_run.standing(run(active=2, failed=1), [CRASHED], [other, REFUSED]).failure == REFUSED


def test_the_failure_of_a_job_names_the_container_to_look_at() -> None:
    failure = job_run.standing(run(FAILED), [CRASHED], []).failure
    assert failure
    assert (failure.pod, failure.container) == ("p", "c")


@pytest.mark.parametrize(
    ("pods", "message"),
    [([], None), ([RUNS], None), ([DONE], None), ([CRASHED], "container c exited"), ([BACK_OFF], "container c exited")],
)  # fmt: skip
def test_an_unseen_end_of_a_run_is_a_failure_only_if_a_pod_has_failed(pods: list[Pod], message: str | None) -> None:
    found = job_run.unseen_end(pods)
    assert (found and found.message.startswith(message or "?")) == (True if message else None)


@pytest.mark.parametrize(
    ("job", "pods", "count"),
    [
        (run(COMPLETE, succeeded=1), [DONE], 0), (run(COMPLETE, succeeded=1), [], 1),
        (run(COMPLETE, succeeded=1, failed=2), [DONE], 2), (run(COMPLETE), [DONE], 0),
    ],
)  # fmt: skip
def test_pods_that_are_gone_before_their_logs_are_read_are_counted(job: Json, pods: list[Pod], count: int) -> None:
    assert job_run.unread(job, pods) == count


@pytest.mark.parametrize(
    ("jobs", "found"),
    [
        ([], None),
        ([run(began="2026-01-01T00:00:00Z")], job_run.LastRun("x-1", "active")),
        ([run(COMPLETE, began="2026-01-01T00:00:00Z")], job_run.LastRun("x-1", "succeeded")),
        ([run(FAILED)], job_run.LastRun("x-1", "failed", "BackoffLimitExceeded: too often")),
        (
            [run(FAILED, began="2026-01-01T00:00:00Z"), run(COMPLETE, began="2026-01-01T00:01:00Z", name="x-2")],
            job_run.LastRun("x-2", "succeeded"),
        ),
        (
            [run(FAILED, began="2026-01-02T00:00:00Z"), run(COMPLETE, began="2026-01-01T00:01:00Z", name="x-2")],
            job_run.LastRun("x-1", "failed", "BackoffLimitExceeded: too often"),
        ),
    ],
)
def test_the_last_run_is_the_one_that_began_last(jobs: list[Json], found: job_run.LastRun | None) -> None:
    assert job_run.newest_run(jobs) == found


def test_a_run_of_a_hardening_that_was_taken_back_is_no_earlier_run() -> None:
    old, failed = run(name="old"), run(FAILED, context=HARDENED, name="failed")
    template = msgspec.convert(old["spec"]["template"], PodTemplate)
    assert job_run.of_template([failed, old], template, same_security) == [old]


def cron_job(context: Json | None = None, **spec: Any) -> Json:
    """A CronJob."""
    job = run(context=context)["spec"]
    template = {"metadata": {"labels": {"a": "b"}, "annotations": {"c": "d"}}, "spec": job}
    return {"metadata": {"name": "x", "uid": "u"}, "spec": {"jobTemplate": template, **spec}}


def test_a_job_of_the_template_from_before_lacks_the_change() -> None:
    before, after = cron_job(), cron_job(HARDENED)
    patch = between(before, after)
    assert not job_run.lacks(patch, after, run(context=HARDENED))
    assert job_run.lacks(patch, after, run())
    assert job_run.lacks(patch, after, run(context={**HARDENED, "allowPrivilegeEscalation": True}))


def test_the_job_that_is_made_now_is_the_one_of_kubectl_create_job_from() -> None:
    made = job_run.manual_job(cron_job(HARDENED), "x-caps-1")
    assert made["metadata"] == {
        "name": "x-caps-1",
        "labels": {"a": "b"},
        "annotations": {"c": "d", "cronjob.kubernetes.io/instantiate": "manual"},
        "ownerReferences": [{"apiVersion": "batch/v1", "kind": "CronJob", "name": "x", "uid": "u", "controller": True}],
    }
    assert made["spec"] == cron_job(HARDENED)["spec"]["jobTemplate"]["spec"]


@pytest.mark.parametrize(
    ("policy", "active", "held"),
    [
        ("Forbid", [{"name": "x-1"}], "job.batch/x-1 runs, and concurrencyPolicy Forbid allows no second run"),
        ("Replace", [{"name": "x-1"}], "job.batch/x-1 runs, and concurrencyPolicy Replace allows no second run"),
        ("Allow", [{"name": "x-1"}], ""), (None, [{"name": "x-1"}], ""), ("Forbid", [], ""), ("Forbid", None, ""),
    ],
)  # fmt: skip
def test_the_concurrency_policy_prevents_a_second_run(policy: str | None, active: Any, held: str) -> None:
    obj = {**cron_job(concurrencyPolicy=policy), "status": {"active": active}}
    assert job_run.held_off(obj).removesuffix(" beside it") == held
