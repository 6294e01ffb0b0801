"""harden of CronJobs on a real node: runs by the schedule, and runs that are made now.

Every story has its own CronJobs; the stories run beside each other.
"""

import json
import shlex
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from cron_jobs import EACH_MINUTE, commands, cron_job
from test_harden_node import Place, pod
from testbed.cluster import Completed, Node

STRIPPED = "grep -q 'CapBnd:\t0000000000000000' /proc/self/status"
NEEDS_CHOWN = "touch /tmp/x && chown 1 /tmp/x"
UNNAMED = f"{STRIPPED} && echo 'the frobnicator was refused: Operation not permitted'; exit 0"
FIRST_TIME = "test -e /v/x || {{ touch /v/x; {}; exit 1; }}; sleep 10"
"""The second try goes on for a while: when it ends, the kubelet deletes the first one with its log."""
VOLUME = {"volumes": [{"name": "v", "emptyDir": {}}]}
LIMIT = ("--timeout", "100s")
TRY_NEXT, NEXT = "to try next: ", "Next: to watch a run that is made now: "

Item = dict[str, Any]


def harden(place: Place, name: str, *flags: str) -> Item:
    """Harden a CronJob; what its item says, the exit status, stderr, and its security context afterwards."""
    item = place.item(f"cronjob/{name}", *LIMIT, *flags)
    return {**item, "context": context(place, name)}


def context(place: Place, name: str) -> Any:
    """The security context of a CronJob's container."""
    template = place.get(f"cronjob/{name}")["spec"]["jobTemplate"]["spec"]["template"]
    return template["spec"]["containers"][0].get("securityContext")


def printed(place: Place, item: Item, behind: str) -> Item:
    """Run the one `harden` command that was printed behind some words."""
    (words,) = commands(item["stderr"], behind)
    done = place.node.caps(*words, *LIMIT, "-o", "json")
    assert done.stdout, done.stderr
    (found,) = json.loads(done.stdout)["items"]
    return {**found, "status": done.returncode, "stderr": done.stderr, "context": context(place, found["name"])}


def deleted(place: Place, item: Item) -> tuple[Any, str]:
    """The Job that a failure left, and what the printed command that deletes it says."""
    job = place.get(f"job/{item['run']}")
    command = item["message"].partition("; to delete it: ")[2].partition(";")[0]
    assert command.startswith(f"kubectl delete job {item['run']} "), item["message"]
    return job, place.node.kubectl(*shlex.split(command)[1:]).stdout


def triggered(place: Place) -> dict[str, Any]:
    """Too few adds, then the command that is printed, with a run made now."""
    failed = harden(place, "triggered", "--trigger")
    return {"failed": failed, "deleted": deleted(place, failed), "right": printed(place, failed, TRY_NEXT)}


def scheduled(place: Place) -> dict[str, Any]:
    """The same with the runs that come by the schedule."""
    failed = harden(place, "scheduled", "--wait")
    return {"failed": failed, "right": printed(place, failed, TRY_NEXT)}


def unwatched(place: Place) -> dict[str, Any]:
    """No flag; then the two commands that are printed, one after the other."""
    patched = harden(place, "unwatched")
    failed = printed(place, patched, NEXT)
    return {"patched": patched, "failed": failed, "right": printed(place, failed, TRY_NEXT)}


def baseline(place: Place) -> Item:
    """An earlier run complains in the same words."""
    place.node.kubectl("create", "job", "-n", place.name, "before", "--from=cronjob/baseline")
    place.node.kubectl("wait", "-n", place.name, "--for=condition=Complete", "job/before", "--timeout=60s")
    return harden(place, "baseline", "--trigger")


