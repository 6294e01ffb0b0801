"""fit on a real API server, ended at each of its requests: by kill -9, and by the signals that it can act on."""

import json
import os
import re
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

import pytest
from fake_kubelet import NEEDED, FakeKubelet, fake_kubelet
from loopback import Answer, Seen
from middleman import CUT, between
from msgspec import Struct
from test_fit_live import apply, deployment, left
from testbed.cluster import Cluster, Completed
from zygote import zygote

FLAGS = ("--yes", "--settle", "0s", "--timeout", "5s", "--parallel", "2")
DEADLINE = 5 + 30
"""Seconds: `--timeout`, `--settle` and half a minute."""
KEPT = 30
"""Seconds that a Job stays which has ended."""
SIDE_BY_SIDE = 3


class Ended(Struct):
    """A run that a signal ended: where, at which request, how, and the Jobs and pods that there were at once."""

    namespace: str
    request: str
    status: int
    stderr: str
    left: list[str]


def step_of(seen: Seen) -> str:
    """A request without what differs from run to run."""
    path = re.sub(r"-caps-fit-\w{5}-\d+(-\w{5})?", "-caps-fit-RUN-N", seen.path)
    return f"{seen.method} {re.sub('/namespaces/[^/]+', '', path)}"


def writes(steps: Iterable[str]) -> set[str]:
    """Those that change something or would; in which order lists come differs from run to run."""
    return {step for step in steps if step and not step.startswith("GET")}


class Steps:
    """Counts the requests of one run, a repeated look as one, and does something after the one with a number."""

    def __init__(self, number: int, act: Callable[[], object]) -> None:
        self.number, self.act, self.seen = number, act, list[str]()

    def after(self, seen: Seen) -> Answer | None:
        """The server has answered; the client does not know yet."""
        step = step_of(seen)
        if self.seen[-1:] != [step]:
            self.seen.append(step)
            if len(self.seen) == self.number:
                self.act()
        return None


@pytest.fixture(scope="module")
def kubelet(api_cluster: Cluster) -> Iterator[FakeKubelet]:
    """What runs the trial pods of this file."""
    with fake_kubelet(api_cluster) as running:
        yield running


def run(cluster: Cluster, kubelet: FakeKubelet, folder: Path, number: int, sent: int) -> tuple[Ended, Steps, Completed]:
    """Run `fit` in a namespace of its own, and send a signal after the request with this number; 0: none."""
    namespace = cluster.make_namespace()
    apply(cluster, namespace, deployment())
    folder = folder / namespace
    folder.mkdir()
    pids: SimpleQueue[int] = SimpleQueue()
    steps = Steps(number, lambda: os.kill(pids.get(timeout=60), sent))

    def log(seen: Seen) -> Answer | None:
        answer = kubelet.log(seen)
        return answer and (steps.after(seen) or answer)

    with between(cluster, folder, log, steps.after) as middleman:
        argv = ("fit", "deploy/web", "-n", namespace, *FLAGS, "-o", "json")
        done = zygote().run(argv, {"KUBECONFIG": middleman.kubeconfig}, started=pids.put)
    at = steps.seen[number - 1] if 0 < number <= len(steps.seen) else ""
    return Ended(namespace, at, done.returncode, done.stderr, left(cluster, namespace)), steps, done


def at_each_request(
    cluster: Cluster, kubelet: FakeKubelet, folder: Path, signals: list[signal.Signals]
) -> tuple[list[Ended], set[str]]:
    """Runs that are ended after the first request, the second one, ...; and the requests of a run that is not ended."""
    whole, steps, done = run(cluster, kubelet, folder, 0, 0)
    (item,) = json.loads(done.stdout)["items"]
    assert (item["result"], item["needed"]["c"]) == ("found", sorted(NEEDED)), done.stderr
    assert whole.left == []
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        numbers = range(1, len(steps.seen) + 1)
        ends = list(pool.map(lambda at: run(cluster, kubelet, folder, at, signals[at % len(signals)])[0], numbers))
    return ends, set(steps.seen)


