"""harden on a real node: what clients see of a hardening that fails, and what the logs of pods that stay up say.

Every story has its own workloads; the stories run beside each other.
"""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from test_harden_node import FOUR, Caller, Place, Story, pod, workload
from testbed.cluster import Node

ROOT = Path(__file__).parents[2]
STRIPPED = "grep -q 'CapBnd:\t0000000000000000' /proc/self/status"
SLEEP = "exec sleep 2147483647"
UNNAMED = f"{STRIPPED} && echo 'the frobnicator was refused: Operation not permitted'; {SLEEP}"
GERMAN = f"{STRIPPED} && echo 'Fehler: Die Operation ist nicht erlaubt'; {SLEEP}"
AS_JSON = f"""{STRIPPED} && echo '{{"level":"error","error":"frobnicate: permission denied"}}'; {SLEEP}"""
CHILD = f"{STRIPPED} && echo 'INFO gave up: app entered FATAL state, too many start retries'; {SLEEP}"
LATER = f"sleep 1; {UNNAMED}"
BOTH = "while true; do echo 'poll failed: Permission denied'; sleep 0.5; done"
NOT_READY = f"{STRIPPED} || touch /tmp/ready; {SLEEP}"
CERTAIN = f"{STRIPPED} && echo 'frob: CAP_CHOWN is missing: Operation not permitted'; {SLEEP}"
SETTLE = ("--settle", "4s", "--timeout", "120s")
LONG_SETTLE = ("--settle", "10s", "--timeout", "240s")
"""For nginx: a new pod that crashes later than it settles has taken the place of an old one already."""


def harden(place: Place, target: str, *flags: str) -> dict[str, Any]:
    """Harden one object with a settle time that a slow machine can keep."""
    return place.item(target, *SETTLE, *flags)


def min_ready(place: Place, target: str) -> int | None:
    """The `minReadySeconds` of a workload, None where there is none."""
    value = place.get(target)["spec"].get("minReadySeconds")
    return None if value is None else int(value)


class Monitor(Caller):
    """Asks every ready pod of a workload ten times a second.

    `fewest` is how many pods answered when the fewest did. `rounds` counts the times, `misdirected` the ready pods that
    did not answer: a Service without a readiness probe sends them requests too, until the kubelet has seen the crash.
    """

    def __init__(self, place: Place, app: str) -> None:
        super().__init__(place, app)
        self.fewest, self.rounds, self.misdirected = 1 << 30, 0, 0

    def ask(self) -> bool:
        """Whether any pod answers; counts those that do, and those that are ready and do not."""
        answers = [answer == b"hello\n" for answer in self.each()]
        self.fewest, self.rounds = min(self.fewest, sum(answers)), self.rounds + 1
        self.misdirected += len(answers) - sum(answers)
        return any(answers)


def asked(place: Place, app: str, *flags: str) -> dict[str, Any]:
    """Harden a Deployment with nginx while all its ready pods are asked, then look at what is left."""
    with Monitor(place, app) as monitor:
        item = harden(place, f"deploy/{app}", *LONG_SETTLE, *flags)
    return {"item": item, "monitor": monitor, "minReadySeconds": min_ready(place, f"deploy/{app}")}


