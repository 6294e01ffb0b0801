"""fit --trace on a real node: programs that print nothing, a kernel without `cap_capable`, busy neighbours, and ends.

Every story has its own workloads; the stories run beside each other. What brute force finds is what pods of the
template show with the answer and with each set of one member less.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any

import jsonschema
import pytest
from brute_force import BruteForce, each_left_out
from test_fit_node import ROOT, SLEEP, Fits, sets_of
from test_harden_node import PING, REDIS, pod, workload
from testbed import programs
from testbed.cluster import Node
from testbed.images import Image

TRACER = "docker.io/local/tracer:1"
OLD_TRACER = "docker.io/local/old-tracer:1"
"""Its sh hides the event `cap_capable` in each trace instance, as kernels before 6.14 do not have it."""
HIDES = b"""#!/bin/busybox sh
sh() { file=$1; shift; . "$file"; }
mkdir() { /bin/busybox mkdir "$@" && /bin/busybox mount -t tmpfs none "$1/events/capability"; }
rmdir() { /bin/busybox umount "$1/events/capability"; /bin/busybox rmdir "$@"; }
script=$2
shift 2; [ $# = 0 ] || shift
eval "$script"
"""
SMALL_TRACER = "docker.io/local/small-tracer:1"
"""Its buffers are so small that a busy node overwrites events before they are read."""
SHRINKS = b"""#!/bin/busybox sh
sh() { /bin/busybox sed -i 's/16384/32/; s/512/16/g' "$1"; file=$1; shift; . "$file"; }
script=$2
shift 2; [ $# = 0 ] || shift
eval "$script"
"""
FLAGS = ("--settle", "3s", "--timeout", "180s", "--yes", "--trace", "--trace-image")
PERL = "/usr/bin/perl -e"
SILENT: dict[str, tuple[str, tuple[str, ...]]] = {
    "chown": ("touch /tmp/x; chown 5 /tmp/x 2>/dev/null || exit 1", ("CHOWN",)),
    "setuid": (f"{PERL} 'exit(syscall(105, 33) != 0)' || exit 1", ("SETUID",)),
    "chroot": ("chroot / true 2>/dev/null || exit 1", ("SYS_CHROOT",)),
    "raw": (f"{PERL} 'exit(!socket(my $s, 2, 3, 1))' || exit 1", ("NET_RAW",)),
    "kill": (
        f"""{PERL} 'my @p; until (@p) {{
        opendir D, "/proc"; @p = grep {{ /^[0-9]/ && (stat "/proc/$_")[4] == 33 }} readdir D }} exit(!kill(0, $p[0]))
        ' || exit 1""",
        ("KILL",),
    ),
    "nice": (f"{PERL} 'exit(syscall(141, 0, 0, -5) != 0)' || exit 1", ("SYS_NICE",)),
    "mknod": ("mknod /tmp/n c 1 3 2>/dev/null || exit 1", ("MKNOD",)),
    "port": ("exec httpd -f -p 80 2>/dev/null", ("NET_BIND_SERVICE",)),
}
"""Programs that print nothing, and what they need at least."""
WANTS_MORE = (
    f"touch /tmp/x; chmod 2755 /tmp/x; chown 5 /tmp/x 2>/dev/null; chroot / true 2>/dev/null || exit 1; {SLEEP}"
)
BUSY = "while :; do /bin/busyneighbour true; done"
PRIVILEGED = (
    f"touch /tmp/x; chown 5 /tmp/x 2>/dev/null || exit 1; mount -t tmpfs none /root 2>/dev/null || exit 1; {SLEEP}"
)
QUIET: dict[str, tuple[str, str, str]] = {
    "sysctl": ("(cat /proc/sys/kernel/domainname > /proc/sys/kernel/domainname) 2>/dev/null", "readOnly", "openat"),
    "kmsg": ("dd if=/dev/kmsg of=/dev/null bs=8192 count=1 2>/dev/null", "notReached", "openat"),
    "device": ("mknod /tmp/n c 1 11; dd if=/tmp/n of=/dev/null bs=8192 count=1 2>/dev/null", "refused", "openat"),
    "keyring": (f"{PERL} 'syscall(250, 0, -3, 0)'", "refused", "keyctl"),
}
"""Programs of privileged containers that go on in silence without what privileged gives, and what shows it."""
REAL = ("nginx", "redis", "chrony")


