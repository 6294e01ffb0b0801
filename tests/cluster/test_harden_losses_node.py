"""harden on a real node: what clients lose while pods are replaced is what the plan says, and no more.

No kube-proxy runs on the node. Where a Service is asked, `Resolver` stands in for one: each request goes to the next
address that is ready in the Service's EndpointSlices at that moment.
"""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from test_harden_node import FOUR, Caller, Place, pod, workload
from test_harden_watch_node import SLEEP, harden, killed, min_ready
from testbed.cluster import Node

NO_PROBE = "no readiness probe (container c): a Service sends requests to each new pod from its start, "
IN_PLACE = "a StatefulSet replaces pods in place: "
TWO = {"updateStrategy": {"rollingUpdate": {"maxUnavailable": 2}}}
SURGE = {"updateStrategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}}
PARALLEL = {"podManagementPolicy": "Parallel"}

SETS: Mapping[str, tuple[str, dict[str, Any], int, str]] = {
    "single": ("StatefulSet", {"replicas": 1}, 0, "one replica of a StatefulSet: "),
    "ordered": ("StatefulSet", {"replicas": 3}, 2, f"{IN_PLACE}1 of 3 pods "),
    "parallel": ("StatefulSet", {"replicas": 3, **PARALLEL}, 2, f"{IN_PLACE}1 of 3 pods "),
    "two": ("StatefulSet", {"replicas": 3, **TWO}, 1, f"{IN_PLACE}2 of 3 pods "),
    "two-parallel": ("StatefulSet", {"replicas": 3, **TWO, **PARALLEL}, 1, f"{IN_PLACE}2 of 3 pods "),
    "daemon": ("DaemonSet", {}, 0, "a DaemonSet replaces pods in place: on 1 of its nodes "),
    "surge": ("DaemonSet", SURGE, 1, ""),
}
"""Sets with nginx: kind, more of the spec, how many pods answer at the worst moment, and what the plan says of that."""

SERVED = {"one": (1, False), "three": (3, False), "one-probed": (1, True), "three-probed": (3, True)}
"""Deployments with nginx behind a Service: replicas, and whether there is a readiness probe."""


class Monitor(Caller):
    """Asks every ready pod of a workload ten times a second; `fewest` is how many answered when the fewest did."""

    def __init__(self, place: Place, app: str) -> None:
        super().__init__(place, app)
        self.fewest, self.rounds, self.empty = 1 << 30, 0, 0

    def ask(self) -> bool:
        """Whether any pod answers."""
        count = sum(answer == b"hello\n" for answer in self.each())
        self.fewest, self.rounds, self.empty = min(self.fewest, count), self.rounds + 1, self.empty + (not count)
        return bool(count)


class Resolver(Caller):
    """Asks a Service ten times a second: each time the next ready address of its EndpointSlices."""

    _turn = 0

    def each(self) -> Iterator[bytes]:
        """What the address answers whose turn it is; nothing where no address is ready."""
        path = f"/apis/discovery.k8s.io/v1/namespaces/{self.place.name}/endpointslices"
        slices = self.place.node.api.get(f"{path}?labelSelector=kubernetes.io%2Fservice-name%3D{self.app}")["items"]
        ready = [
            endpoint["addresses"][0]
            for item in slices
            for endpoint in item.get("endpoints") or ()
            if endpoint["conditions"].get("ready")
        ]
        self._turn += 1
        if ready:
            yield self.answer(sorted(ready)[self._turn % len(ready)])


def asked(asking: type[Caller], place: Place, target: str, *flags: str) -> dict[str, Any]:
    """Harden a workload with nginx while it is asked."""
    with asking(place, target.partition("/")[2]) as caller:
        item = harden(place, target, *flags)
    return {"item": item, "caller": caller, "minReadySeconds": min_ready(place, target)}


def twice(asking: type[Caller], place: Place, target: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Harden a workload with nginx with too few adds, then with the right ones."""
    failed = asked(asking, place, target)
    place.await_ready(target)
    return failed, asked(asking, place, target, "--add", ",".join(FOUR))


def workloads(node: Node) -> Iterator[dict[str, Any]]:
    """All of them."""
    nginx, probe = node.real("nginx"), {"httpGet": {"port": 80}}
    for name, (kind, more, _, _) in SETS.items():
        yield workload(name, pod(nginx, probe=probe), kind, **more)
    for name, (replicas, probed) in SERVED.items():
        yield workload(name, pod(nginx, probe=probe if probed else None), replicas=replicas)
        service = {"selector": {"app": name}, "ports": [{"port": 80}]}
        yield {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": service}
    yield workload("killed-set", pod(node.busybox, SLEEP), "StatefulSet")
    yield workload("killed-daemon", pod(node.busybox, SLEEP), "DaemonSet", minReadySeconds=1)


Told = Mapping[str, Future[Any]]


@pytest.fixture(scope="module")
def told(node_cluster: Node) -> Iterator[Told]:
    """Every story, running; `result()` is what it came to."""
    place = Place(node_cluster)
    objects = list(workloads(node_cluster))
    place.apply(*objects)
    rolling = [item for item in objects if item["kind"] != "Service"]
    place.await_ready(*(f"{item['kind'].lower()}/{item['metadata']['name']}" for item in rolling))
    stories: dict[str, Callable[[], Any]] = {
        **{name: partial(twice, Monitor, place, f"{SETS[name][0].lower()}/{name}") for name in SETS},
        **{name: partial(twice, Resolver, place, f"deploy/{name}") for name in SERVED},
        "killed-set": partial(killed, place, "statefulset.apps/killed-set"),
        "killed-daemon": partial(killed, place, "daemonset.apps/killed-daemon"),
    }
    with ThreadPoolExecutor(4) as pool:
        yield {name: pool.submit(story) for name, story in stories.items()}
    node_cluster.delete_namespace(place.name)


@pytest.mark.parametrize("name", SETS)
def test_no_more_pods_of_a_set_are_away_than_the_plan_says(told: Told, name: str) -> None:
    _, _, wanted, words = SETS[name]
    for story, result in zip(told[name].result(), ("rolledBack", "patched"), strict=True):
        item, monitor = story["item"], story["caller"]
        print(f"{name} {result}: {monitor.rounds} rounds, {monitor.empty} without an answer, fewest {monitor.fewest}")
        assert (item["result"], story["minReadySeconds"]) == (result, None), item["message"]
        assert monitor.fewest == wanted, item["notes"]
        said = [note["message"] for note in item["notes"] if "serves" in note["message"] or "serve " in note["message"]]
        assert [words in text for text in said] == [True] * bool(words), said


@pytest.mark.parametrize("name", SERVED)
def test_a_service_is_interrupted_as_the_plan_says(told: Told, name: str) -> None:
    _, probed = SERVED[name]
    for story, result in zip(told[name].result(), ("rolledBack", "patched"), strict=True):
        item, caller = story["item"], story["caller"]
        print(f"{name} {result}: {caller.answers + caller.refusals} requests, {caller.refusals} without an answer")
        assert item["result"] == result, item["message"]
        said = any(note["message"].startswith(NO_PROBE) for note in item["notes"])
        assert said is not probed
        assert not probed or caller.refusals == 0


@pytest.mark.parametrize(("name", "before"), [("killed-set", None), ("killed-daemon", 1)])
def test_a_killed_run_of_a_set_is_undone_with_min_ready_seconds(told: Told, name: str, before: int | None) -> None:
    story = told[name].result()
    assert story["half"][0] == 10
    assert story["half"][1]["capabilities"] == {"drop": ["ALL"]}
    assert story["undone"].returncode == 0, story["undone"].stderr
    assert story["after"] == (before, None)
