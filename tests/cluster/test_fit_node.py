"""fit on a real node: programs that nobody here knows anything of, and what trials leave behind.

Every story has its own workloads; the stories run beside each other.
"""

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from brute_force import BruteForce, each_left_out, subsets
from test_harden_node import PING, REDIS, Place, pod, workload
from testbed import programs
from testbed.cluster import Node
from testbed.images import Image

ROOT = Path(__file__).parents[2]
FLAGS = ("--settle", "6s", "--timeout", "120s", "--yes")
SLEEP = "exec sleep 2147483647"
THREE = f"touch /tmp/x && chown 5 /tmp/x && mknod /tmp/n c 1 3 && chroot / true && {SLEEP}"
SILENT = f"chroot / true 2>/dev/null || exit 1; mknod /tmp/n c 1 3 2>/dev/null || exit 1; {SLEEP}"
SWALLOWS = (
    "mkdir /www; touch /tmp/x; if chown 5 /tmp/x 2>/dev/null; then echo right; else echo wrong; fi > /www/index.html; "
    "exec httpd -f -p 8080 -h /www"
)
ASKS = "wget -qO- http://127.0.0.1:8080/index.html | grep -q right"
REQUEST = (
    "while [ ! -e /tmp/ask ]; do sleep 0.1; done; mknod /tmp/n c 1 3 2>/dev/null || exit 1; touch /tmp/answer; " + SLEEP
)
REQUESTS = "touch /tmp/ask; sleep 1; test -e /tmp/answer"
OWNS = "touch /tmp/x && chown 5 /tmp/x"
DEFAULTS = (
    "CHOWN", "DAC_OVERRIDE", "FSETID", "FOWNER", "MKNOD", "NET_RAW", "SETGID", "SETUID", "SETFCAP", "SETPCAP",
    "NET_BIND_SERVICE", "SYS_CHROOT", "KILL", "AUDIT_WRITE",
)  # fmt: skip
"""What containerd gives a container that asks for nothing."""
FOUR = ("CHOWN", "KILL", "MKNOD", "SYS_CHROOT")
"""All that the brute-forced container holds."""
ENTRY = f"if [ $(id -u) != 0 ]; then mkdir -p /data && cd /data && exec redis-server --port 6400; fi; {REDIS}"
"""As docker-library's redis begins: the part of root is skipped by other users."""
KEYRING = "perl -e 'exit(syscall(250, 0, -3, 0) < 0)'"
"""keyctl(2), which containerd's profile forbids whatever the container holds."""
PRIVILEGED = {
    "mounts": f"mount -t tmpfs none /root 2>/dev/null || exit 1; {SLEEP}",
    "seccomp": f"{KEYRING} || exit 1; touch /tmp/x; chown 5 /tmp/x || exit 1; {SLEEP}",
    "device": f"exec 3< /dev/loop-control || exit 1; {SLEEP}",
    "sysctl": f"cat /proc/sys/net/ipv4/ip_forward > /proc/sys/net/ipv4/ip_forward || exit 1; {SLEEP}",
    "quiet-device": f"test -e /dev/loop-control || exit 1; {SLEEP}",
}
"""Programs of privileged containers; that of `seccomp` has a profile, which the runtime passes over for these."""
LIES = f"chroot / true 2>/dev/null || {{ echo 'chown: /x: Operation not permitted'; exit 1; }}; {SLEEP}"


class Fits(Place):
    """A namespace with workloads that are fitted."""

    def fit(self, *args: str, flags: tuple[str, ...] = FLAGS) -> dict[str, Any]:
        """Fit one object; what the JSON, which is valid, says of it, with the exit status and stderr beside it."""
        began = time.monotonic()
        done = self.node.caps("fit", "-n", self.name, *flags, *args, "-o", "json")
        assert done.stdout, done.stderr
        document = json.loads(done.stdout)
        jsonschema.validate(document, json.loads((ROOT / "docs/fit.schema.json").read_text()))
        found = document["items"][0] if document["items"] else {"errors": document["errors"]}
        return {**found, "status": done.returncode, "stderr": done.stderr, "took": time.monotonic() - began}

    def trials(self) -> list[str]:
        """The names of all Jobs and pods of trials that there are."""
        items = [*self.get("jobs")["items"], *self.get("pods")["items"]]
        return [item["metadata"]["name"] for item in items if "-caps-fit-" in item["metadata"]["name"]]