class Traces(Fits):
    """A namespace with workloads that are fitted with the kernel's evidence."""

    def traced(self, name: str, image: str = TRACER, *flags: str) -> dict[str, Any]:
        """Fit one Deployment."""
        return self.fit(f"deploy/{name}", *flags, flags=(*FLAGS, image))

    def minimal(self, name: str, image: str = TRACER) -> dict[str, Any]:
        """Fit; then whether the answer works, and each set with one member less, by pods of its template."""
        item = self.traced(name, image)
        brute = BruteForce(self, name, self.get(f"deploy/{name}")["spec"]["template"]["spec"])
        needed = sets_of(item)
        works, *without = brute.tried([needed, *each_left_out(needed)])
        return {**item, "works": works, "without": without}

    def tracers(self) -> list[str]:
        """The names of all Jobs and pods of tracers."""
        items = [*self.get("jobs")["items"], *self.get("pods")["items"]]
        return [item["metadata"]["name"] for item in items if "caps-trace-" in item["metadata"]["name"]]


def instances() -> list[str]:
    """The trace instances of this kernel, whoever made them."""
    script = "mount -t tracefs none /sys/kernel/tracing && ls /sys/kernel/tracing/instances"
    return subprocess.run(["unshare", "--mount", "sh", "-c", script], capture_output=True, text=True).stdout.split()


