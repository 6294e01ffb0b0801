"""harden on a real node: what real programs do without their capabilities, what is made of it, and the way back.

Every story has its own workloads; all of them start at once, and the stories run beside each other.
"""

import json
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from testbed.cluster import Completed, Node

from kubectl_caps.core.linux.sets import CapabilitySet

ROOT = Path(__file__).parents[2]
SETTLE = ("--settle", "2s", "--timeout", "60s")
FOUR = ("CHOWN", "SETUID", "SETGID", "NET_BIND_SERVICE")
REDIS = (
    "mkdir -p /data && chown 33:33 /data && cd /data && "
    "exec /usr/bin/setpriv --reuid=33 --regid=33 --clear-groups redis-server --port 6400"
)
PING = "while ping -c 1 127.0.0.1 > /dev/null; do sleep 1; done; exit 1"
NEEDS_CHOWN = "touch /tmp/x && chown 1 /tmp/x && exec sleep 2147483647"
SERVES_WITH_CHOWN = "touch /tmp/x && chown 1 /tmp/x && exec httpd -f -p 8080"
COMPLAINS = "touch /tmp/x; chown 1 /tmp/x"
ALWAYS_COMPLAINS = "echo 'chown: /tmp/x: Operation not permitted'"
SCROLLS = "i=0; while [ $i -lt 260 ]; do echo line $i; i=$((i+1)); done"
SCROLLS_SLOWLY = SCROLLS.replace("done", "sleep 0.03; done")
SLEEP = "exec sleep 2147483647"


def pod(image: str, script: str = "", *, probe: Mapping[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    """A pod with one container c."""
    command = {"command": ["sh", "-c", script]} if script else {}
    ready = {"readinessProbe": {"periodSeconds": 1, "timeoutSeconds": 2, **probe}} if probe else {}
    container = {"name": "c", "image": image, "imagePullPolicy": "Never", **command, **ready}
    return {"terminationGracePeriodSeconds": 0, "containers": [container], **spec}


def workload(name: str, spec: Mapping[str, Any], kind: str = "Deployment", **more: Any) -> dict[str, Any]:
    """A workload of one pod with the label app."""
    template = {"metadata": {"labels": {"app": name}}, "spec": spec}
    wanted: dict[str, Any] = {"selector": {"matchLabels": {"app": name}}, "template": template, **more}
    if kind == "StatefulSet":
        wanted["serviceName"] = name
    if kind == "ReplicationController":
        wanted["selector"] = {"app": name}
    version = "v1" if kind == "ReplicationController" else "apps/v1"
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}, "spec": wanted}


class Place:
    """A namespace on the node."""

    def __init__(self, node: Node) -> None:
        self.node, self.name = node, node.make_namespace()

    def apply(self, *objects: Mapping[str, Any]) -> None:
        """Make objects."""
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
        self.node.kubectl("apply", "-n", self.name, "-f", "-", input=text)

    def harden(self, *args: str, env: Mapping[str, str] | None = None) -> Completed:
        """Run `harden` in a process of its own."""
        return self.node.caps("harden", "-n", self.name, *SETTLE, *args, env=env)

    def item(self, *args: str) -> dict[str, Any]:
        """Harden one object; what the JSON, which is valid, says of it, with the exit status and stderr beside it."""
        done = self.harden(*args, "-o", "json")
        assert done.stdout, done.stderr
        document = json.loads(done.stdout)
        jsonschema.validate(document, json.loads((ROOT / "docs/hardening.schema.json").read_text()))
        (found,) = document["items"]
        return {**found, "status": done.returncode, "stderr": done.stderr}

    def get(self, *args: str) -> Any:
        """`kubectl get -o json`."""
        return json.loads(self.node.kubectl("get", "-n", self.name, *args, "-o", "json").stdout)

    def context(self, target: str) -> Any:
        """The security context of the template's container."""
        return self.get(target)["spec"]["template"]["spec"]["containers"][0].get("securityContext")

    def pods(self, app: str) -> list[dict[str, Any]]:
        """The pods that are not on their way out."""
        items = self.get("pods", "-l", f"app={app}")["items"]
        return [item for item in items if "deletionTimestamp" not in item["metadata"]]

    def capabilities(self, app: str) -> set[tuple[str, ...]]:
        """The capabilities in the bounding set of the first process of each pod, as the kernel has them."""
        names = [item["metadata"]["name"] for item in self.pods(app)]
        masks = [self.node.process_status(self.name, name)["CapBnd"] for name in names]
        return {CapabilitySet.from_hex(mask).short_names for mask in masks}

    def await_ready(self, *targets: str) -> None:
        """Wait for rollouts."""
        for target in targets:
            self.node.kubectl("rollout", "status", "-n", self.name, target, "--timeout=90s")


