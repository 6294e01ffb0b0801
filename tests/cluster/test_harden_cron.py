"""harden of CronJobs against a real API server: what is made, waited for, refused and said.

Pods run nowhere here: a test says of them what a kubelet would. Their logs cannot be read, so that nothing is proven;
runs that are proven are in test_harden_cron_node.py.
"""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from cron_jobs import NEVER, cron_job
from loopback import Answer, Seen
from middleman import CUT, between
from test_harden_live import HARDENED, Shop, control_c, eventually, user
from testbed.cluster import Cluster

POD = {"containers": [{"name": "c", "image": "x"}]}
SHORT = ("--timeout", "2s")
LONG = ("--timeout", "20s")


@pytest.fixture
def place(api_cluster: Cluster, namespace: str, capfd: pytest.CaptureFixture[str]) -> Shop:
    """A fresh namespace with a CronJob x that does not run in our time."""
    shop = Shop(api_cluster, namespace, capfd)
    metadata = {"labels": {"team": "a"}, "annotations": {"note": "b"}}
    obj = cron_job("x", POD, backoffLimit=0)
    obj["spec"]["jobTemplate"]["metadata"] = metadata
    shop.make(obj)
    return shop


def jobs(place: Shop) -> dict[str, dict[str, Any]]:
    """The Jobs by name."""
    return place.list("jobs")


def context(place: Shop) -> Any:
    """The security context of the CronJob's container."""
    return place.context("x", "cronjobs")


def change(place: Shop, path: str, body: Mapping[str, Any]) -> None:
    """A merge patch of something in the namespace."""
    target, _, subresource = path.partition(" ")
    more = ["--subresource", subresource] if subresource else []
    text = json.dumps(body)
    place.cluster.kubectl("patch", target, "-n", place.namespace, "--type=merge", "-p", text, *more)


def bind(place: Shop) -> None:
    """Give the first run's pod a node that does not exist, so that there is nobody to ask for its logs."""
    (name,) = place.list("pods")
    path = f"/api/v1/namespaces/{place.namespace}/pods/{name}/binding"
    body = {"metadata": {"name": name}, "target": {"name": "nowhere"}}
    status, answer = place.cluster.api.request("POST", path, body)
    assert status == 201, answer


def end(place: Shop, phase: str, code: int = 0) -> None:
    """What a kubelet would say of the first run's pod when its container has ended."""
    eventually(lambda: place.list("pods"))
    (name,) = place.list("pods")
    state = {"terminated": {"exitCode": code, "reason": "Completed"}}
    status = {"name": "c", "image": "x", "imageID": "", "ready": False, "restartCount": 0, "state": state}
    change(place, f"pod/{name} status", {"status": {"phase": phase, "containerStatuses": [status]}})


def made(place: Shop, name: str = "before", **spec: Any) -> None:
    """A run as `kubectl create job` makes it, whose Job has these fields."""
    arguments = ["create", "job", name, "-n", place.namespace, "--from=cronjob/x", "--dry-run=client", "-o", "json"]
    body = json.loads(place.cluster.kubectl(*arguments).stdout)
    body["spec"].update(spec)
    place.cluster.kubectl("create", "-n", place.namespace, "-f", "-", input=json.dumps(body))


@contextmanager
def meanwhile(act: Callable[[], None], when: Callable[[], Any]) -> Iterator[None]:
    """Do something beside the test, as soon as something holds."""

    def wait() -> None:
        eventually(when)
        act()

    thread = threading.Thread(target=wait)
    thread.start()
    yield
    thread.join()


def test_trigger_makes_the_job_that_kubectl_create_job_from_makes(place: Shop) -> None:
    done = place.harden("cronjob/x", "--trigger", *SHORT, "-o", "json")
    (item,) = done.items
    made(place, "kubectls")
    ours, theirs = jobs(place)[item["run"]], jobs(place)["kubectls"]
    for job in (ours, theirs):
        for key in ("controller-uid", "job-name"):
            for prefix in ("", "batch.kubernetes.io/"):
                del job["spec"]["template"]["metadata"]["labels"][prefix + key]
        del job["spec"]["selector"]
    assert ours["spec"] == theirs["spec"]
    for key in ("annotations", "labels", "ownerReferences"):
        assert ours["metadata"][key] == theirs["metadata"][key]
    assert item["run"].startswith("x-caps-")
    assert (done.status, item["result"], context(place)) == (0, "notProven", HARDENED)
    assert item["message"] == f"not proven: after 2 s: job.batch/{item['run']} runs: pods 1 active"
    assert f"cronjob.batch/x: job.batch/{item['run']} is made, and runs now" in done.err