def started(place: Traces, name: str) -> subprocess.Popen[str]:
    """A run in a process of its own."""
    argv = ["fit", "-n", place.name, f"deploy/{name}", *FLAGS, TRACER, "--settle", "5s", "--timeout", "20s"]
    env = {"PATH": "/usr/bin:/bin", "KUBECONFIG": str(place.node.kubeconfig)}
    command = [sys.executable, "-m", "kubectl_caps", *argv]
    return subprocess.Popen(command, env=env, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def left(run: str) -> list[str]:
    return [name for name in instances() if run and f"-{run}-" in name]


def gone(place: Traces, run: str) -> dict[str, Any]:
    """What there is of a run at once, and after its deadline."""
    at_once = left(run)
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        objects = [name for name in (*place.tracers(), *place.trials()) if run in name]
        if not objects and not left(run):
            break
        time.sleep(2)
    return {"at once": at_once, "left": left(run), "objects": objects, "run": run}


def run_of(process: subprocess.Popen[str]) -> str:
    """The id of a run, which it prints before it makes anything."""
    assert process.stderr
    for line in process.stderr:
        if match := re.search(r"privileged pod caps-trace-(\w+)", line):
            return match[1]
    return ""


def killed(place: Traces, trials: int) -> dict[str, Any]:
    """kill -9 of fit when its tracer is there, or so many of its trials."""
    with started(place, f"killed-{trials}") as process:
        run, found = run_of(process), list[str]()
        while process.poll() is None and len(found) < (trials or 1):
            time.sleep(0.2)
            names = place.trials() if trials else place.tracers()
            found = [name for name in names if run in name]
        process.send_signal(signal.SIGKILL)
        process.communicate()
    return gone(place, run)


def tracer_killed(place: Traces) -> dict[str, Any]:
    """kill -9 of the tracer while the first trial runs: fit goes on without it."""
    with started(place, "untraced") as process:
        run = run_of(process)
        while process.poll() is None and not [name for name in place.trials() if run in name]:
            time.sleep(0.2)
        found = subprocess.run(["pgrep", "-f", f"^sh -c .* kubectl-caps main {run} "], capture_output=True, text=True)
        for pid in found.stdout.split():
            os.kill(int(pid), signal.SIGKILL)
        out, err = process.communicate()
    return {**gone(place, run), "pids": found.stdout, "status": process.returncode, "out": out, "err": err}


def refused(place: Traces) -> dict[str, Any]:
    """A namespace for tracers that admits no privileged pod."""
    strict = place.node.make_namespace({"pod-security.kubernetes.io/enforce": "baseline"})
    item = place.traced("chown", TRACER, "--trace-namespace", strict)
    place.node.delete_namespace(strict)
    return item


def busy(place: Traces) -> dict[str, Any]:
    """200 processes of another pod that make processes without end, while a pod is traced."""
    spec = pod(place.node.busybox, f"cp /bin/busybox /bin/busyneighbour; for i in $(seq 200); do {BUSY} & done; wait")
    spec["containers"][0]["resources"] = {"limits": {"cpu": "300m"}}
    place.apply(workload("neighbours", spec))
    place.await_ready("deploy/neighbours")
    found = {"whole": place.traced("beside"), "lost": place.traced("beside", SMALL_TRACER)}
    place.node.kubectl("delete", "deploy", "neighbours", "-n", place.name, "--wait=false", "--grace-period=0")
    return found


def running(place: Traces) -> dict[str, Any]:
    """A running nginx is traced while it is asked and reloaded; then a fit with that as evidence."""
    place.await_ready("deploy/nginx")
    (name,) = [item["metadata"]["name"] for item in place.pods("nginx")]
    with ThreadPoolExecutor(1) as pool:
        flags = ("--trace", "25s", "--trace-image", TRACER, "-o", "json")
        traced = pool.submit(place.node.caps, "inspect", "deploy/nginx", "-n", place.name, *flags)
        while not traced.done():
            script = f"nginx -s reload; {'wget -qO- http://127.0.0.1/ > /dev/null; ' * 8} sleep 2"
            place.node.kubectl("exec", "-n", place.name, name, "--", "sh", "-c", script, check=False)
    done = traced.result()
    file = place.node.place.folder / f"{place.name}-trace.json"
    file.write_text(done.stdout)
    untraced = place.fit("deploy/nginx", "--evidence", str(file))
    table = place.node.caps("inspect", "deploy/nginx", "-n", place.name, "--trace", "2s", "--trace-image", TRACER)
    return {"done": done, "document": json.loads(done.stdout), "untraced": untraced, "table": table}


EVENT = "/sys/kernel/tracing/events/capability/cap_capable"
HAS_EVENT = not subprocess.run(
    ["unshare", "--mount", "sh", "-c", f"mount -t tracefs none /sys/kernel/tracing && test -e {EVENT}"],
    capture_output=True,
).returncode
needs_event = pytest.mark.skipif(not HAS_EVENT, reason="this kernel has no event cap_capable (it is of Linux 6.14)")


STORIES: dict[str, Callable[[Traces], Any]] = {
    **{f"killed {number}": partial(lambda number, place: killed(place, number), number) for number in (0, 3)},
    "tracer killed": tracer_killed,
    **{name: partial(lambda name, place: place.minimal(name), name) for name in (*REAL, *SILENT)},
    **{f"old {name}": partial(lambda name, place: place.minimal(name, OLD_TRACER), name) for name in (*REAL, *SILENT)},
    "privileged": lambda place: place.minimal("privileged"),
    "privileged nginx": lambda place: place.traced("privileged-nginx"),
    **{f"quiet {name}": partial(lambda name, place: place.traced(f"quiet-{name}"), name) for name in QUIET},
    "several": lambda place: place.traced("several"),
    "ends": lambda place: place.fit("cronjob/ends", flags=(*FLAGS, TRACER)),
    "more": lambda place: place.traced("more"),
    "refused": refused,
    "no image": lambda place: place.traced("chroot", "docker.io/local/nowhere:1"),
    "busy": busy,
    "running": running,
}  # fmt: skip


def workloads(node: Node) -> Iterator[dict[str, Any]]:
    """All of them."""
    perl = node.image("docker.io/local/perl:1", Image(programs=("/usr/bin/perl",)))
    scripts = {name: f"{script}; {SLEEP}" for name, (script, _) in SILENT.items()}
    owns = scripts["chown"]
    for name in ("killed-0", "killed-3", "untraced", "beside"):
        scripts[name] = owns
    for name, script in {**scripts, "more": WANTS_MORE}.items():
        spec = pod(perl, script)
        if name == "nice":
            spec["containers"][0]["securityContext"] = {"capabilities": {"add": ["SYS_NICE"]}}
        if name == "kill":  # the process of another user is in another container
            image = node.image("docker.io/local/as-33:1", Image(user="33"))
            other = {**pod(image)["containers"][0], "name": "other"}
            spec = {**spec, "shareProcessNamespace": True, "containers": [*spec["containers"], other]}
        if name == "port":
            spec["securityContext"] = {"sysctls": [{"name": "net.ipv4.ip_unprivileged_port_start", "value": "1024"}]}
        yield workload(name, spec)
    several = pod(node.busybox, f"chroot / true 2>/dev/null || exit 1; {SLEEP}")
    init, sidecar = (pod(node.busybox, script)["containers"][0] for script in (SILENT["chown"][0], PING))
    several["initContainers"] = [{**init, "name": "init"}, {**sidecar, "name": "side", "restartPolicy": "Always"}]
    yield workload("several", several)
    job = {"spec": {"template": {"spec": pod(node.busybox, SILENT["chown"][0], restartPolicy="Never")}}}
    spec = {"schedule": "0 0 1 1 *", "jobTemplate": job}
    yield {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "ends"}, "spec": spec}
    privileged = pod(node.busybox, PRIVILEGED)
    privileged["containers"][0]["securityContext"] = {"privileged": True}
    yield workload("privileged", privileged)
    for name, (script, _, _) in QUIET.items():
        quiet = pod(perl, f"{script}; {SLEEP}", securityContext={"seccompProfile": {"type": "RuntimeDefault"}})
        quiet["containers"][0]["securityContext"] = {"privileged": True}
        yield workload(f"quiet-{name}", quiet)
    web = pod(node.image("docker.io/local/web:1", programs.REAL["nginx"]))
    web["containers"][0]["securityContext"] = {"privileged": True}
    yield workload("privileged-nginx", web)
    yield workload("nginx", pod(node.image("docker.io/local/web:1", programs.REAL["nginx"])))
    yield workload("redis", pod(node.real("redis-dropping"), REDIS))
    chrony = pod(node.real("chrony"))
    chrony["containers"][0]["securityContext"] = {"capabilities": {"add": ["SYS_TIME"]}}
    yield workload("chrony", chrony)