Story = Callable[[Place], Any]


def step_by_step(place: Place, target: str, *flags: str) -> tuple[list[str], list[dict[str, Any]]]:
    """Harden with what each failure names, one after the other, until it runs; returns the adds and the items."""
    adds: list[str] = []
    items = []
    for _ in range(6):
        items.append(place.item(target, *flags, *(["--add", ",".join(adds)] if adds else [])))
        missing = [name for cause in items[-1]["diagnosis"][:1] for name in cause["capabilities"]]
        adds += missing
        if not missing:
            break
    return adds, items


class Caller:
    """Asks a server's ready pods again and again, as its clients would; counts what went wrong."""

    def __init__(self, place: Place, app: str) -> None:
        self.place, self.app = place, app
        self.answers = self.refusals = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._call)

    def __enter__(self) -> "Caller":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def ask(self) -> bool:
        """Whether the first ready pod answers."""
        return next(self.each(), b"") == b"hello\n"

    def each(self) -> Iterator[bytes]:
        """What each ready pod answers; empty where it does not."""
        path = f"/api/v1/namespaces/{self.place.name}/pods?labelSelector=app%3D{self.app}"
        for item in self.place.node.api.get(path)["items"]:
            conditions = {entry["type"]: entry["status"] for entry in item["status"].get("conditions", ())}
            if conditions.get("Ready") == "True" and "deletionTimestamp" not in item["metadata"]:
                yield self.answer(item["status"]["podIP"])

    def answer(self, address: str) -> bytes:
        """What a server answers, however late; empty where it does not."""
        try:
            with urllib.request.urlopen(f"http://{address}/", timeout=20) as answer:
                return bytes(answer.read())
        except OSError:
            return b""

    def _call(self) -> None:
        due = time.monotonic()
        while not self._stop.wait(max(due - time.monotonic(), 0.0)):
            due += 0.1
            if self.ask():
                self.answers += 1
            else:
                self.refusals += 1


def nginx_story(place: Place) -> dict[str, Any]:
    """Two nginx behind a readiness probe: without adds, then with the four."""
    with Caller(place, "web") as caller:
        failed = place.harden("deploy/web")
    after = place.context("deploy/web")
    four = place.harden("deploy/web", "--add", ",".join(FOUR))
    kernel = place.capabilities("web")
    return {"failed": failed, "caller": caller, "after": after, "four": four, "kernel": kernel}


def unprobed_story(place: Place) -> tuple[Completed, bool]:
    """One nginx without a probe, which counts as available when it starts: does it serve again afterwards?"""
    done = place.harden("deploy/bare")
    return done, Caller(place, "bare").ask()


def stateful_story(place: Place) -> dict[str, Any]:
    """The broken pod of a StatefulSet, once with the right to delete it and once without."""
    first = place.get("pods", "set-0")["metadata"]["uid"]
    mended = place.item("sts/set")
    place.await_ready("sts/set")
    kubeconfig = limited_user(place)
    limited = place.harden("sts/other", "--timeout", "8s", env={"KUBECONFIG": kubeconfig})
    stuck = place.get("pods", "other-0")
    return {"first": first, "mended": mended, "limited": limited, "stuck": stuck, "now": place.get("pods", "set-0")}


def limited_user(place: Place) -> str:
    """A kubeconfig of somebody who may do all of it but delete pods."""
    rules = [
        {"apiGroups": ["apps"], "resources": ["*"], "verbs": ["*"]},
        {"apiGroups": [""], "resources": ["pods", "pods/log", "events"], "verbs": ["get", "list", "create"]},
    ]
    kinds = {"apiVersion": "rbac.authorization.k8s.io/v1", "metadata": {"name": "r"}}
    reference = {"kind": "Role", "name": "r", "apiGroup": "rbac.authorization.k8s.io"}
    subjects = [{"kind": "User", "name": "limited", "apiGroup": "rbac.authorization.k8s.io"}]
    binding = {**kinds, "kind": "RoleBinding", "subjects": subjects, "roleRef": reference}
    place.apply({**kinds, "kind": "Role", "rules": rules}, binding)
    config = yaml.safe_load(Path(place.node.kubeconfig).read_text())
    for entry in config["users"]:
        entry["user"]["as"] = "limited"
    file = place.node.place.folder / f"limited-{place.name}"
    file.write_text(json.dumps(config))
    return str(file)