@pytest.mark.parametrize(
    ("args", "error"),
    [
        (("deploy/x", "--trigger"), "--trigger makes a run of a CronJob: name cronjob or cronjob/NAME, not deploy"),
        (("cj,deploy,sts", "--trigger"), "name cronjob or cronjob/NAME, not deployments, statefulsets"),
        (("--all", "--trigger"), "--trigger makes a run of a CronJob: name cronjob or cronjob/NAME, not"),
        (("cj/x", "--trigger", "--wait=false"), "--trigger watches the run that it makes: it does not go with --wait"),
        (("--undo", "x", "--trigger"), "--trigger has no meaning with --undo"),
        (("-f", "x.yaml", "--trigger"), "--trigger has no meaning with -f"),
    ],
)  # fmt: skip
def test_a_trigger_that_does_not_go_with_the_rest_is_one_line(place: Shop, args: tuple[str, ...], error: str) -> None:
    done = place.harden(*args, namespace=not {"--undo", "-f"} & {*args})
    assert (done.status, context(place), jobs(place)) == (2, None, {})
    assert error in done.err


RIGHTS = {
    'get resource "cronjobs"': ("batch", "cronjobs", "get"),
    'patch resource "cronjobs"': ("batch", "cronjobs", "patch"),
    'list resource "jobs"': ("batch", "jobs", "list"),
    'create resource "jobs"': ("batch", "jobs", "create"),
    'list resource "pods"': ("", "pods", "list"),
    'create resource "pods"': ("", "pods", "create"),
    'get resource "pods/log"': ("", "pods/log", "get"),
    'list resource "events"': ("", "events", "list"),
}
"""Every right that a run made now needs, by the words in which the server misses it."""
BEFORE_THE_PATCH = [words for words in RIGHTS if "jobs" in words or words == 'list resource "pods"']


@pytest.mark.parametrize("missing", ["", *RIGHTS])
def test_the_right_that_a_run_misses_is_named_before_anything_is_changed(
    place: Shop, tmp_path: Path, missing: str
) -> None:
    made(place)  # of which pods and logs are read
    eventually(lambda: place.list("pods"))
    config = user(place, tmp_path, *(right for words, right in RIGHTS.items() if words != missing))
    done = place.harden("cronjob/x", "--trigger", *SHORT, kubeconfig=config)
    said = done.out + done.err
    assert [words for words in RIGHTS if f"cannot {words}" in said] == ([missing] if missing else [])
    stopped = missing in BEFORE_THE_PATCH
    assert (done.status, context(place)) == ((2, None) if stopped else (0, HARDENED)), said
    assert len(jobs(place)) == (1 if stopped else 2)


def test_a_suspended_cron_job_is_not_waited_for_and_trigger_works(place: Shop) -> None:
    change(place, "cronjob/x", {"spec": {"suspend": True}})
    done = place.harden("cronjob/x", "--wait")
    assert (done.status, context(place)) == (2, None)
    assert "not patched (it is suspended, so that no next run comes; --trigger makes one now)" in done.out
    done = place.harden("cronjob/x", "--trigger", *SHORT)
    assert (done.status, context(place), len(jobs(place))) == (0, HARDENED, 1)


def test_a_cron_job_suspended_during_the_wait_proves_nothing(place: Shop) -> None:
    with meanwhile(lambda: change(place, "cronjob/x", {"spec": {"suspend": True}}), lambda: context(place)):
        done = place.harden("cronjob/x", "--wait", *LONG)
    assert (done.status, context(place)) == (0, HARDENED)
    assert "cronjob.batch/x patched (not proven: somebody suspended it before a run came)" in done.out


@pytest.mark.parametrize("policy", ["Forbid", "Replace"])
def test_beside_an_active_run_the_policy_lets_no_run_be_made_without_force(place: Shop, policy: str) -> None:
    change(place, "cronjob/x", {"spec": {"concurrencyPolicy": policy}})
    made(place)
    uid = jobs(place)["before"]["metadata"]["uid"]
    active = {"apiVersion": "batch/v1", "kind": "Job", "name": "before", "uid": uid}
    change(place, "cronjob/x status", {"status": {"active": [active]}})
    done = place.harden("cronjob/x", "--trigger")
    assert (done.status, context(place), [*jobs(place)]) == (2, None, ["before"])
    assert f"job.batch/before runs, and concurrencyPolicy {policy} allows no second run beside it" in done.out
    done = place.harden("cronjob/x", "--trigger", "--force", *SHORT)
    assert (done.status, context(place), len(jobs(place))) == (0, HARDENED, 2)