Told = Mapping[str, Future[Any]]


@pytest.fixture(scope="module")
def place(node_cluster: Node) -> Iterator[Traces]:
    """The namespace with all workloads."""
    place = Traces(node_cluster)
    node_cluster.image(TRACER)
    node_cluster.image(OLD_TRACER, Image(files={"/usr/sbin/sh": HIDES}, owned={"/usr/sbin/sh": (0, 0o755)}))
    node_cluster.image(SMALL_TRACER, Image(files={"/usr/sbin/sh": SHRINKS}, owned={"/usr/sbin/sh": (0, 0o755)}))
    place.apply(*workloads(node_cluster))
    yield place
    node_cluster.delete_namespace(place.name)


@pytest.fixture(scope="module")
def told(place: Traces) -> Iterator[Told]:
    """Every story, running."""
    with ThreadPoolExecutor(3) as pool:
        yield {name: pool.submit(story, place) for name, story in STORIES.items()}


@needs_event
@pytest.mark.parametrize("story", SILENT)
def test_a_program_that_prints_nothing_needs_what_brute_force_finds(told: Told, story: str) -> None:
    item = told[story].result()
    assert (item["result"], item["works"], any(item["without"])) == ("found", True, False), item
    assert set(SILENT[story][1]) <= set(item["needed"]["c"])
    assert {one["kind"] for trial in item["trials"] for one in trial["kernel"]} == {"capabilities"}


@needs_event
@pytest.mark.parametrize("story", SILENT)
def test_the_answer_stands_after_two_trials_and_each_proof_takes_one(told: Told, story: str) -> None:
    item = told[story].result()
    assert item["trace"]["confirmed"] == 1, item["trace"]
    # A record that a loaded node has not given in time proves nothing, and takes one trial more.
    assert len(item["trials"]) == 2 + len(item["needed"]["c"]) or item["trace"]["incomplete"], item


@needs_event
@pytest.mark.parametrize("story", REAL)
def test_a_real_daemon_needs_what_brute_force_finds(told: Told, story: str) -> None:
    item = told[story].result()
    assert (item["works"], any(item["without"])) == (True, False), item
    assert all(proof["kernel"] for proof in item["proof"])
    used = {one["capability"] for one in item["trace"]["used"]}
    cost = f"{len(item['trials'])} trials, {item['took']:.0f} s"
    print(f"{story}: {item['result']}, {item['needed']['c']} of {sorted(used)}, {cost}")


@needs_event
def test_a_program_that_asks_for_more_than_it_needs_ends_without_it(told: Told) -> None:
    item = told["more"].result()
    assert item["needed"] == {"c": ["SYS_CHROOT"]}, item
    assert {one["capability"] for one in item["trace"]["used"]} > {"SYS_CHROOT"}
    assert item["result"] == "notProved"
    assert "CHOWN" in item["message"]


@needs_event
def test_each_container_of_a_pod_has_its_own_record(told: Told) -> None:
    item = told["several"].result()
    assert item["needed"] == {"c": ["SYS_CHROOT"], "init": ["CHOWN"], "side": ["NET_RAW"]}, item
    assert (item["result"], item["trace"]["confirmed"]) == ("found", 1), item
    assert len(item["trials"]) == 5 or item["trace"]["incomplete"], item


@needs_event
def test_a_pod_that_ends_is_recorded_to_its_end(told: Told) -> None:
    item = told["ends"].result()
    assert (item["needed"], item["trace"]["confirmed"]) == ({"c": ["CHOWN"]}, 1), item


@pytest.mark.parametrize("story", [*REAL, *SILENT])
def test_a_kernel_without_the_event_tells_by_failed_calls(told: Told, story: str) -> None:
    item = told[f"old {story}"].result()
    assert (item["result"], item["works"], any(item["without"])) == ("found", True, False), item
    assert item["trace"]["kind"] == "calls"
    assert {one["kind"] for trial in item["trials"] for one in trial["kernel"]} == {"calls"}


