"""harden --canary on a real node: a workload is touched only after one pod of the hardened template has worked."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from test_harden_node import Place, pod, workload
from testbed.cluster import Completed, Node

ROOT = Path(__file__).parents[2]

SLEEP = "exec sleep 2147483647"
OWNS = f"touch /tmp/x && chown 5 /tmp/x && {SLEEP}"
ALWAYS = f"echo 'poll failed: Permission denied'; {SLEEP}"

STORIES: dict[str, tuple[str, ...]] = {
    "wrong": (),
    "right": ("--add", "CHOWN"),
    "usual": (),
    "recreate": (),
    "asked": ("--canary",),
    "claim": (),
    "none": ("--canary=false",),
    "unwatched": ("--wait=false",),
}
"""What harden is told beside the target."""


def workloads(box: str) -> Iterator[dict[str, Any]]:
    """All of them; most need CHOWN."""
    for name in ("wrong", "right", "none", "unwatched"):
        yield workload(name, pod(box, OWNS))
    yield workload("usual", pod(box, ALWAYS))
    for name in ("recreate", "asked"):
        yield workload(name, pod(box, OWNS), strategy={"type": "Recreate"})
    mounting = pod(box, OWNS, volumes=[{"name": "v", "hostPath": {"path": "/run"}}])
    mounting["containers"][0]["volumeMounts"] = [{"name": "v", "mountPath": "/v"}]
    yield workload("claim", mounting)


def run(place: Place, name: str) -> Completed:
    """Run `harden` with its default of a canary, which `Node.caps` takes away."""
    flags = ["--settle", "2s", "--timeout", "60s", "--yes", "-o", "json", *STORIES[name]]
    command = [sys.executable, "-m", "kubectl_caps", "harden", "-n", place.name, f"deploy/{name}", *flags]
    env = {"PATH": "/usr/bin:/bin", "KUBECONFIG": str(place.node.kubeconfig)}
    return subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True)


def story(place: Place, name: str) -> dict[str, Any]:
    """Harden a Deployment; the item with the generation of the Deployment and the trials that are left."""
    before = place.get(f"deploy/{name}")["metadata"]["generation"]
    done = run(place, name)
    (item,) = json.loads(done.stdout)["items"]
    item = {**item, "status": done.returncode, "stderr": done.stderr}
    jobs = [item["metadata"]["name"] for item in place.get("jobs")["items"]]
    after = place.get(f"deploy/{name}")["metadata"]["generation"]
    return {**item, "touched": after != before, "left": [one for one in jobs if one.startswith(f"{name}-caps")]}


Told = Mapping[str, Future[dict[str, Any]]]


@pytest.fixture(scope="module")
def told(node_cluster: Node) -> Iterator[Told]:
    """Every story, running."""
    place = Place(node_cluster)
    objects = list(workloads(node_cluster.busybox))
    place.apply(*objects)
    place.await_ready(*(f"deploy/{item['metadata']['name']}" for item in objects))
    with ThreadPoolExecutor(3) as pool:
        yield {name: pool.submit(story, place, name) for name in STORIES}
    node_cluster.delete_namespace(place.name)


@pytest.mark.parametrize("name", ["wrong", "asked"])
def test_a_wrong_set_never_touches_the_workload(told: Told, name: str) -> None:
    item = told[name].result()
    assert (item["status"], item["result"], item["touched"]) == (2, "refused", False), item["message"]
    assert item["message"].startswith("nothing was changed: its canary pod does not work")
    assert item["suggestion"]["add"] == {"c": ["CHOWN"]}
    assert "to try next: " in item["stderr"]
    assert item["left"] == []


@pytest.mark.parametrize("name", ["right", "usual"])
def test_a_right_set_is_sent_after_the_canary_has_worked(told: Told, name: str) -> None:
    item = told[name].result()
    assert (item["status"], item["result"], item["touched"]) == (0, "patched", True), item["message"]
    assert "its canary pod works" in item["stderr"]
    assert item["left"] == []


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("recreate", ""),
        ("none", ""),
        ("unwatched", ""),
        ("claim", "no canary pod is tried: deployment.apps/claim: no trial is made: volume v (hostPath /run)"),
    ],
)
def test_no_canary_is_tried_if_a_second_copy_may_do_harm_or_is_not_wanted(
    told: Told, name: str, says: str
) -> None:
    item = told[name].result()
    assert item["touched"]
    assert says in item["stderr"]
    assert "its canary pod" not in item["stderr"]