def killed_story(place: Place) -> dict[str, Any]:
    """kill -9 while the broken pod of a StatefulSet is watched; then the saved undo."""
    file = place.node.place.folder / f"undo-{place.name}"
    argv = ["harden", "-n", place.name, "sts/killed", "--undo-to", str(file)]
    env = {"PATH": "/usr/bin:/bin", "KUBECONFIG": str(place.node.kubeconfig)}
    command = [sys.executable, "-m", "kubectl_caps", *argv]
    with subprocess.Popen(command, env=env, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
        assert run.stderr
        for line in run.stderr:
            if line.startswith("statefulset.apps/killed: the change is made"):
                break
        run.send_signal(signal.SIGKILL)
    half = place.context("sts/killed")
    deadline = time.monotonic() + 30
    while not (pods := place.pods("killed")) or not crashed(pods[0]):
        assert time.monotonic() < deadline, pods
        time.sleep(0.2)
    undone = place.node.caps("harden", "--undo", str(file), "--yes", *SETTLE)
    return {"half": half, "undone": undone, "after": place.context("sts/killed"), "pods": place.pods("killed")}


def crashed(item: Mapping[str, Any]) -> bool:
    """Whether a pod's container has ended by itself."""
    return any(
        "terminated" in {**status.get("state", {}), **status.get("lastState", {})}
        for status in item["status"].get("containerStatuses", ())
    )


def row_story(place: Place) -> tuple[Completed, dict[str, Any], set[str]]:
    """Five deployments, of which the third crashes without CHOWN."""
    before = {item["metadata"]["name"] for item in place.get("pods", "-l", "row")["items"]}
    done = place.harden("deploy", "-l", "row", "--yes", "-o", "json")
    after = {item["metadata"]["name"] for item in place.get("pods", "-l", "row")["items"]}
    contexts = {item["metadata"]["name"]: item for item in place.get("deploy", "-l", "row")["items"]}
    return done, contexts, before & after


def noisy_story(place: Place) -> dict[str, Any]:
    """One that complains at its start with all its capabilities, and logs on: by now too much for a look at the end."""
    deadline = time.monotonic() + 60
    while place.node.kubectl("logs", "-n", place.name, "deploy/noisy").stdout.count("\n") < 261:
        assert time.monotonic() < deadline
        time.sleep(0.5)
    return place.item("deploy/noisy")


def quota_story(place: Place) -> dict[str, Any]:
    """A namespace whose quota has room for a new pod only when an old one has ended, which takes its time."""
    full = Place(place.node)
    slow = pod(place.node.busybox, SLEEP, terminationGracePeriodSeconds=3)
    step = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 1}}
    full.apply(workload("slow", slow, replicas=2, strategy=step))
    full.await_ready("deploy/slow")
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q"}, "spec": {"hard": {"pods": "2"}}}
    full.apply(quota)
    place.node.kubectl("wait", "-n", full.name, "quota/q", "--for=jsonpath={.status.used.pods}=2")
    item = full.item("deploy/slow", "--timeout", "180s")
    place.node.delete_namespace(full.name)
    return item


def blind_story(place: Place) -> dict[str, Any]:
    """By somebody who may do all but read logs."""
    place.apply(workload("blind", pod(place.node.busybox, SLEEP)))
    place.await_ready("deploy/blind")
    verbs, resources = "get,list,watch,create,patch", "deployments.apps,replicasets.apps,pods,events"
    place.node.kubectl("create", "role", "blind", "-n", place.name, f"--verb={verbs}", f"--resource={resources}")
    place.node.kubectl("create", "rolebinding", "blind", "-n", place.name, "--role=blind", "--user=blind")
    return place.item("deploy/blind", "--as=blind")