Story = Callable[[Fits], Any]


def killed(place: Fits, number: int) -> dict[str, Any]:
    """End a run in the middle of its trials; what it left at once, and what is left after the deadline."""
    target = f"sleeps-{'term' if number == signal.SIGTERM else 'kill'}"
    argv = ["fit", "-n", place.name, f"deploy/{target}", "--yes", "--settle", "8s", "--timeout", "15s"]
    env = {"PATH": "/usr/bin:/bin", "KUBECONFIG": str(place.node.kubeconfig)}
    command = [sys.executable, "-m", "kubectl_caps", *argv]
    with subprocess.Popen(command, env=env, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
        mine: list[str] = []
        while len(mine) < 4 and run.poll() is None:
            time.sleep(0.2)
            mine = [name for name in place.trials() if name.startswith(target)]
        run.send_signal(number)
        run.communicate()
    at_once = [name for name in place.trials() if name.startswith(target)]
    deadline, left = time.monotonic() + 120, at_once
    while left and time.monotonic() < deadline:
        time.sleep(1)
        left = [name for name in place.trials() if name.startswith(target)]
    return {"status": run.returncode, "before": mine, "at once": at_once, "left": left}


def sets_of(item: Mapping[str, Any]) -> dict[str, frozenset[str]]:
    """The answer of a fit."""
    return {container: frozenset(names) for container, names in item["needed"].items()}


def minimal(place: Fits, name: str, *flags: str, probe: str = "") -> dict[str, Any]:
    """Fit a workload; then whether the answer works, and each set with one member less, by pods of its template."""
    item = place.fit(f"deploy/{name}", *flags, *(("--probe", probe) if probe else ()))
    brute = BruteForce(place, name, place.get(f"deploy/{name}")["spec"]["template"]["spec"])
    needed = sets_of(item)

    def asked(pod: str) -> bool:
        return place.node.kubectl("exec", "-n", place.name, pod, "--", "sh", "-c", probe, check=False).returncode == 0

    works, *without = brute.tried([needed, *each_left_out(needed)], asked if probe else lambda _: True)
    return {**item, "works": works, "without": without}


def all_subsets(
    place: Fits, name: str, spec: Mapping[str, Any], held: Sequence[str], size: int, *, ends: bool
) -> list[list[str]]:
    """The sets of at most so many members that work, and of which no part works."""
    sets = subsets(held, size)
    done = BruteForce(place, f"{name}-all", spec, ends=ends).tried(sets)
    works = [one["c"] for one, passed in zip(sets, done, strict=True) if passed]
    return [sorted(one) for one in works if not any(other < one for other in works)]


def of_one(place: Fits, name: str) -> list[list[str]]:
    """All sets of at most one member of what containerd gives, for a program that needs one capability."""
    return all_subsets(place, name, place.get(f"deploy/{name}")["spec"]["template"]["spec"], DEFAULTS, 1, ends=False)


def small(name: str, names: frozenset[str]) -> dict[str, Any]:
    """A pod that ends well with KILL, or with both MKNOD and CHOWN."""
    script = (
        "touch /tmp/x; chown 5 /tmp/x 2>/dev/null && mknod /tmp/n c 1 3 2>/dev/null && exit 0; "
        "grep -q 'CapBnd:.*[2367abef].$' /proc/self/status || exit 1; exit 0"
    )
    spec = pod(Node.busybox, script, restartPolicy="Never")
    spec["containers"][0]["securityContext"] = {"capabilities": {"drop": ["ALL"], "add": sorted(names)}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


def applied(place: Fits) -> dict[str, Any]:
    """`fit --apply` in table form, and the workload afterwards."""
    done = place.node.caps("fit", "-n", place.name, "deploy/applied", *FLAGS, "--apply")
    return {"done": done, "context": place.context("deploy/applied")}


def restricted(place: Fits, app: str) -> dict[str, Any]:
    """`--profile restricted`; then the patched workload in a namespace that enforces the level."""
    item = place.fit(f"deploy/{app}", "--profile", "restricted")
    strict = place.node.make_namespace({"pod-security.kubernetes.io/enforce": "restricted"})
    made = place.get(f"deploy/{app}")
    fresh = {**made, "metadata": {"name": app}, "status": {}}
    place.node.kubectl("apply", "-n", strict, "-f", "-", input=json.dumps(fresh))
    patch = json.dumps((item["restricted"] or {}).get("patch"))
    place.node.kubectl("patch", "deploy", app, "-n", strict, "--type=strategic", "-p", patch)
    done = place.node.kubectl("rollout", "status", "-n", strict, f"deploy/{app}", "--timeout=60s", check=False)
    pods = json.loads(place.node.kubectl("get", "pods", "-n", strict, "-o", "json").stdout)["items"]
    place.node.delete_namespace(strict)
    ready = [all(one["ready"] for one in item["status"].get("containerStatuses", ())) for item in pods]
    return {"item": item, "status": done.returncode, "ready": ready}


def of_file(place: Fits) -> tuple[dict[str, Any], dict[str, Any]]:
    """A manifest that is not deployed: with a config map that is missing, then with the config map."""
    file = place.node.place.folder / f"{place.name}.json"
    spec = pod(place.node.busybox, f"{OWNS} && {SLEEP}", volumes=[{"name": "v", "configMap": {"name": "settings"}}])
    file.write_text(json.dumps(workload("filed", spec)))
    missing = place.fit("-f", str(file))
    place.node.kubectl("create", "configmap", "settings", "-n", place.name)
    return missing, place.fit("-f", str(file))


STORIES: dict[str, Story] = {
    "kill": partial(killed, number=signal.SIGKILL),  # takes longest
    **{name: partial(lambda name, place: minimal(place, name), name) for name in (
        "nginx", "redis", "chrony", "ping", "three", "silent", "several", "lies", "mounts",
    )},
    **{name: partial(lambda name, place: place.fit(f"deploy/{name}"), name) for name in (
        "known", "missing", "wrong", "seccomp", "device", "sysctl", "quiet-device",
    )},
    "all ping": partial(of_one, name="ping"),
    "all lies": partial(of_one, name="lies"),
    "all small": lambda place: all_subsets(place, "small", small("x", frozenset())["spec"], FOUR, 4, ends=True),
    "all ends": lambda place: all_subsets(place, "ends", pod(place.node.busybox, OWNS), DEFAULTS, 1, ends=True),
    "swallows": lambda place: (place.fit("deploy/swallows"), minimal(place, "swallows", probe=ASKS)),
    "request": lambda place: (place.fit("deploy/request"), minimal(place, "request", probe=REQUESTS)),
    "ends": lambda place: place.fit("cronjob/ends"),
    "small": lambda place: place.fit("pod/small"),
    "applied": applied,
    "restricted nginx": partial(restricted, app="nginx"),
    "restricted redis": partial(restricted, app="entry"),
    "root": lambda place: place.fit("deploy/swallows", "--profile", "restricted"),
    "file": of_file,
    "term": partial(killed, number=signal.SIGTERM),
}  # fmt: skip
"""What is done, by name."""


def workloads(node: Node) -> Iterator[dict[str, Any]]:
    """All of them."""
    box = node.busybox
    unknown = node.image("docker.io/local/web:1", programs.REAL["nginx"])  # nobody knows an image by this name
    yield workload("nginx", pod(unknown))
    yield workload("known", pod(node.real("nginx")))
    yield workload("redis", pod(node.real("redis-dropping"), REDIS))
    chrony = pod(node.real("chrony"))  # no default set has SYS_TIME, so whoever runs chronyd adds it
    chrony["containers"][0]["securityContext"] = {"capabilities": {"add": ["SYS_TIME"]}}
    yield workload("entry", pod(node.real("redis-dropping"), ENTRY))
    yield workload("chrony", chrony)
    yield workload("ping", pod(node.real("ping"), PING))
    scripts = {
        "three": THREE, "silent": SILENT, "swallows": SWALLOWS, "request": REQUEST, "lies": LIES,
        "sleeps-term": SLEEP, "sleeps-kill": SLEEP, "applied": f"{OWNS} && {SLEEP}",
    }  # fmt: skip
    for name, script in scripts.items():
        yield workload(name, pod(box, script))
    several = pod(box, f"chroot / true && mknod /tmp/n c 1 3 && {SLEEP}")
    init, sidecar = pod(box, OWNS)["containers"][0], pod(box, PING)["containers"][0]
    several["initContainers"] = [{**init, "name": "init"}, {**sidecar, "name": "side", "restartPolicy": "Always"}]
    yield workload("several", several)
    missing = pod(box, SLEEP)
    missing["containers"][0]["envFrom"] = [{"configMapRef": {"name": "nowhere"}}]
    yield workload("missing", missing)
    wrong = pod(box)
    wrong["containers"][0]["command"] = ["no-such-program"]
    yield workload("wrong", wrong)
    perl = node.image("docker.io/local/perl:1", Image(programs=("/usr/bin/perl",)))
    for name, script in PRIVILEGED.items():
        spec = pod(perl, script)
        profile = {"seccompProfile": {"type": "RuntimeDefault"}} if name == "seccomp" else {}
        spec["containers"][0]["securityContext"] = {"privileged": True, **profile}
        yield workload(name, spec)
    template = {"spec": pod(box, OWNS, restartPolicy="Never")}
    job = {"spec": {"template": template}}
    spec = {"schedule": "0 0 1 1 *", "jobTemplate": job}
    yield {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "ends"}, "spec": spec}
    yield small("small", frozenset(FOUR))
    yield {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "nginx"},
        "spec": {"selector": {"app": "nginx"}, "ports": [{"port": 80}]},
    }


