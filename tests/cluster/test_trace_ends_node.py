"""fit --trace on a real node, ended by kill -9 at each of its steps: fit itself, and its tracer.

Afterwards no trace instance, Job, pod, process or mount is left: at most the tracer's idle time later, and although no
other run comes to remove anything.
"""

import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from killed_at import KEPT, SLACK
from msgspec import Struct
from test_fit_node import OWNS, ROOT, SLEEP
from test_harden_node import pod, workload
from test_trace_node import TRACER, Traces, left
from testbed.cluster import Node

TIMEOUT, SETTLE = 20, 1
IDLE = TIMEOUT + SETTLE + SLACK
"""Seconds after which a tracer that nobody has asked ends: it looks every so often, and so ends within twice of it."""
SLOW = 40
"""Seconds that kubelet and controllers may take on a busy machine."""
MOMENTS = ("2+", "4+", "5+", "9+", "13+")
"""Some questions to the tracer: fit is killed while the tracer works on them."""
TRACER_KILLED = ("1", "2+", "2", "4", "5+", "9")
"""The tracer is killed as soon as it runs; while it makes an instance and after it; while it follows a pod, while it
reads a record, and between two trials."""
SIDE_BY_SIDE = 3


class KilledRun(Struct):
    """A run that was ended: its id, its steps and status, and what there was of it at once."""

    at: str
    run: str
    status: int
    stdout: str
    stderr: str
    steps: list[str]
    place: Traces
    uids: list[str]


def killed(node: Node, at: str, victim: str) -> KilledRun:
    """Run `fit` in a namespace of its own, and kill somebody at a step."""
    place = Traces(node)
    place.apply(workload("owns", pod(node.busybox, f"{OWNS} || exit 1; {SLEEP}"), replicas=0))
    limits = ("--settle", f"{SETTLE}s", "--timeout", f"{TIMEOUT}s")
    argv = ["fit", "-n", place.name, "deploy/owns", "--yes", *limits, "--trace", "--trace-image", TRACER]
    command = [sys.executable, str(Path(__file__).with_name("killed_at.py")), at, victim, *argv]
    done = subprocess.run(command, env={**node.environment, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
    run = re.search(r"privileged pod caps-trace-(\w+)", done.stderr)
    uids = [item["metadata"]["uid"] for item in place.get("pods")["items"]]
    steps = re.findall(r"^step \d+ (.*)$", done.stderr, re.MULTILINE)
    assert run, done.stderr
    return KilledRun(f"{victim} {at}", run[1], done.returncode, done.stdout, done.stderr, steps, place, uids)


def remains(run: KilledRun) -> list[str]:
    """What there is of a run: objects, trace instances, processes, and mounts of its pods in any mount namespace."""
    objects = [item for kind in ("jobs", "pods") for item in run.place.get(kind)["items"]]
    names = [item["metadata"]["name"] for item in objects]
    processes = subprocess.run(["pgrep", "-f", f"kubectl-caps main {run.run} "], capture_output=True, text=True)
    return [*names, *left(run.run), *processes.stdout.split(), *mounts(run.uids)]


def mounts(uids: Sequence[str]) -> list[str]:
    """The mounts of pods, as any process has them."""
    found = set[str]()
    for file in Path("/proc").glob("[0-9]*/mountinfo"):
        try:
            found.update(line for line in file.read_text().splitlines() if any(uid in line for uid in uids))
        except OSError:  # it has ended
            continue
    return sorted(found)


@pytest.fixture(scope="module")
def runs(node_cluster: Node) -> Iterator[list[KilledRun]]:
    """A run that is not killed, and a run for each kill."""
    node_cluster.image(TRACER)
    whole = killed(node_cluster, "0", "fit")
    assert whole.status == 0, whole.stderr
    assert remains(whole) == []
    wanted = [(str(number), "fit") for number in range(1, len(whole.steps) + 1)]
    wanted += [*((at, "fit") for at in MOMENTS), *((at, "tracer") for at in TRACER_KILLED)]
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        found = list(pool.map(lambda pair: killed(node_cluster, *pair), wanted))
    yield found
    for run in [whole, *found]:
        node_cluster.delete_namespace(run.place.name)


def test_each_step_of_fit_is_met(runs: list[KilledRun]) -> None:
    died = [run for run in runs if run.status == -9]
    unmet = [run.at for run in runs if run.at.startswith("fit") and run.status != -9]
    assert len(unmet) <= 3, unmet  # the last ones: a run may have fewer trials than that which is counted
    met = {step for run in died for step in run.steps[-1:]}
    assert met >= {"POST jobs", "DELETE jobs", "exec begin", "exec follow", "exec end"}
    assert len([run for run in died if run.uids]) > len(died) // 2  # it had pods


def test_fit_answers_whenever_its_tracer_is_killed(runs: list[KilledRun]) -> None:
    of_tracer = [run for run in runs if run.at.startswith("tracer")]
    assert len(of_tracer) == len(TRACER_KILLED)
    for run in of_tracer:
        assert "\nkilled\n" in run.stderr, run
        assert run.status == 0, run
        # A tracer that is killed before it is ready is started anew, and nothing is missing.
        assert run.at == "tracer 1" or "the kernel's evidence is incomplete" in run.stderr + run.stdout, run


def test_nothing_is_left_after_the_deadline(runs: list[KilledRun]) -> None:
    deadline = time.monotonic() + 2 * IDLE + KEPT + SLOW
    there: dict[str, Any] = {run.at: None for run in runs}
    while there and time.monotonic() < deadline:
        time.sleep(2)
        there = {run.at: rest for run in runs if run.at in there and (rest := remains(run))}
    assert there == {}