def inspected(place: Place) -> dict[str, Any]:
    """What inspect says of a CronJob before its first run, after one that went well, and after one that failed."""
    said = [advice(place, "inspected")]
    for name, script in (("good", ""), ("bad", "exit 3")):
        body = json.loads(
            place.node.kubectl(
                "create", "job", "-n", place.name, name, "--from=cronjob/inspected", "--dry-run=server", "-o", "json"
            ).stdout
        )
        body["metadata"] = {key: body["metadata"][key] for key in ("name", "ownerReferences", "annotations")}
        spec = place.get("cronjob/inspected")["spec"]["jobTemplate"]["spec"]
        body["spec"], body["status"] = spec, {}
        if script:
            spec["backoffLimit"] = 0
            spec["template"]["spec"]["containers"][0]["command"] = ["sh", "-c", script]
        place.apply(body)
        condition = "Failed" if script else "Complete"
        place.node.kubectl("wait", "-n", place.name, f"--for=condition={condition}", f"job/{name}", "--timeout=60s")
        said.append(advice(place, "inspected"))
    refused = place.harden("cronjob/inspected", "--trigger")
    (command,) = [line.partition("see why first: ")[2] for line in said[-1].splitlines() if "see why first: " in line]
    seen = place.node.kubectl(*shlex.split(command)[1:])
    (words,) = commands(said[1].replace(": runs it once", "\n"), "Next: ")
    return {"said": said, "refused": refused, "seen": seen, "followed": place.node.caps(*words, "--force", *LIMIT)}


def advice(place: Place, name: str) -> str:
    """The detailed view of a CronJob."""
    return place.node.caps("inspect", "-n", place.name, f"cronjob/{name}").stdout


def once(name: str, *flags: str) -> Callable[[Place], Item]:
    """One run, made now."""
    return lambda place: harden(place, name, "--trigger", *flags)


STORIES: dict[str, Callable[[Place], Any]] = {
    "scheduled": scheduled,  # takes longest
    "passes by its schedule": lambda place: harden(place, "passing", "--wait"),
    "triggered": triggered,
    "unwatched": unwatched,
    "inspected": inspected,
    "baseline": baseline,
    "exits 0": once("unnamed"),
    "accepted": once("accepted", "--accept-complaints"),
    "kept": once("kept", "--rollback=false"),
    "restart": once("restart"),
    "refused, then restarted": once("refused-restart"),
    "retry": once("retry"),
    "in vain": once("in-vain"),
    "gone with its pod": once("gone"),
    "deleted at once": once("ttl"),
    "deleted at once, refused": once("ttl-refused"),
    "too long": once("long", "--timeout", "6s"),
    "too long, and refused": once("long-refused", "--timeout", "8s"),
    "many pods": once("six"),
    "cannot start": once("non-root", "--profile", "restricted"),
}
"""What is done, by name."""


def cron_jobs(node: Node) -> Iterator[dict[str, Any]]:
    """All of them."""
    box = node.busybox

    def programmed(name: str, script: str, schedule: str = "0 0 1 1 *", **more: Any) -> dict[str, Any]:
        return cron_job(name, pod(box, script, **more.pop("pod", {})), schedule, **more)

    yield programmed("scheduled", NEEDS_CHOWN, EACH_MINUTE)
    yield programmed("passing", "echo done", EACH_MINUTE)
    for name in ("triggered", "unwatched", "kept"):
        yield programmed(name, NEEDS_CHOWN)
    yield programmed("inspected", "echo done")
    yield programmed("unnamed", UNNAMED)
    yield programmed("accepted", UNNAMED)
    yield programmed("baseline", "echo 'the frobnicator was refused: Operation not permitted'")
    retrying = {**VOLUME, "restartPolicy": "OnFailure"}
    for name, script in (("restart", "true"), ("refused-restart", UNNAMED.removesuffix("; exit 0"))):
        item = programmed(name, FIRST_TIME.format(script), pod=retrying)
        spec = item["spec"]["jobTemplate"]["spec"]["template"]["spec"]
        spec["containers"][0]["volumeMounts"] = [{"name": "v", "mountPath": "/v"}]
        yield item
    folder = {"path": str(node.place.folder / "retry"), "type": "DirectoryOrCreate"}
    shared = {"volumes": [{"name": "v", "hostPath": folder}]}
    item = programmed("retry", FIRST_TIME.format("true"), pod=shared)
    item["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]["volumeMounts"] = [
        {"name": "v", "mountPath": "/v"}
    ]
    yield item
    yield programmed("in-vain", f"{STRIPPED} && exit 7; exit 0", backoffLimit=0)
    yield programmed("gone", NEEDS_CHOWN, pod={"restartPolicy": "OnFailure"}, backoffLimit=0)
    yield programmed("ttl", "echo done", ttlSecondsAfterFinished=0)
    yield programmed("ttl-refused", UNNAMED, ttlSecondsAfterFinished=0)
    yield programmed("long", "exec sleep 2147483647")
    yield programmed("long-refused", f"{UNNAMED.removesuffix('exit 0')} exec sleep 2147483647")
    yield programmed("six", "echo done", completions=6, parallelism=6)
    yield programmed("non-root", "echo done")


