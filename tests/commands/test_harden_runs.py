"""harden of a CronJob with --wait and --trigger, against a server in memory: how the run ends, and what is stored."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from fake_shop import CRASHED, DONE, FakeShop, Obj, pod, run_of, workload
from harden_shop import CUT, HARD, HardenRun, context
from loopback import Answer, Seen, reply, status

TRIGGER, WAIT = ("--trigger",), ("--wait",)
DENIED = "mount: Operation not permitted"
LEFT = "to delete it: kubectl delete job "


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> HardenRun:
    """Runs `harden` against a shop."""
    return HardenRun(tmp_path, monkeypatch, capsys)


def pods(state: Obj = DONE, owner: str = "job") -> Callable[[FakeShop], list[Obj]]:
    """The pod of the run, once there is a run."""
    return lambda shop: [pod("run", state, owner=owner)] if shop.jobs or owner != "job" else []


def makes_a_job(seen: Seen, *, dry: bool = False) -> bool:
    """Whether a request makes a Job, or tries to."""
    return (seen.method, seen.path.endswith("/jobs"), "dryRun" in seen.query) == ("POST", True, dry)


def at_the_job(answer: Answer, *, dry: bool = False) -> Callable[[FakeShop, Seen], Answer | None]:
    """This answer to the Job that is made, or tried."""
    return lambda shop, seen: answer if makes_a_job(seen, dry=dry) else None


def made_without_an_answer(shop: FakeShop, seen: Seen) -> Answer | None:
    """The Job is made, and the connection ends before the answer."""
    if not makes_a_job(seen):
        return None
    shop.made("jobs", seen)
    return CUT


def changed_on_the_way_in(shop: FakeShop, seen: Seen) -> Answer | None:
    """An admission that takes the hardening out of a Job."""
    if not makes_a_job(seen, dry=True):
        return None
    made = json.loads(seen.body)
    made["spec"]["template"]["spec"]["containers"][0]["securityContext"] = {}
    return reply(made, 201)


def deleted_once_seen(shop: FakeShop, seen: Seen) -> Answer | None:
    """Somebody who deletes the Job after its pods were read."""
    if shop.jobs and seen.path.endswith("/log"):
        shop.jobs.clear()
    return None


def after_the_patch(spec: Obj) -> Callable[[FakeShop, Seen], None]:
    """Somebody who sets fields of the CronJob after the patch."""

    def meddle(shop: FakeShop, seen: Seen) -> None:
        if shop.patches:
            shop.objects["cronjobs", "web"]["spec"].update(spec)

    return meddle


def next_run(ended: str = "Complete", *, hard: bool = True) -> Callable[[FakeShop], list[Obj]]:
    """The controller makes a Job after the patch: of the new template, or of the one before."""
    before = workload("CronJob")
    return lambda shop: [run_of(shop.objects["cronjobs", "web"] if hard else before, "next", ended)] * bool(
        shop.patches
    )


def hardened(shop: FakeShop) -> None:
    """Have the CronJob be hardened already."""
    spec = shop.objects["cronjobs", "web"]["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    spec["containers"][0]["securityContext"] = HARD


BUSY: Obj = {"concurrencyPolicy": "Forbid"}
MISSED = {"metadata": {"uid": "e"}, "type": "Warning", "reason": "MissSchedule", "message": "Missed 03:00", "count": 1}


@dataclass(frozen=True)
class Case:
    """A CronJob, the flags, and what has to be said; `jobs` and `patches` are how many reached the server."""

    result: str
    message: str
    flags: tuple[str, ...] = TRIGGER
    shop: dict[str, Any] = field(default_factory=dict)
    spec: Obj = field(default_factory=dict)
    status: Obj = field(default_factory=dict)
    logs: str = ""
    events: tuple[Obj, ...] = ()
    said: str = ""
    jobs: int = 1
    patches: int = 1
    stays: bool = True
    is_hard: bool = False


CASES = {
    "made now, and completed": Case("patched", "completed", shop={"pods": pods()}, said="is made, and runs now"),
    "made now, and failed": Case(
        "rolledBack", "BackoffLimitExceeded", shop={"ends": "Failed", "pods": pods(CRASHED)}, said=LEFT, patches=2,
        stays=False,
    ),
    "made now, and failed, --rollback=false": Case(
        "failed", "BackoffLimitExceeded", (*TRIGGER, "--rollback=false"), {"ends": "Failed", "pods": pods(CRASHED)}
    ),
    "made now, and its log is a refusal": Case(
        "rolledBack", "complains, unlike earlier runs", shop={"pods": pods()}, logs=DENIED, patches=2, stays=False
    ),
    "made now, refused, accepted": Case(
        "patched", "accepted: container c complains", (*TRIGGER, "--accept-complaints"), {"pods": pods()}, logs=DENIED
    ),
    "the Job is refused": Case(
        "rolledBack", "its Job was refused: Error from server (Forbidden): no quota",
        shop={"before": at_the_job(status(403, "Forbidden", "no quota"))},
        jobs=0, patches=2, stays=False,
    ),
    "the Job would be refused": Case(
        "refused", "its Job would be refused: no quota", jobs=0, patches=0, stays=False,
        shop={"before": at_the_job(status(403, "Forbidden", "no quota"), dry=True)},
    ),
    "admission changes the Job": Case(
        "refused", "admission changes its Job", shop={"before": changed_on_the_way_in}, jobs=0,
        patches=0, stays=False,
    ),
    "the answer of the Job is lost": Case(
        "patched", "completed", shop={"before": made_without_an_answer, "pods": pods()}, said="may have been made"
    ),
    "the Job is lost": Case(
        "notProven", "after 1 s: waits for job.batch/web-caps-", shop={"before": at_the_job(CUT)}, jobs=0,
        said="may have been made",
    ),
    "the Job is deleted before its end": Case(
        "notProven", "was deleted before its end was seen", jobs=0,
        shop={"ends": "", "pods": pods(), "before": deleted_once_seen},
    ),
    "the Job is not over in time": Case(
        "notProven", "after 1 s: job.batch/web-caps-", shop={"ends": "", "pods": lambda shop: []}
    ),
    "a pod fails, and the Job tries on": Case(
        "rolledBack", "exited with code 1; after 1 s", shop={"ends": "", "pods": pods(CRASHED)}, patches=2, stays=False
    ),
    "its pods are gone": Case(
        "notProven", "1 of its pods were gone before their logs were read", shop={"pods": lambda shop: []}
    ),
    "another run is active": Case(
        "refused", "concurrencyPolicy Forbid allows no second run beside it", spec=BUSY, jobs=0, patches=0,
        status={"active": [{"name": "web-1"}]}, stays=False,
    ),
    "another run is active, --force": Case(
        "patched", "completed", (*TRIGGER, "--force"), {"pods": pods()}, BUSY, {"active": [{"name": "web-1"}]}
    ),
    "hardened already, and completed": Case(
        "unchanged", "completed", shop={"pods": pods()}, patches=0, is_hard=True
    ),
    "hardened already, and failed": Case(
        "failed", "BackoffLimitExceeded", shop={"ends": "Failed", "pods": pods(CRASHED)}, patches=0, is_hard=True
    ),
    "no run is asked for": Case(
        "notProven", "the next run uses it", (), jobs=0, said="to watch a run that is made now: "
    ),
    "suspended": Case("refused", "it is suspended", WAIT, spec={"suspend": True}, jobs=0, patches=0, stays=False),
    "no run is due": Case(
        "notProven", "after 1 s: waits for its next run", WAIT, jobs=0,
        said='no run is due by its schedule "0 0 1 1 *" (in UTC, because no timeZone is set) within the',
    ),
    "the next run completes": Case(
        "patched", "job.batch/next completed", WAIT, {"runs": next_run(), "pods": pods(owner="next")}, jobs=0
    ),
    "the next run fails": Case(
        "rolledBack", "job.batch/next failed", WAIT, {"runs": next_run("Failed"), "pods": pods(CRASHED, "next")},
        jobs=0, patches=2, stays=False, said=f"{LEFT}next -n shop",
    ),
    "a run of the template before": Case(
        "notProven", "waits for its next run", WAIT, {"runs": next_run(hard=False), "pods": pods(owner="next")}, jobs=0
    ),
    "a run is missed": Case("notProven", "(MissSchedule: Missed 03:00)", WAIT, jobs=0, events=(MISSED,)),
    "somebody suspends it": Case(
        "notProven", "somebody suspended it before a run came", WAIT, {"before": after_the_patch({"suspend": True})},
        jobs=0,
    ),
    "somebody takes the change back": Case(
        "failed", "during the run", WAIT, jobs=0, stays=False,
        shop={"before": after_the_patch({"jobTemplate": workload("CronJob")["spec"]["jobTemplate"]})},
    ),
    "its last run failed": Case(
        "refused", "its last run failed: job.batch/last: BackoffLimitExceeded", jobs=0, patches=0, stays=False,
        shop={"runs": lambda shop: [run_of(workload("CronJob"), "last", "Failed")]},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_the_run_of_a_cron_job_decides(run: HardenRun, name: str) -> None:
    case = CASES[name]
    cron_job = workload("CronJob", **case.spec)
    cron_job["status"] |= case.status
    shop = FakeShop(cron_job, **{"pods": lambda shop: [], **case.shop})
    shop.logs["run"] = case.logs
    if case.is_hard:
        hardened(shop)
    if case.events:  # the events from before the change do not count
        shop.before = lambda shop, seen: shop.events.extend(case.events) if shop.patches else None
    done = run(shop, *case.flags, target=("cronjob/web",))
    assert (done.item["result"], case.message in done.item["message"]) == (case.result, True), done.item["message"]
    assert (len(shop.jobs), len(shop.patches)) == (case.jobs, case.patches)
    assert (context(shop) == HARD) == case.stays
    assert done.status == (0 if case.result in ("patched", "notProven", "unchanged") else 2)
    assert case.said in done.err + done.item["message"]


def test_the_job_that_is_made_has_the_hardened_template_and_belongs_to_the_cron_job(run: HardenRun) -> None:
    shop = FakeShop(workload("CronJob"), pods=pods())
    done = run(shop, *TRIGGER, target=("cronjob/web",))
    (job,) = shop.jobs
    assert job["spec"]["template"]["spec"]["containers"][0]["securityContext"] == HARD
    assert [owner["name"] for owner in job["metadata"]["ownerReferences"]] == ["web"]
    assert done.item["run"] == job["metadata"]["name"]


def test_trigger_is_for_cron_jobs_alone(run: HardenRun) -> None:
    shop = FakeShop(workload())
    done = run(shop, *TRIGGER)
    assert (done.status, shop.patches, shop.jobs) == (2, [], [])
    assert "--trigger makes a run of a CronJob: name cronjob or cronjob/NAME, not deployments" in done.err