def twice(place: Place, app: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Harden a Deployment with nginx with too few adds, then with the right ones."""
    return asked(place, app), asked(place, app, "-c", "c", "--add", ",".join(FOUR))


def killed(place: Place, target: str = "deployment.apps/killed") -> dict[str, Any]:
    """kill -9 in the middle of the watch; then the saved undo."""
    file = place.node.place.folder / f"undo-watch-{place.name}-{target.partition('/')[2]}"
    argv = ["harden", "-n", place.name, target, "--undo-to", str(file)]
    env = {"PATH": "/usr/bin:/bin", "KUBECONFIG": str(place.node.kubeconfig)}
    command = [sys.executable, "-m", "kubectl_caps", *argv]
    with subprocess.Popen(command, env=env, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
        assert run.stderr
        for line in run.stderr:
            if line.startswith(f"{target}: the change is made"):
                break
        run.send_signal(signal.SIGKILL)
    half = min_ready(place, target), place.context(target)
    undone = place.node.caps("harden", "--undo", str(file), "--yes", *SETTLE)
    after = min_ready(place, target), place.context(target)
    return {"half": half, "undone": undone, "after": after}


def unmounted(place: Place) -> dict[str, Any]:
    """A secret is deleted after the pods have mounted it, so that new pods cannot start whatever their rights are."""
    place.node.kubectl("delete", "secret", "tls", "-n", place.name)
    return harden(place, "deploy/unmounted")


STORIES: dict[str, Story] = {
    "unmounted": unmounted,  # takes longest
    **{app: partial(twice, app=app) for app in ("one", "three", "probed")},
    "killed": killed,
    "unnamed": lambda place: harden(place, "deploy/unnamed"),
    "accepted": lambda place: harden(place, "deploy/accepted", "--accept-complaints"),
    "german": lambda place: harden(place, "deploy/german"),
    "json": lambda place: harden(place, "deploy/json"),
    "child": lambda place: harden(place, "deploy/child"),
    "later": lambda place: harden(place, "deploy/later"),
    "both": lambda place: harden(place, "deploy/both"),
    "certain": lambda place: harden(place, "deploy/certain", "--settle", "60s"),
    "not ready": lambda place: harden(place, "deploy/not-ready"),
    "set": lambda place: (harden(place, "sts/set", "--dry-run=client"), harden(place, "ds/daemon", "--dry-run=client")),
    "low": lambda place: (harden(place, "deploy/low"), min_ready(place, "deploy/low")),
}
"""What is done, by name."""

SCRIPTS = {
    "unnamed": UNNAMED, "accepted": UNNAMED, "german": GERMAN, "json": AS_JSON, "child": CHILD, "later": LATER,
    "both": BOTH, "certain": CERTAIN, "killed": SLEEP,
}  # fmt: skip


def workloads(node: Node) -> Iterator[dict[str, Any]]:
    """All of them. What is called after a program runs it."""
    nginx, box = node.real("nginx"), node.busybox
    yield workload("one", pod(nginx), replicas=1)
    yield workload("three", pod(nginx), replicas=3)
    yield workload("probed", pod(nginx, probe={"httpGet": {"port": 80}}), replicas=2)
    for name, script in SCRIPTS.items():
        yield workload(name, pod(box, script))
    yield workload("low", pod(box, SLEEP), minReadySeconds=1)
    probe = {"exec": {"command": ["sh", "-c", "test -e /tmp/ready"]}}
    yield workload("not-ready", pod(box, NOT_READY, probe=probe))
    yield workload("set", pod(box, SLEEP), "StatefulSet")
    yield workload("daemon", pod(box, SLEEP), "DaemonSet")
    mounting = pod(box, SLEEP, volumes=[{"name": "v", "secret": {"secretName": "tls"}}])
    mounting["containers"][0]["volumeMounts"] = [{"name": "v", "mountPath": "/v"}]
    yield workload("unmounted", mounting)


Told = dict[str, Future[Any]]


@pytest.fixture(scope="module")
def told(node_cluster: Node) -> Iterator[Told]:
    """Every story, running; `result()` is what it came to."""
    place = Place(node_cluster)
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "tls"}}
    objects = list(workloads(node_cluster))
    place.apply(secret, *objects)
    place.await_ready(*(f"{item['kind'].lower()}/{item['metadata']['name']}" for item in objects))
    with ThreadPoolExecutor(5) as pool:
        yield {name: pool.submit(story, place) for name, story in STORIES.items()}
    node_cluster.delete_namespace(place.name)


@pytest.mark.parametrize(("app", "replicas"), [("one", 1), ("three", 3), ("probed", 2)])
def test_never_fewer_pods_of_nginx_answer_than_before_whether_the_adds_are_too_few_or_right(
    told: Told, app: str, replicas: int
) -> None:
    failed, right = told[app].result()
    assert (failed["item"]["result"], right["item"]["result"]) == ("rolledBack", "patched"), (failed, right)
    assert (failed["monitor"].fewest, right["monitor"].fewest) == (replicas, replicas)
    assert min(failed["monitor"].rounds, right["monitor"].rounds) > 5
    assert (failed["minReadySeconds"], right["minReadySeconds"]) == (None, None)


def test_min_ready_seconds_goes_back_to_the_value_that_was_declared(told: Told) -> None:
    item, after = told["low"].result()
    assert (item["result"], after) == ("patched", 1)
    assert any("minReadySeconds is 4 instead of 1" in note["message"] for note in item["notes"])


def test_a_killed_run_is_undone_with_min_ready_seconds(told: Told) -> None:
    story = told["killed"].result()
    assert story["half"][0] == 10
    assert story["half"][1]["capabilities"] == {"drop": ["ALL"]}
    assert story["undone"].returncode == 0, story["undone"].stderr
    assert story["after"] == (None, None)


@pytest.mark.parametrize(
    ("story", "line"),
    [
        ("unnamed", "the frobnicator was refused: Operation not permitted"),
        ("later", "the frobnicator was refused: Operation not permitted"),
        ("german", "Fehler: Die Operation ist nicht erlaubt"),
        ("json", '{"level":"error","error":"frobnicate: permission denied"}'),
        ("child", "INFO gave up: app entered FATAL state, too many start retries"),
    ],
)
def test_a_refusal_that_only_new_pods_log_fails_the_rollout_without_a_crash(
    told: Told, story: str, line: str
) -> None:
    item = told[story].result()
    assert (item["status"], item["result"]) == (2, "rolledBack"), item["message"]
    assert item["message"].startswith(f"container c stays up, but complains, unlike the old pods: {line}")


def test_an_accepted_complaint_is_printed_and_passes(told: Told) -> None:
    item = told["accepted"].result()
    assert (item["status"], item["result"]) == (0, "patched")
    assert item["message"] == "accepted: container c complains: the frobnicator was refused: Operation not permitted"


def test_a_complaint_that_the_old_pods_log_as_well_is_no_failure(told: Told) -> None:
    item = told["both"].result()
    assert (item["status"], item["result"]) == (0, "patched"), item["message"]


def test_a_line_beyond_doubt_ends_the_rollout_at_once(told: Told) -> None:
    item = told["certain"].result()
    assert (item["result"], item["message"]) == ("rolledBack", "container c misses CHOWN")


def test_a_probe_that_keeps_failing_is_judged_before_the_timeout(told: Told) -> None:
    item = told["not ready"].result()
    assert item["result"] == "rolledBack"
    assert "container c is not ready after 2" in item["message"]
    assert "Readiness probe failed" in item["message"]


def test_a_volume_that_cannot_be_mounted_is_said_after_a_minute(told: Told) -> None:
    item = told["unmounted"].result()
    assert item["result"] == "rolledBack"
    assert 'FailedMount: MountVolume.SetUp failed for volume "v"' in item["message"]
    assert "timed out" not in item["message"]


def test_the_plan_names_the_pods_that_do_not_serve_in_any_case(told: Told) -> None:
    notes: list[Mapping[str, Any]] = [note for item in told["set"].result() for note in item["notes"]]
    text = json.dumps(notes)
    assert "one replica of a StatefulSet: " in text
    assert "a DaemonSet replaces pods in place: " in text