@pytest.mark.parametrize("mode", ["server", "client"])
def test_a_dry_run_makes_no_job_and_says_so(place: Shop, mode: str) -> None:
    done = place.harden("cronjob/x", "--trigger", f"--dry-run={mode}")
    assert (done.status, context(place), jobs(place)) == (0, None, {})
    words = "--trigger makes a Job of it now, which does its real work once more, but not with --dry-run"
    assert f"cronjob.batch/x: {words}\n" in done.out


def test_printing_the_patch_creates_no_job(place: Shop) -> None:
    done = place.harden("cronjob/x", "--trigger", "-o", "patch")
    assert (done.status, context(place), jobs(place)) == (0, None, {})


def test_the_plan_says_that_the_real_work_is_done_once_more(place: Shop) -> None:
    done = place.harden("cronjob", "--trigger", "--yes", *SHORT)
    assert (done.status, len(jobs(place))) == (0, 1)
    assert "cronjob.batch/x: --trigger makes a Job of it now, which does its real work once more\n" in done.out


def quota(place: Shop, **hard: str) -> None:
    """A quota that is in force."""
    obj = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q"}, "spec": {"hard": hard}}
    place.cluster.kubectl("create", "-n", place.namespace, "-f", "-", input=json.dumps(obj))
    path = f"/api/v1/namespaces/{place.namespace}/resourcequotas/q"
    eventually(lambda: place.cluster.api.get(path)["status"].get("hard"))


def test_a_job_that_a_quota_refuses_is_said_before_the_patch(place: Shop) -> None:
    quota(place, **{"count/jobs.batch": "0"})
    done = place.harden("cronjob/x", "--trigger")
    assert (done.status, context(place)) == (2, None)
    assert "not patched (its Job would be refused: jobs.batch " in done.out
    assert "exceeded quota" in done.out


def test_a_job_whose_pods_are_refused_is_taken_back(place: Shop) -> None:
    quota(place, pods="0")
    (item,) = place.harden("cronjob/x", "--trigger", *LONG, "-o", "json").items
    assert (item["result"], context(place)) == ("rolledBack", None)
    assert "exceeded quota" in item["message"]
    assert f"{item['run']} stays; to delete it: kubectl delete job {item['run']}" in item["message"]


def test_a_job_that_fails_is_taken_back_and_named(place: Shop) -> None:
    with meanwhile(lambda: end(place, "Failed", 3), lambda: place.list("pods")):
        done = place.harden("cronjob/x", "--trigger", *LONG)
    (name,) = jobs(place)
    assert (done.status, context(place)) == (2, None)
    assert f"rolled back (job.batch/{name} failed: BackoffLimitExceeded: " in done.out
    assert "container c exited with code 3; job.batch/" in done.out
    assert "cronjob.batch/x rolled back: the next run uses the template from before" in done.err


def test_a_job_that_completes_without_logs_proves_nothing(place: Shop) -> None:
    def succeed() -> None:
        bind(place)
        end(place, "Succeeded")

    with meanwhile(succeed, lambda: place.list("pods")):
        done = place.harden("cronjob/x", "--trigger", *LONG)
    (name,) = jobs(place)
    assert (done.status, context(place)) == (0, HARDENED)
    assert "cronjob.batch/x patched (not proven: logs were not read: " in done.out
    assert f"{name}-" in done.out


def test_a_job_that_is_deleted_before_its_end_proves_nothing(place: Shop) -> None:
    def delete() -> None:
        (name,) = jobs(place)
        place.cluster.kubectl("delete", "job", name, "-n", place.namespace, "--cascade=foreground", "--wait=false")

    with meanwhile(delete, lambda: place.list("pods")):
        done = place.harden("cronjob/x", "--trigger", *LONG)
    assert (done.status, context(place)) == (0, HARDENED)
    assert " was deleted before its end was seen)" in done.out