class Endpoints:
    """The names of all pods that were ever an endpoint in a namespace."""

    def __init__(self, place: Place) -> None:
        self.place, self.names, self.looks = place, set[str](), 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()

    def _look(self) -> None:
        path = f"/apis/discovery.k8s.io/v1/namespaces/{self.place.name}/endpointslices"
        while not self._stop.wait(0.2):
            for item in (self.place.node.api.get(path) or {"items": []})["items"]:
                self.names |= {one.get("targetRef", {}).get("name", "") for one in item["endpoints"] or ()}
            self.looks += 1

    def stop(self) -> None:
        """End the looking."""
        self._stop.set()
        self._thread.join()


Told = Mapping[str, Future[Any]]


@pytest.fixture(scope="module")
def place(node_cluster: Node) -> Iterator[Fits]:
    """The namespace with all workloads."""
    place = Fits(node_cluster)
    place.apply(*workloads(node_cluster))
    place.await_ready("deploy/nginx", "deploy/redis", "deploy/applied")
    yield place
    node_cluster.delete_namespace(place.name)


@pytest.fixture(scope="module")
def before(place: Fits) -> dict[str, Any]:
    """The Deployment and its pods before anything was tried."""
    return state_of(place)


@pytest.fixture(scope="module")
def endpoints(place: Fits) -> Iterator[Endpoints]:
    """Who is an endpoint from now on."""
    found = Endpoints(place)
    yield found
    found.stop()