STORIES: dict[str, Story] = {
    "quota": quota_story,  # takes longest
    "nginx": nginx_story,
    "unprobed": unprobed_story,
    "stateful": stateful_story,
    "killed": killed_story,
    "row": row_story,
    "step nginx": lambda place: step_by_step(place, "deploy/nginx"),
    "step redis": lambda place: step_by_step(place, "deploy/redis"),
    "step chrony": lambda place: step_by_step(place, "deploy/chrony", "--remove-adds", "--force"),
    "step ping": lambda place: step_by_step(place, "deploy/ping"),
    "daemon": lambda place: place.item("ds/daemon"),
    "replicas": lambda place: (place.item("rs/replicas"), place.capabilities("replicas")),
    "controller": lambda place: (place.item("rc/controller"), place.capabilities("controller")),
    "partition": lambda place: (place.item("sts/parted"), place.capabilities("parted")),
    "recreate": lambda place: place.item("deploy/recreate"),
    "crashing": lambda place: (place.item("deploy/crashing"), place.context("deploy/crashing")),
    "scrolled": lambda place: place.item("deploy/scrolled"),
    "init": lambda place: place.item("deploy/init"),
    "sidecar": lambda place: place.item("deploy/sidecar"),
    "noisy": noisy_story,
    "blind": blind_story,
    "profile": lambda place: (place.item("deploy/rooted", "--profile", "restricted"), place.context("deploy/rooted")),
}
"""What is done, by name; the workloads are made by `told`."""


def workloads(node: Node) -> Iterator[dict[str, Any]]:
    """All of them. What is called after a program runs it."""
    nginx, box = node.real("nginx"), node.busybox
    http = {"httpGet": {"port": 80}}
    yield workload("web", pod(nginx, probe=http), replicas=2)
    yield workload("bare", pod(nginx))
    yield workload("nginx", pod(nginx))
    yield workload("redis", pod(node.real("redis-dropping"), REDIS))
    chrony = pod(node.real("chrony"))  # no default set has SYS_TIME, so whoever runs chronyd adds it
    chrony["containers"][0]["securityContext"] = {"capabilities": {"add": ["SYS_TIME"]}}
    yield workload("chrony", chrony)
    group = {"sysctls": [{"name": "net.ipv4.ping_group_range", "value": "1 0"}]}
    yield workload("ping", pod(node.real("ping"), PING, securityContext=group))
    tcp = {"tcpSocket": {"port": 8080}}
    for name in ("set", "other", "killed"):
        yield workload(name, pod(box, SERVES_WITH_CHOWN, probe=tcp), "StatefulSet")
    yield workload("daemon", pod(box, NEEDS_CHOWN), "DaemonSet")
    yield workload("replicas", pod(box), "ReplicaSet", replicas=1)
    yield workload("controller", pod(box), "ReplicationController", replicas=1)
    partition = {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}
    yield workload("parted", pod(box), "StatefulSet", replicas=2, updateStrategy=partition)
    yield workload("recreate", pod(box, NEEDS_CHOWN), strategy={"type": "Recreate"}, minReadySeconds=1)
    yield workload("crashing", pod(box, "sleep 0.2; exit 3"))
    yield workload("rooted", pod(box))
    yield workload("scrolled", pod(box, f"{COMPLAINS}; {SCROLLS}; {SLEEP}"))
    yield workload("noisy", pod(box, f"{ALWAYS_COMPLAINS}; {SCROLLS_SLOWLY}; {SLEEP}"))
    first = {"name": "first", "image": box, "imagePullPolicy": "Never"}
    init = {**first, "command": ["sh", "-c", f"{COMPLAINS}; true"]}
    yield workload("init", pod(box, initContainers=[init]))
    sidecar = {**first, "command": ["sh", "-c", f"{COMPLAINS}; {SLEEP}"], "restartPolicy": "Always"}
    yield workload("sidecar", pod(box, initContainers=[sidecar]))
    for number in range(5):
        script = NEEDS_CHOWN if number == 2 else SLEEP
        row = workload(f"row{number}", pod(box, script))
        row["metadata"]["labels"] = row["spec"]["template"]["metadata"]["labels"] = {"app": f"row{number}", "row": ""}
        yield row