def test_the_failed_pod_of_a_deleted_job_counts(place: Shop, tmp_path: Path) -> None:
    change(place, "cronjob/x", {"spec": {"jobTemplate": {"spec": {"backoffLimit": 4}}}})

    def fail_and_delete(seen: Seen) -> Answer | None:
        """When the failed pod has been listed, its Job goes."""
        if seen.path.endswith("/pods") and state == ["failed"]:
            state.append("seen")
        elif seen.path.endswith("/jobs") and state[-1:] == ["seen"]:
            state.append("gone")
            place.cluster.kubectl("delete", "job", "--all", "-n", place.namespace, "--wait=true")
        return None

    def fail() -> None:
        end(place, "Failed", 3)
        state.append("failed")

    state: list[str] = []
    failing = meanwhile(fail, lambda: place.list("pods"))
    with between(place.cluster, tmp_path, before=fail_and_delete) as middleman, failing:
        done = place.harden("cronjob/x", "--trigger", *LONG, kubeconfig=str(middleman.kubeconfig))
    assert (done.status, context(place)) == (2, None), done.err
    assert "rolled back (container c exited with code 3; job.batch/x-caps-" in done.out
    assert "was deleted before its end was seen" in done.out


def test_the_plan_says_that_no_run_will_come_in_time_and_the_result_is_not_proven(place: Shop) -> None:
    done = place.harden("cronjob/x", "--wait", *SHORT)
    assert (done.status, context(place), jobs(place)) == (0, HARDENED, {})
    due = f'no run is due by its schedule "{NEVER}" (in UTC, because no timeZone is set) within the --timeout of 2 s'
    assert f"cronjob.batch/x: {due}; --trigger makes one now\n" in done.out
    assert "cronjob.batch/x patched (not proven: after 2 s: waits for its next run)" in done.out


def test_a_run_of_the_template_from_before_is_not_taken_for_the_next_one(place: Shop) -> None:
    body = place.get("cronjobs", "x")["spec"]["jobTemplate"]["spec"]["template"]

    def make() -> None:
        made(place, "late", template=body)

    with meanwhile(make, lambda: context(place)):
        (item,) = place.harden("cronjob/x", "--wait", "--timeout", "4s", "-o", "json").items
    assert [*jobs(place)] == ["late"]
    assert (item["result"], item["message"]) == ("notProven", "not proven: after 4 s: waits for its next run")
    assert "run" not in item


def test_the_first_run_with_the_change_counts_no_matter_who_makes_it(place: Shop) -> None:
    with meanwhile(lambda: made(place, "theirs"), lambda: context(place)):
        (item,) = place.harden("cronjob/x", "--wait", "--timeout", "4s", "-o", "json").items
    assert (item["run"], item["result"]) == ("theirs", "notProven")


def test_a_failure_after_a_change_by_somebody_else_is_not_rolled_back(place: Shop) -> None:
    pod = {"spec": {"containers": [{"name": "c", "image": "y", "securityContext": HARDENED}]}}

    def act() -> None:
        change(place, "cronjob/x", {"spec": {"jobTemplate": {"spec": {"template": pod}}}})
        end(place, "Failed", 3)

    with meanwhile(act, lambda: place.list("pods")):
        done = place.harden("cronjob/x", "--trigger", *LONG)
    assert (done.status, context(place)) == (2, HARDENED)
    assert "containers[0].image during the run" in done.out
    assert "nothing was rolled back" in done.out


def test_a_cron_job_whose_last_run_failed_is_refused_without_force(place: Shop) -> None:
    made(place, backoffLimit=0)
    end(place, "Failed", 3)
    eventually(lambda: jobs(place)["before"]["status"].get("conditions"))
    done = place.harden("cronjob/x", "--trigger")
    assert (done.status, context(place), [*jobs(place)]) == (2, None, ["before"])
    assert "its last run failed: job.batch/before: BackoffLimitExceeded: " in done.out
    assert place.harden("cronjob/x", "--trigger", "--force", *SHORT).status == 0


def test_a_job_is_watched_even_if_the_answer_to_its_creation_is_lost(place: Shop, tmp_path: Path) -> None:
    def cut(seen: Seen) -> Answer | None:
        return CUT if seen.method == "POST" and seen.path.endswith("/jobs") and "dryRun" not in str(seen) else None

    with between(place.cluster, tmp_path, after=cut) as middleman:
        done = place.harden("cronjob/x", "--trigger", *SHORT, "-o", "json", kubeconfig=str(middleman.kubeconfig))
    (item,), (name,) = done.items, jobs(place)
    assert (item["run"], item["result"]) == (name, "notProven")
    assert f"job.batch/{name} may have been made: " in done.err
    assert "pods 1 active" in item["message"]