Killed = tuple[list[Ended], set[str], float]


@pytest.fixture(scope="module")
def killed(api_cluster: Cluster, kubelet: FakeKubelet, tmp_path_factory: pytest.TempPathFactory) -> Killed:
    """Runs that were killed at each request, the requests that there are, and when the last run was killed."""
    ends, requests = at_each_request(api_cluster, kubelet, tmp_path_factory.mktemp("killed"), [signal.SIGKILL])
    return ends, requests, time.monotonic()


def test_jobs_that_kill_9_leaves_at_any_request_are_named_by_the_next_run(api_cluster: Cluster, killed: Killed) -> None:
    ends, requests, _ = killed
    assert {end.status for end in ends if end.request} == {-signal.SIGKILL}
    assert writes(end.request for end in ends) == writes(requests)
    leaving = [end for end in ends if any(name.startswith("job") for name in end.left)]
    assert len(leaving) > 8
    for end in leaving[:: len(leaving) // 6]:
        # There is no terminal to ask on, so this run goes no further than to look for what others left.
        said = api_cluster.caps("fit", "deploy/web", "-n", end.namespace).stderr
        jobs = [name.removeprefix("job.batch/") for name in left(api_cluster, end.namespace) if name.startswith("job")]
        assert all(name in said for name in jobs), said


def test_ctrl_c_term_and_hang_up_at_every_request_remove_everything(
    api_cluster: Cluster, kubelet: FakeKubelet, tmp_path: Path
) -> None:
    signals = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
    ends, requests = at_each_request(api_cluster, kubelet, tmp_path, signals)
    assert writes(end.request for end in ends) == writes(requests)
    assert [(end.request, end.status, end.stderr) for end in ends if end.request and end.status != 130] == []
    assert [(end.request, end.left, end.stderr) for end in ends if end.left] == []


def test_jobs_that_kill_9_leaves_at_any_request_are_gone_after_the_deadline(
    api_cluster: Cluster, killed: Killed
) -> None:
    ends, _, last = killed
    while left_over := {end.namespace: now for end in ends if (now := left(api_cluster, end.namespace))}:
        assert time.monotonic() < last + DEADLINE + KEPT + 30, left_over
        time.sleep(1)


def change_template(cluster: Cluster, namespace: str) -> None:
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments/web"
    body = {"spec": {"template": {"spec": {"hostname": "other"}}}}
    status, answer = cluster.api.request("PATCH", path, body, "application/merge-patch+json")
    assert status == 200, answer


@pytest.mark.parametrize(
    ("at_the_last_read", "status", "says"),
    [
        (change_template, 0, "its pod template was changed while the trials ran"),
        (lambda cluster, namespace: Answer(status=500), 2, "it could not be read again"),
        (lambda cluster, namespace: CUT, 2, "it could not be read again"),
    ],
    ids=["the template was changed", "the server refuses", "the connection ends"],
)
def test_an_answer_for_a_workload_that_may_be_another_one_now_is_not_proved(
    api_cluster: Cluster,
    kubelet: FakeKubelet,
    namespace: str,
    tmp_path: Path,
    at_the_last_read: Callable[[Cluster, str], Answer | None],
    status: int,
    says: str,
) -> None:
    apply(api_cluster, namespace, deployment())
    reads = list[Seen]()

    def before(seen: Seen) -> Answer | None:
        if seen.method == "GET" and seen.path.endswith("/deployments/web"):
            reads.append(seen)
            return at_the_last_read(api_cluster, namespace) if len(reads) > 1 else None
        return kubelet.log(seen)

    with between(api_cluster, tmp_path, before) as middleman:
        argv = ("fit", "deploy/web", "-n", namespace, *FLAGS, "-o", "json")
        done = zygote().run(argv, {"KUBECONFIG": middleman.kubeconfig})
    (item,) = json.loads(done.stdout)["items"]
    assert (done.returncode, item["result"], item["commands"]) == (status, "notProved", [])
    assert says in item["message"]
