"""Compares `fit` with the loop that it replaces: `harden`, again with the suggestion of each failed rollout.

    PYTHONPATH=tests/cluster .venv/bin/python benchmarks/fit.py      (needs what the node tier needs)

The script starts a node and runs both on nginx, with their defaults: once under an image name that no table knows, and
once under nginx's own name. The time is wall-clock time, because both wait for containers.
"""

import json
import subprocess
import sys
import time
from typing import Any

from pairs import row
from test_harden_node import Place, pod, workload
from testbed import programs
from testbed.cluster import Node
from testbed.serve import running

UNKNOWN = "docker.io/local/web:1"
MOST = 6
"""The most runs of `harden`. Three are needed."""


def caps(place: Place, command: str, name: str, *flags: str) -> dict[str, Any]:
    """The first item of one command line's JSON."""
    argv = [sys.executable, "-m", "kubectl_caps", command, f"deploy/{name}", "-n", place.name, "--yes", "-o", "json"]
    done = subprocess.run([*argv, *flags], env=environment(place), capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout)["items"][0]
    return found


def environment(place: Place) -> dict[str, str]:
    """The environment in which a command finds the cluster."""
    return {"PATH": "/usr/bin:/bin", "KUBECONFIG": str(place.node.kubeconfig)}


def fitted(place: Place, name: str) -> float:
    """The seconds that `fit` takes. Prints the number of trials."""
    began = time.monotonic()
    item = caps(place, "fit", name)
    taken = time.monotonic() - began
    print(f"fit of {name}: {taken:.0f} s, {len(item['trials'])} trials, {item['result']}: {item['needed']}")
    return taken


def hardened(place: Place, name: str) -> float:
    """The seconds until a rollout of `harden` works. Each run has the suggestion of the run before."""
    began, adds, runs = time.monotonic(), set[str](), 0
    while runs < MOST:
        runs += 1
        flags = ["--add", ",".join(sorted(adds))] if adds else []
        item = caps(place, "harden", name, "--canary=false", *flags)
        if item["result"] == "patched":
            break
        adds |= {one for names in item["suggestion"]["add"].values() for one in names}
    taken = time.monotonic() - began
    print(f"harden of {name}: {taken:.0f} s, {runs} runs, {item['result']}: {sorted(adds)}")
    return taken


def main() -> None:
    """Measure `fit` and the `harden` loop on a node."""
    with running("node") as where:
        node = Node(where)
        place = Place(node)
        unknown, nginx = node.image(UNKNOWN, programs.REAL["nginx"]), node.real("nginx")
        place.apply(*(workload(name, pod(unknown)) for name in ("web", "loop")), workload("nginx", pod(nginx)))
        place.await_ready("deploy/web", "deploy/nginx", "deploy/loop")
        loop = hardened(place, "loop")
        for name, image in (("web", "an unknown image"), ("nginx", "a known image")):
            taken = fitted(place, name)
            detail = f"by the clock: {taken:.0f} s and {loop:.0f} s"
            row(f"fit of nginx, {image}", "harden until a rollout stays", taken / loop, 1 / 3, detail, goal=True)


if __name__ == "__main__":
    main()