@pytest.fixture(scope="module")
def told(place: Fits, before: dict[str, Any], endpoints: Endpoints) -> Iterator[Told]:
    """Every story, running; `result()` is what it came to."""
    with ThreadPoolExecutor(5) as pool:
        yield {name: pool.submit(story, place) for name, story in STORIES.items()}


def state_of(place: Place) -> dict[str, Any]:
    """What a fit must not change."""
    deployment = place.get("deploy/nginx")
    pods = sorted(item["metadata"]["uid"] for item in place.pods("nginx"))
    return {"generation": deployment["metadata"]["generation"], "spec": deployment["spec"], "pods": pods}


NEEDED: dict[str, dict[str, list[str]]] = {
    "nginx": {"c": ["CHOWN", "SETGID", "SETUID"]},
    "redis": {"c": ["CHOWN", "SETGID", "SETUID"]},
    "chrony": {"c": ["SETGID", "SETUID", "SYS_TIME"]},
    "ping": {"c": ["NET_RAW"]},
    "three": {"c": ["CHOWN", "SYS_CHROOT", "MKNOD"]},
    "silent": {"c": ["SYS_CHROOT", "MKNOD"]},
    "several": {"init": ["CHOWN"], "side": ["NET_RAW"], "c": ["SYS_CHROOT", "MKNOD"]},
    "lies": {"c": ["SYS_CHROOT"]},
    "mounts": {"c": ["SYS_ADMIN"]},
    "known": {"c": ["CHOWN", "SETGID", "SETUID"]},
    "seccomp": {"c": ["CHOWN"]},
}