Told = dict[str, Future[Any]]


@pytest.fixture(scope="module")
def told(node_cluster: Node) -> Iterator[Told]:
    """Every story, running; `result()` is what it came to."""
    place = Place(node_cluster)
    place.apply(*cron_jobs(node_cluster))
    with ThreadPoolExecutor(6) as pool:
        yield {name: pool.submit(story, place) for name, story in STORIES.items()}
    node_cluster.delete_namespace(place.name)


def is_rolled_back(item: Mapping[str, Any]) -> bool:
    """Whether a hardening failed and left nothing of itself in the CronJob."""
    return (item["status"], item["result"], item["context"]) == (2, "rolledBack", None)


def is_hardened(item: Mapping[str, Any], *adds: str) -> bool:
    """Whether a hardening succeeded, with these adds."""
    capabilities = {"drop": ["ALL"], **({"add": list(adds)} if adds else {})}
    return (item["status"], item["result"], item["context"]["capabilities"]) == (0, "patched", capabilities)


@pytest.mark.parametrize("story", ["triggered", "scheduled"])
def test_a_run_that_misses_chown_is_rolled_back_and_the_printed_command_passes(told: Told, story: str) -> None:
    failed, right = told[story].result()["failed"], told[story].result()["right"]
    assert is_rolled_back(failed), failed
    assert failed["message"].startswith("container c exited with code 1, and misses CHOWN"), failed["message"]
    assert [cause["capabilities"] for cause in failed["diagnosis"]] == [["CHOWN"]]
    assert failed["suggestion"]["add"] == {"c": ["CHOWN"]}
    assert is_hardened(right, "CHOWN"), right
    assert right["message"] == f"job.batch/{right['run']} completed"


def test_the_job_that_failed_is_left_and_the_printed_command_deletes_it(told: Told) -> None:
    story = told["triggered"].result()
    job, said = story["deleted"]
    assert job["metadata"]["annotations"]["cronjob.kubernetes.io/instantiate"] == "manual"
    assert story["failed"]["run"].startswith("triggered-caps-")
    assert said.startswith(f'job.batch "{story["failed"]["run"]}" deleted')


def test_a_run_by_the_schedule_that_completes_proves_it(told: Told) -> None:
    item = told["passes by its schedule"].result()
    assert is_hardened(item), item
    assert item["run"].removeprefix("passing-").isdigit()


def test_an_unwatched_cron_job_gets_the_command_that_watches_a_run(told: Told) -> None:
    story = told["unwatched"].result()
    assert story["patched"]["message"] == "not proven: the next run uses it"
    assert (story["failed"]["status"], story["failed"]["result"]) == (2, "failed"), story["failed"]
    assert story["failed"]["changes"] == []
    assert story["failed"]["context"]["capabilities"] == {"drop": ["ALL"]}
    assert story["failed"]["message"].startswith("container c exited with code 1, and misses CHOWN")
    assert is_hardened(story["right"], "CHOWN"), story["right"]


def test_a_refusal_counts_although_the_program_exits_0(told: Told) -> None:
    item = told["exits 0"].result()
    assert is_rolled_back(item), item
    line = "the frobnicator was refused: Operation not permitted"
    assert item["message"].startswith(f"container c ends well, but complains, unlike earlier runs: {line}")


def test_an_accepted_refusal_is_printed_and_passes(told: Told) -> None:
    item = told["accepted"].result()
    assert is_hardened(item), item
    assert "accepted: container c complains: the frobnicator was refused" in item["message"]