def test_control_c_names_the_job_that_was_made(place: Shop) -> None:
    said = "cronjob.batch/x: job.batch/x-caps-"
    status, out, err = control_c(place, said, "cronjob/x", "-n", place.namespace, "--trigger")
    (name,) = jobs(place)
    assert (status, context(place)) == (130, HARDENED), err
    left = f"job.batch/{name} stays; to delete it: kubectl delete job {name} -n {place.namespace}"
    assert f"cronjob.batch/x patched (interrupted: it is patched, and is not watched; {left})" in out
    assert "cronjob.batch/x is patched; to undo it: kubectl patch cronjobs.batch x" in err


def test_control_c_in_a_run_without_changes_says_that_only_a_job_was_made(place: Shop) -> None:
    assert place.harden("cronjob/x", "--wait=false").status == 0
    said = "cronjob.batch/x: job.batch/x-caps-"
    status, out, _ = control_c(place, said, "cronjob/x", "-n", place.namespace, "--trigger")
    (name,) = jobs(place)
    assert status == 130
    assert f"cronjob.batch/x skipped (interrupted; job.batch/{name} stays; to delete it: " in out


def test_a_cron_job_that_is_deleted_while_a_run_is_watched_is_said_with_the_job(place: Shop) -> None:
    def delete() -> None:
        place.cluster.kubectl("delete", "cronjob", "x", "-n", place.namespace, "--wait=false")

    with meanwhile(delete, lambda: place.list("pods")):
        done = place.harden("cronjob/x", "--trigger", *LONG)
    assert done.status == 2
    why = 'Error from server (NotFound): cronjobs.batch "x" not found; job.batch/x-caps-'
    assert f"patched, but it cannot be watched any more: {why}" in done.out


def test_a_hardened_cron_job_is_run_if_it_is_named(place: Shop) -> None:
    assert place.harden("cronjob/x").status == 0
    done = place.harden("cronjob/x", "--trigger", *SHORT, "-o", "json")
    (item,) = done.items
    assert (done.status, item["result"], item["changes"], [*jobs(place)]) == (0, "unchanged", [], [item["run"]])
    assert item["message"].startswith("not proven: after 2 s: ")
    assert "to undo" not in done.err
    done = place.harden("cronjob", "--trigger", "--yes", *SHORT, "-o", "json")
    assert (done.items[0]["result"], len(jobs(place))) == ("unchanged", 1)


def test_without_a_flag_the_commands_that_watch_a_run_are_printed_except_with_wait_false(place: Shop) -> None:
    done = place.harden("cronjob/x", "--add", "CHOWN")
    command = f"harden cronjob.batch/x -n {place.namespace} --kubeconfig {place.cluster.kubeconfig} --add CHOWN"
    for words, flag in (("made now", "--trigger"), ("by its schedule", "--wait")):
        (line,) = [line for line in done.err.splitlines() if words in line]
        assert line.startswith("cronjob.batch/x: Next: to watch ")
        assert line.endswith(f"{command} {flag}")
    assert place.harden("cronjob/x", "--remove-adds", "--wait=false").err.count("Next: ") == 0


def test_inspect_says_that_the_last_run_is_not_known_where_jobs_may_not_be_listed(place: Shop, tmp_path: Path) -> None:
    config = user(place, tmp_path, ("batch", "cronjobs", "get"), ("", "pods", "list"), ("apps", "replicasets", "list"))
    done = place.cluster.caps("inspect", "cronjob/x", "-n", place.namespace, "--kubeconfig", config)
    assert done.returncode == 2
    why = "how its last run ended is not known: cannot list jobs.batch (forbidden)"
    assert done.stdout.splitlines()[-1].endswith(f"harden cronjob.batch/x -n {place.namespace} --dry-run=server: {why}")


def test_inspect_reports_an_active_run_and_runs_whose_jobs_are_gone(place: Shop) -> None:
    def advised() -> str:
        return place.cluster.caps("inspect", "cronjob/x", "-n", place.namespace).stdout.splitlines()[-1]

    change(place, "cronjob/x status", {"status": {"lastScheduleTime": "2026-01-01T00:00:00Z"}})
    assert advised().endswith(" --dry-run=server: no Job of this template is left, so no run shows what it needs")
    made(place)
    assert advised().endswith(" --dry-run=server: its run job.batch/before is not over yet")
