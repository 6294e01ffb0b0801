"""Time and memory of `inspect -A` beside `kubectl get pods -A -o json`, on a real API server with many pods.

    PYTHONPATH=tests/cluster .venv/bin/python benchmarks/inspect_list.py [PODS]

The aim is at most an eighth of kubectl's. Each command runs three times; the quickest counts.
"""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from testbed import needs
from testbed.cluster import Cluster
from testbed.serve import running

RUNS = 3
WORKERS = 8


@dataclass(frozen=True)
class Cost:
    """Seconds of wall clock, and the most memory that the process had at once."""

    seconds: float
    megabytes: float


def measure(command: Sequence[str], kubeconfig: str) -> Cost:
    """One run with its output thrown away. Raises SystemExit where it fails."""
    start = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env={**os.environ, "KUBECONFIG": kubeconfig})
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"error: {' '.join(command)} failed")
    return Cost(time.monotonic() - start, usage.ru_maxrss / 1024)


def pod(number: int) -> dict[str, object]:
    """A pod like those of a cluster, with an environment, probes and two containers."""
    variables = [{"name": f"SETTING_{index}", "value": "x" * 40} for index in range(20)]
    probe = {"httpGet": {"path": "/healthz", "port": 8080}}
    containers = [
        {"name": name, "image": f"registry.example.com/{name}:1", "env": variables, "livenessProbe": probe}
        for name in ("main", "proxy")
    ]
    metadata = {"name": f"pod-{number}", "labels": {"app": f"app-{number % 50}"}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": {"containers": containers, "schedulerName": "nobody"},
    }


def fill(cluster: Cluster, pods: int) -> None:
    """Create the pods, in ten namespaces."""
    namespaces = [cluster.make_namespace() for _ in range(10)]

    def create(number: int) -> None:
        path = f"/api/v1/namespaces/{namespaces[number % len(namespaces)]}/pods"
        code, answer = cluster.api.request("POST", path, pod(number))
        if code != 201:
            raise SystemExit(f"error: {answer}")

    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(create, range(pods)))


def main(pods: int) -> None:
    """Print one line a command, with its ratio to kubectl's."""
    caps = [sys.executable, "-m", "kubectl_caps", "inspect", "-A"]
    commands = {
        "kubectl get pods -A -o json": [needs.kubectl(), "get", "pods", "-A", "-o", "json"],
        "kubectl caps inspect pods -A -o name": [*caps, "pods", "-o", "name"],
        "kubectl caps inspect -A": caps,
        "kubectl caps inspect -A -o json": [*caps, "-o", "json"],
    }
    with running("api") as place:
        cluster = Cluster(place)
        fill(cluster, pods)
        print(f"{pods} pods", flush=True)
        first: Cost | None = None
        for name, command in commands.items():
            costs = [measure(command, str(cluster.kubeconfig)) for _ in range(RUNS)]
            cost = Cost(min(one.seconds for one in costs), min(one.megabytes for one in costs))
            first = first or cost
            time_, memory = first.seconds / cost.seconds, first.megabytes / cost.megabytes
            ratios = f"1/{time_:.1f} of the time, 1/{memory:.1f} of the memory"
            print(f"{name:<38}{cost.seconds:6.2f} s {cost.megabytes:5.0f} MB   {ratios}", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5000)