@pytest.fixture(scope="module")
def told(node_cluster: Node) -> Iterator[dict[str, Future[Any]]]:
    """Every story, running; `result()` is what it came to."""
    place = Place(node_cluster)
    objects = list(workloads(node_cluster))
    place.apply(*objects)
    rolling = [item for item in objects if item["kind"] in ("Deployment", "StatefulSet", "DaemonSet")]
    names = [f"{item['kind'].lower()}/{item['metadata']['name']}" for item in rolling]
    place.await_ready(*(name for name in names if not name.endswith("/crashing")))
    with ThreadPoolExecutor(5) as pool:
        yield {name: pool.submit(story, place) for name, story in STORIES.items()}
    node_cluster.delete_namespace(place.name)


Told = dict[str, Future[Any]]


def test_nginx_without_adds_crashes_and_is_rolled_back_with_the_capability_named(told: Told) -> None:
    failed: Completed = told["nginx"].result()["failed"]
    assert failed.returncode == 2
    assert failed.stdout.splitlines()[-1].startswith("deployment.apps/web rolled back (container c exited with code 1")
    lines = failed.stderr.splitlines()
    at = next(number for number, line in enumerate(lines) if 'chown("/var/lib/nginx/' in line)
    assert "failed (1: Operation not permitted)" in lines[at]
    assert "likely missing: CHOWN" in lines[at + 1]
    assert any(line.endswith("--add CHOWN") and "to try next: " in line for line in lines)
    assert told["nginx"].result()["after"] is None


def test_behind_a_readiness_probe_no_request_fails_meanwhile(told: Told) -> None:
    caller: Caller = told["nginx"].result()["caller"]
    assert (caller.refusals, caller.answers > 5) == (0, True)


def test_without_a_probe_the_service_is_back_when_the_command_ends(told: Told) -> None:
    done, serves = told["unprobed"].result()
    assert (done.returncode, serves) == (2, True), done.stderr
    assert "spec.minReadySeconds is 2 instead of 0 while the rollout is watched" in done.stdout


def test_nginx_rolls_out_with_its_four_capabilities_and_holds_exactly_them(told: Told) -> None:
    story = told["nginx"].result()
    assert story["four"].returncode == 0, story["four"].stderr
    assert "rolled out: 2 of 2 pods available, and stayed up for 2 s" in story["four"].stderr
    assert {frozenset(names) for names in story["kernel"]} == {frozenset(FOUR)}


@pytest.mark.parametrize(
    ("program", "needed"),
    [
        ("nginx", ["CHOWN", "SETGID", "SETUID"]),
        ("redis", ["CHOWN", "SETGID", "SETUID"]),
        ("chrony", ["SYS_TIME", "SETGID", "SETUID"]),
        ("ping", ["NET_RAW"]),
    ],
)
def test_each_failure_names_its_capability_until_the_program_runs(
    told: Told, program: str, needed: list[str]
) -> None:
    adds, items = told[f"step {program}"].result()
    said = [(item["result"], item["message"], item["diagnosis"][:1]) for item in items]
    assert sorted(adds) == sorted(needed), said
    assert [item["result"] for item in items] == ["rolledBack"] * (len(items) - 1) + ["patched"], said
    assert all(item["diagnosis"][0]["source"] == "log" for item in items[:-1]), said


def test_the_broken_pod_of_a_stateful_set_is_deleted_after_the_revert(told: Told) -> None:
    story = told["stateful"].result()
    mended = story["mended"]
    assert (mended["result"], mended["status"]) == ("rolledBack", 2)
    assert mended["diagnosis"][0]["capabilities"] == ["CHOWN"]
    assert "pod set-0 deleted" in mended["stderr"]
    assert story["now"]["metadata"]["uid"] != story["first"]
    assert "securityContext" not in story["now"]["spec"]["containers"][0]


def test_without_the_right_to_delete_a_pod_the_command_is_printed(told: Told) -> None:
    story = told["stateful"].result()
    limited: Completed = story["limited"]
    assert limited.returncode == 2
    assert "kubectl delete pod other-0 -n " in limited.stderr
    assert "failed, and could not be rolled back" in limited.stdout
    assert story["stuck"]["spec"]["containers"][0]["securityContext"]["capabilities"] == {"drop": ["ALL"]}