@needs_event
def test_a_privileged_container_is_traced_as_it_is(told: Told) -> None:
    item = told["privileged"].result()
    assert item["needed"] == {"c": ["CHOWN", "SYS_ADMIN"]}, item
    assert (item["works"], any(item["without"]), item["trace"]["confirmed"]) == (True, False, 1)
    assert ("mount", "sh", "mount") in besides(item)


def besides(item: Mapping[str, Any]) -> set[tuple[str, str, str]]:
    """What a privileged container used besides capabilities, by right, process and call."""
    return {(one["right"], one["process"], one["call"]) for one in item["trace"]["besides"]}


@needs_event
@pytest.mark.parametrize("story", QUIET)
def test_a_privileged_program_that_goes_on_in_silence_without_something_is_not_proved(told: Told, story: str) -> None:
    item = told[f"quiet {story}"].result()
    _, right, call = QUIET[story]
    assert (item["status"], item["result"]) == (0, "notProved"), item
    assert "goes on without something that privileged gives: without privileged " in item["message"]
    assert (right, call) in {(found, called) for found, _, called in besides(item)}
    assert story != "keyring" or ("seccomp", "perl", "keyctl") in besides(item)


@needs_event
def test_a_privileged_nginx_needs_its_capabilities_only(told: Told) -> None:
    item = told["privileged nginx"].result()
    assert (item["result"], item["needed"]["c"]) == ("found", told["nginx"].result()["needed"]["c"]), item
    assert besides(item) == set()


@pytest.mark.parametrize("story", ["refused", "no image"])
def test_a_refused_tracer_is_said_and_fit_goes_on(told: Told, story: str) -> None:
    item = told[story].result()
    assert (item["status"], item["result"]) == (0, "found")
    assert item["trace"]["kind"] is None
    words = "violates PodSecurity" if story == "refused" else "nowhere"
    assert re.search(rf"nothing is traced: .*{words}", item["stderr"]), item["stderr"]


def test_busy_processes_of_others_are_not_in_the_answer(told: Told) -> None:
    for item in told["busy"].result().values():
        assert (item["status"], item["needed"]) == (0, {"c": ["CHOWN"]}), item
        assert "busyneighbour" not in json.dumps(item)
        print(f"busy: {item['trace']['incomplete'] or 'nothing was lost'}, {len(item['trials'])} trials")


@needs_event
def test_lost_events_are_said_and_the_guesses_stay_beside_the_record(told: Told) -> None:
    item = told["busy"].result()["lost"]
    assert re.search(r"[1-9][0-9]* events were lost", item["trace"]["incomplete"]), item["trace"]
    assert "the kernel's record of trial 0 is incomplete" in item["stderr"]


@needs_event
def test_a_running_nginx_is_traced_without_touching_it(told: Told) -> None:
    story = told["running"].result()
    jsonschema.validate(story["document"], json.loads((ROOT / "docs/trace.schema.json").read_text()))
    (item,) = story["document"]["items"]
    (container,) = item["containers"]
    assert (item["pods"], item["evidence"], item["incomplete"]) == (1, "capabilities", []), item
    used = {one["capability"] for one in container["used"] if not one["optional"]}
    needed = set(told["nginx"].result()["needed"]["c"])
    assert {"SETGID", "SETUID"} <= used <= needed, container["used"]
    assert {one["process"] for one in container["used"]} <= {"nginx", "sh", "wget", "sleep"}
    assert not used & set(container["neverUsed"])
    assert "NET_RAW" in container["neverUsed"]
    assert "used in the traced time" in story["untraced"]["stderr"]
    assert set(story["untraced"]["needed"]["c"]) == needed
    assert "never used in" in story["table"].stdout


@pytest.mark.parametrize("story", ["killed 0", "killed 3", "tracer killed"])
def test_kill_leaves_nothing_after_the_deadline(told: Told, story: str) -> None:
    found = told[story].result()
    assert found["run"]
    assert (found["left"], found["objects"]) == ([], []), found


def test_fit_goes_on_when_its_tracer_is_killed(told: Told) -> None:
    found = told["tracer killed"].result()
    assert found["status"] == 0, found["err"]
    assert "CHOWN" in found["out"]
    assert "incomplete" in found["err"]


def test_runs_leave_no_tracer(told: Told, place: Traces) -> None:
    for story in told.values():
        story.result()
    assert place.tracers() == []