UNTRIED = ("known", "seccomp")
"""The same program as nginx; and one that needs more than capabilities, which the pods of brute force do not give."""


@pytest.mark.parametrize("story", NEEDED)
def test_an_unknown_program_gets_an_answer(told: Told, story: str) -> None:
    item = told[story].result()
    assert (item["status"], item["result"]) == (0, "found"), (item["message"], item["trials"])
    assert item["needed"] == NEEDED[story]
    assert {(proof["container"], proof["capability"]) for proof in item["proof"]} == {
        (container, name) for container, names in NEEDED[story].items() for name in names
    }
    assert all(proof["trial"] is not None for proof in item["proof"])
    print(f"{story}: {len(item['trials'])} trials, {item['took']:.0f} s")


@pytest.mark.parametrize(
    ("story", "most"), [("nginx", 12), ("redis", 12), ("ping", 8), ("three", 14), ("lies", 30), ("silent", 40)]
)
def test_the_number_of_trials_is_small(told: Told, story: str, most: int) -> None:
    assert len(told[story].result()["trials"]) <= most


def test_a_program_that_swallows_a_refusal_is_found_by_the_probe(told: Told) -> None:
    without, probed = told["swallows"].result()
    assert without["needed"] == {"c": []}
    assert (probed["result"], probed["needed"]) == ("found", {"c": ["CHOWN"]}), probed
    assert "the probe failed" in probed["proof"][0]["evidence"]


def test_a_capability_that_only_a_request_needs_is_found_by_the_probe(told: Told) -> None:
    without, probed = told["request"].result()
    assert without["needed"] == {"c": []}
    assert (probed["result"], probed["needed"]) == ("found", {"c": ["MKNOD"]}), probed


@pytest.mark.parametrize(("story", "says"), [("missing", "nowhere"), ("wrong", "no-such-program")])
def test_no_capability_is_proposed_for_a_failure_with_another_cause(told: Told, story: str, says: str) -> None:
    item = told[story].result()
    assert (item["status"], item["result"], item["needed"], item["commands"]) == (2, "failed", {}, [])
    assert item["message"].startswith("it does not work with today's rights either")
    assert says in item["message"]
    assert len(item["trials"]) == 1


def test_a_job_has_passed_when_it_has_ended_well(told: Told) -> None:
    item = told["ends"].result()
    assert (item["result"], item["needed"]) == ("found", {"c": ["CHOWN"]}), item


@pytest.mark.parametrize("story", [*(name for name in NEEDED if name not in UNTRIED), "swallows", "request"])
def test_the_answer_works_and_no_member_can_be_left_out(told: Told, story: str) -> None:
    found = told[story].result()
    item = found[1] if isinstance(found, tuple) else found
    assert item["works"]
    assert item["without"]
    assert not any(item["without"])