def test_a_complaint_that_an_earlier_run_logs_as_well_is_no_failure(told: Told) -> None:
    assert is_hardened(told["baseline"].result()), told["baseline"].result()


def test_without_rollback_the_change_stays_and_the_job_is_named(told: Told) -> None:
    item = told["kept"].result()
    assert (item["status"], item["result"], item["context"]["capabilities"]) == (2, "failed", {"drop": ["ALL"]})
    assert f"job.batch/{item['run']} stays; to delete it: kubectl delete job " in item["message"]


@pytest.mark.parametrize("story", ["restart", "retry"])
def test_a_retry_that_succeeds_without_a_refusal_is_a_success(told: Told, story: str) -> None:
    assert is_hardened(told[story].result()), told[story].result()


def test_a_refusal_before_a_restart_ends_the_run_at_once(told: Told) -> None:
    item = told["refused, then restarted"].result()
    assert is_rolled_back(item), item
    assert "complains, unlike earlier runs: the frobnicator was refused" in item["message"]


def test_a_job_that_fails_without_a_log_is_rolled_back(told: Told) -> None:
    item = told["in vain"].result()
    assert is_rolled_back(item), item
    assert f"job.batch/{item['run']} failed: BackoffLimitExceeded" in item["message"]
    assert "container c exited with code 7" in item["message"]
    assert "the refused operation is not known; to find it" in item["stderr"]


def test_a_job_whose_pod_is_deleted_when_it_fails_is_rolled_back(told: Told) -> None:
    assert is_rolled_back(told["gone with its pod"].result()), told["gone with its pod"].result()


def test_a_job_that_is_deleted_when_it_ends_is_never_taken_for_proven_by_its_absence(told: Told) -> None:
    item, refused = told["deleted at once"].result(), told["deleted at once, refused"].result()
    assert item["result"] in ("patched", "notProven"), item
    assert (item["result"] == "patched") == item["message"].endswith(" completed")
    assert refused["result"] in ("rolledBack", "notProven"), refused


def test_a_run_that_takes_longer_than_the_timeout_is_not_proven(told: Told) -> None:
    item = told["too long"].result()
    assert (item["status"], item["result"]) == (0, "notProven"), item
    assert item["message"] == f"not proven: after 6 s: job.batch/{item['run']} runs: pods 1 active"


def test_a_run_that_takes_too_long_has_failed_if_it_logged_a_refusal(told: Told) -> None:
    item = told["too long, and refused"].result()
    assert is_rolled_back(item), item
    assert item["message"].startswith("container c stays up, but complains, unlike earlier runs: the frob")


def test_the_number_of_logs_that_were_read_is_printed_for_many_pods(told: Told) -> None:
    item = told["many pods"].result()
    assert is_hardened(item), item
    assert item["message"] == f"job.batch/{item['run']} completed; the logs of 5 of its 6 pods were read"


def test_a_container_that_cannot_start_fails_the_run_before_all_retries(told: Told) -> None:
    item = told["cannot start"].result()
    assert is_rolled_back(item), item
    assert "CreateContainerConfigError: container has runAsNonRoot" in item["message"]


def test_inspect_prints_the_end_of_the_last_run_and_the_next_command(told: Told) -> None:
    story = told["inspected"].result()
    never, good, bad = (said.splitlines()[-1] for said in story["said"])
    assert never.endswith("--dry-run=server: it has not run yet, so no run shows what it needs")
    assert good.endswith("--trigger: runs it once more now; its last run, job.batch/good, succeeded")
    assert bad.startswith("Next: its last run failed, job.batch/bad: BackoffLimitExceeded: ")
    assert "job-name=bad" in story["seen"].stdout


def test_trigger_refuses_a_cron_job_whose_last_run_failed_without_force(told: Told) -> None:
    refused: Completed = told["inspected"].result()["refused"]
    assert refused.returncode == 2
    assert "not patched (it is not healthy as it is: its last run failed: job.batch/bad: BackoffLimit" in refused.stdout
    followed: Completed = told["inspected"].result()["followed"]
    assert followed.returncode == 0, followed.stderr
    assert "cronjob.batch/inspected patched (job.batch/inspected-caps-" in followed.stdout
