"""What is predicted is what the kernel says: every row of the matrix as a container, and every thread of it read.

`UPDATE=1` keeps what the kernel said for tier 1 (tests/core/linux/test_kernel.py).
"""

import os
import time
from collections.abc import Iterator, Sequence
from typing import Any

import host_proc
import matrix
import pairwise
import pytest
from testbed.cluster import Node
from testbed.images import Image

from kubectl_caps.core.linux.prediction import predict
from kubectl_caps.core.linux.runtimes import runtime_of
from kubectl_caps.core.linux.sets import ProcessSets

ROWS = matrix.rows()
IN_A_POD = 27
TWO_PROCESSES = ["sh", "-c", "sleep 2147483647 & exec sleep 2147483647"]
STARTED_WITHIN = 420
"""On a machine that is busy with something else."""


def pod(number: int, rows: Sequence[tuple[int, pairwise.Row]], images: dict[bool, str]) -> dict[str, Any]:
    """A pod with a container for each row, `c` and its number."""
    containers = [
        {
            "name": f"c{index}",
            "image": images[row["user"].startswith("image user")],
            "imagePullPolicy": "Never",
            "command": TWO_PROCESSES,
            "securityContext": matrix.context(row),
        }
        for index, row in rows
    ]
    spec = {"containers": containers, "terminationGracePeriodSeconds": 0, "restartPolicy": "Never"}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": f"matrix-{number}"}, "spec": spec}


def await_running(node: Node, namespace: str) -> dict[str, dict[str, Any]]:
    """The status of every container, when all run. One that does not start is an AssertionError with its words."""
    deadline = time.monotonic() + STARTED_WITHIN
    while True:
        pods = node.api.get(f"/api/v1/namespaces/{namespace}/pods")["items"]
        states = [status for item in pods for status in item["status"].get("containerStatuses", ())]
        troubles = [
            f"{status['name']}: {state}"
            for status in states
            for state in status["state"].values()
            if "message" in state or state.get("reason") in ("Error", "Completed")
        ]
        assert not troubles, troubles
        running = {status["name"]: status for status in states if "running" in status["state"]}
        if len(running) == len(ROWS):
            return running
        assert time.monotonic() < deadline, f"{len(running)} of {len(ROWS)} containers run"
        time.sleep(0.5)


@pytest.fixture(scope="module")
def kernel(node_cluster: Node) -> Iterator[dict[int, list[ProcessSets]]]:
    """Every row's threads as the kernel shows them."""
    namespace = node_cluster.make_namespace()
    user = Image(user="1000")
    images = {False: node_cluster.busybox, True: node_cluster.image("docker.io/local/busybox-user:1", user)}
    numbered = list(enumerate(ROWS))
    for first in range(0, len(numbered), IN_A_POD):
        body = pod(first // IN_A_POD, numbered[first : first + IN_A_POD], images)
        status, answer = node_cluster.api.request("POST", f"/api/v1/namespaces/{namespace}/pods", body)
        assert status == 201, answer
    statuses = await_running(node_cluster, namespace)
    for index, row in numbered:
        uid = {"0": 0, "image root": 0}.get(row["user"], 1000)
        assert statuses[f"c{index}"]["user"]["linux"]["uid"] == uid
    ids = {status["containerID"].removeprefix("containerd://"): name for name, status in statuses.items()}
    yield every_thread(ids)
    node_cluster.delete_namespace(namespace)


def every_thread(containers: dict[str, str]) -> dict[int, list[ProcessSets]]:
    """The threads of each row's container, when each has its two processes: the first starts the second."""
    deadline = time.monotonic() + STARTED_WITHIN
    while True:
        found: dict[int, list[ProcessSets]] = {index: [] for index in range(len(ROWS))}
        for name, sets in host_proc.threads(containers):
            found[int(name.removeprefix("c"))].append(sets)
        if all(len(seen) >= 2 for seen in found.values()):
            return found
        assert time.monotonic() < deadline, [index for index, seen in found.items() if len(seen) < 2]


def test_every_pair_of_values_is_met_in_at_least_300_containers() -> None:
    wanted = pairwise.pairs(matrix.COLUMNS, matrix.is_valid)
    assert wanted - pairwise.met(matrix.COLUMNS, ROWS) == set()
    assert len(ROWS) >= 300


def test_the_prediction_equals_the_kernels_sets(node_cluster: Node, kernel: dict[int, list[ProcessSets]]) -> None:
    node_all = host_proc.own().effective
    runtime = node_cluster.api.get("/api/v1/nodes/localhost")["status"]["nodeInfo"]["containerRuntimeVersion"]
    wanted = [predict(runtime_of(runtime), matrix.request(row), node_all).sets for row in ROWS]
    assert [
        (matrix.context(row), row["user"], seen, predicted)
        for row, found, predicted in zip(ROWS, kernel.values(), wanted, strict=True)
        for seen in found
        if seen != predicted
    ] == []
    if os.environ.get("UPDATE"):
        matrix.write_record(node_all, [(matrix.request(row), kernel[index][0]) for index, row in enumerate(ROWS)])
