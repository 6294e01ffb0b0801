"""What a Tab costs: `kubectl caps` beside kubectl's own completion, without a server, with one, and with a silent one.

    PYTHONPATH=tests/cluster .venv/bin/python benchmarks/completion.py [DEPLOYMENTS]

Starts an API server of its own. Each figure is the median of eleven runs; ours and those of kubectl take turns.
"""

import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from testbed.cluster import Cluster
from testbed.needs import kubectl
from testbed.serve import running

RUNS = 11
BIN = Path(sys.executable).parent


def seconds(command: Sequence[str], env: Mapping[str, str]) -> float:
    """How long a command takes, which has to succeed."""
    started = time.monotonic()
    subprocess.run(command, env=env, capture_output=True, check=True)
    return time.monotonic() - started


def medians(commands: Mapping[str, Sequence[str]], env: Mapping[str, str]) -> dict[str, float]:
    """The median seconds of each command; the commands take turns."""
    taken: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(RUNS):
        for name, command in commands.items():
            taken[name].append(seconds(command, env))
    return {name: statistics.median(values) for name, values in taken.items()}


def main(deployments: int = 50) -> None:
    """Measure, and print the figures."""
    caps = str(BIN / "kubectl-caps")
    with running("api") as place, socket.create_server(("127.0.0.1", 0)) as silent:
        cluster = Cluster(place)
        template = cluster.kubectl(
            "create", "deployment", "x", "--image=x", "--replicas=0", "--dry-run=client", "-o", "yaml"
        ).stdout
        texts = [template.replace("name: x", f"name: web-{number}", 1) for number in range(deployments)]
        cluster.kubectl("apply", "-f", "-", input="---\n".join(texts))
        env = {**os.environ, "KUBECONFIG": str(place.kubeconfig), "PATH": f"{BIN}:{os.environ['PATH']}"}
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        found = medians(
            {
                "python": [sys.executable, "-c", "pass"],
                "flag": [caps, "__complete", "inspect", "--fail-on="],
                "capability": [caps, "__complete", "harden", "--add", "NET_"],
                "own": [kubectl(), "__complete", "get", "deploy/"],
                "ours": [kubectl(), "__complete", "caps", "inspect", "deploy/"],
                "alone": [caps, "__complete", "inspect", "deploy/"],
                "silent": [caps, "__complete", "inspect", "-s", address, "deploy/"],
            },
            env,
        )
    print(f"bare Python                              {found['python'] * 1000:5.0f} ms")
    print(f"values of a flag, no server              {found['flag'] * 1000:5.0f} ms")
    print(f"capabilities, no server                  {found['capability'] * 1000:5.0f} ms")
    print(f"kubectl get deploy/<TAB>                 {found['own'] * 1000:5.0f} ms")
    ratio = found["ours"] / found["own"]
    print(f"kubectl caps inspect deploy/<TAB>        {found['ours'] * 1000:5.0f} ms, ratio {ratio:.2f}")
    print(f"kubectl-caps inspect deploy/<TAB>        {found['alone'] * 1000:5.0f} ms")
    print(f"the same, with a silent server           {found['silent'] * 1000:5.0f} ms")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