def test_a_killed_run_is_undone_by_its_saved_undo_broken_pods_too(told: Told) -> None:
    story = told["killed"].result()
    assert story["half"]["capabilities"] == {"drop": ["ALL"]}
    assert story["undone"].returncode == 0, story["undone"].stderr
    assert story["after"] is None
    assert [item["status"]["containerStatuses"][0]["ready"] for item in story["pods"]] == [True]


def test_the_first_crash_stops_the_rest(told: Told) -> None:
    done, now, still_there = told["row"].result()
    assert done.returncode == 2
    results = {item["name"]: item["result"] for item in json.loads(done.stdout)["items"]}
    wanted = ["patched", "patched", "rolledBack", "skipped", "skipped"]
    assert results == {f"row{number}": result for number, result in enumerate(wanted)}
    # The patch, and minReadySeconds put back; for row2 the patch and the rollback of both.
    assert [now[f"row{number}"]["metadata"]["generation"] for number in range(5)] == [3, 3, 3, 1, 1]
    assert {name[:4] for name in still_there} >= {"row3", "row4"}


def test_a_daemon_set_is_rolled_back(told: Told) -> None:
    item = told["daemon"].result()
    assert (item["result"], item["diagnosis"][0]["capabilities"]) == ("rolledBack", ["CHOWN"]), item


@pytest.mark.parametrize("story", ["replicas", "controller"])
def test_only_new_pods_of_a_replica_set_change(told: Told, story: str) -> None:
    item, kernel = told[story].result()
    assert (item["status"], item["result"]) == (0, "notProven")
    assert [len(names) for names in kernel] == [14]


def test_pods_below_a_partition_stay_and_the_plan_says_so(told: Told) -> None:
    item, kernel = told["partition"].result()
    assert (item["result"], item["message"]) == (
        "patched",
        "the partition of its updateStrategy holds 1 of its pods back",
    )
    assert {len(names) for names in kernel} == {14, 0}


def test_recreate_is_warned_of_and_rolled_back(told: Told) -> None:
    item = told["recreate"].result()
    assert item["result"] == "rolledBack"
    assert any(note["message"].startswith("strategy Recreate: ") for note in item["notes"])
    assert not any("readiness" in note["message"] for note in item["notes"])


def test_a_workload_that_crashes_already_is_refused(told: Told) -> None:
    item, context = told["crashing"].result()
    assert (item["status"], item["result"], context) == (2, "refused", None)
    assert "it is not healthy as it is: " in item["message"]


def test_a_quota_that_is_full_until_slow_pods_have_ended_is_waited_for(told: Told) -> None:
    item = told["quota"].result()
    assert (item["status"], item["result"]) == (0, "patched"), item["message"]


@pytest.mark.parametrize(
    ("story", "message"),
    [
        ("scrolled", "container c stays up, but misses CHOWN"),
        ("init", "container first ends well, but misses CHOWN"),
        ("sidecar", "container first stays up, but misses CHOWN"),
    ],
)
def test_a_complaint_is_found_in_whichever_log_and_however_much_was_written_since(
    told: Told, story: str, message: str
) -> None:
    item = told[story].result()
    assert (item["result"], item["message"]) == ("rolledBack", message)
    assert item["diagnosis"][0]["evidence"] == "chown: /tmp/x: Operation not permitted"
    assert item["diagnosis"][0]["capabilities"] == ["CHOWN"]


def test_an_old_complaint_does_not_count_however_long_the_log_is(told: Told) -> None:
    item = told["noisy"].result()
    assert (item["status"], item["result"]) == (0, "patched"), item["message"]


def test_unreadable_logs_are_not_taken_for_empty_logs(told: Told) -> None:
    item = told["blind"].result()
    assert (item["status"], item["result"]) == (0, "notProven"), item["message"]
    assert 'its logs cannot be read: Error from server (Forbidden): pods "' in item["stderr"]
    assert 'its logs were not read: pods "' in item["message"]
    assert 'cannot get resource "pods/log"' in item["message"]


def test_a_setting_that_keeps_a_container_from_starting_is_no_capability(told: Told) -> None:
    item, context = told["profile"].result()
    assert (item["result"], context) == ("rolledBack", None)
    first = item["diagnosis"][0]
    assert (first["kind"], first["capabilities"]) == ("setting", [])
    assert "root" in first["explanation"]
    assert first["next"].startswith("kubectl caps harden deployment.apps/")
    assert first["next"].endswith("--profile restricted --run-as-user UID")