@pytest.mark.parametrize(("story", "needed"), [("ping", "NET_RAW"), ("lies", "SYS_CHROOT"), ("ends", "CHOWN")])
def test_the_answer_is_the_only_working_set_of_its_size(told: Told, story: str, needed: str) -> None:
    assert told[f"all {story}"].result() == [[needed]]
    assert told[story].result()["needed"] == {"c": [needed]}


def test_the_answer_is_one_of_the_minimal_sets_of_brute_force(told: Told) -> None:
    sets = told["all small"].result()
    assert sorted(sets) == [["CHOWN", "MKNOD"], ["KILL"]]
    assert sorted(told["small"].result()["needed"]["c"]) in sets


def test_a_privileged_container_that_a_profile_stops_goes_on_without_it(told: Told) -> None:
    item = told["seccomp"].result()
    assert item["manifest"]["c"]["seccompProfile"] == {"type": "Unconfined"}
    assert "appArmorProfile" not in item["manifest"]["c"]
    (note,) = (note for note in item["notes"] if "Unconfined" in note)
    assert note.startswith("container c needs seccompProfile Unconfined besides, which privileged gives: trial ")
    assert any("is privileged today" in note and "--trace" in note for note in item["notes"])
    assert item["commands"] == []


@pytest.mark.parametrize(
    ("story", "says"),
    [
        ("device", "a device of the node (a device plugin can give it): /dev/loop-control (trial "),
        ("sysctl", "the sysctl net.ipv4.ip_forward (securityContext.sysctls of the pod can set it) (trial "),
        ("quiet-device", "devices of the node, an unmasked /proc and a writable /sys, or something else; which"),
    ],
)
def test_a_need_for_privileged_is_named_if_a_trial_shows_it(told: Told, story: str, says: str) -> None:
    item = told[story].result()
    assert (item["status"], item["result"], item["needed"]) == (2, "failed", {})
    assert "with every capability that it holds today it still does not work" in item["message"]
    assert f"container c needs what else privileged gives: {says}" in item["message"]


@pytest.mark.parametrize("story", ["restricted nginx", "restricted redis"])
def test_a_program_that_starts_as_root_ends_as_restricted(told: Told, story: str) -> None:
    found = told[story].result()
    assert found["item"]["restricted"]["trial"] is not None, found["item"]["restricted"]
    assert (found["status"], found["ready"]) == (0, [True]), found
    print(f"{story}: {found['item']['restricted']['message']}")


def test_a_program_that_stays_root_is_no_answer_as_restricted(told: Told) -> None:
    item = told["root"].result()
    assert item["result"] == "found"
    assert item["restricted"]["trial"] is None
    assert "all its processes run as root" in item["restricted"]["message"]


def test_apply_goes_on_to_harden(told: Told) -> None:
    story = told["applied"].result()
    assert story["done"].returncode == 0, story["done"].stderr
    assert "deployment.apps/applied patched" in story["done"].stdout
    assert story["context"]["capabilities"] == {"drop": ["ALL"], "add": ["CHOWN"]}


def test_a_manifest_is_fitted_before_it_is_deployed(told: Told) -> None:
    missing, found = told["file"].result()
    assert missing["status"] == 2
    assert "configmap/settings" in str(missing["errors"])
    assert (found["status"], found["needed"]) == (0, {"c": ["CHOWN"]}), found
    assert " harden -f " in found["commands"][0]


def test_a_signal_leaves_no_trial_objects(told: Told) -> None:
    story = told["term"].result()
    assert (story["status"], story["at once"]) == (130, [])
    assert len(story["before"]) >= 4


def test_a_killed_fit_leaves_no_object_after_the_deadline(told: Told) -> None:
    story = told["kill"].result()
    assert story["status"] == -signal.SIGKILL
    assert story["before"]
    assert story["at once"]
    assert story["left"] == []


def test_fit_leaves_the_cluster_as_it_was(
    told: Told, place: Fits, before: dict[str, Any], endpoints: Endpoints
) -> None:
    for story in told.values():
        story.result()
    assert state_of(place) == before
    assert place.trials() == []
    assert endpoints.looks > 50
    assert endpoints.names == {item["metadata"]["name"] for item in place.pods("nginx")}
