"""Compares the time of a Tab with kubectl's own completion: without a server, with a server, and with a silent server.

    PYTHONPATH=tests/cluster .venv/bin/python benchmarks/completion.py [DEPLOYMENTS]

The script starts an API server.
"""

import os
import socket
import sys

from pairs import BIN, CAPS, in_turn, row
from testbed.cluster import Cluster
from testbed.needs import kubectl
from testbed.serve import running

SILENT = 3.0
"""Seconds after which completion gives up on a server that does not answer."""


def main(deployments: int = 50) -> None:
    """Measure, and print a row for each measurement."""
    with running("api") as place, socket.create_server(("127.0.0.1", 0)) as silent:
        cluster = Cluster(place)
        template = cluster.kubectl(
            "create", "deployment", "x", "--image=x", "--replicas=0", "--dry-run=client", "-o", "yaml"
        ).stdout
        texts = [template.replace("name: x", f"name: web-{number}", 1) for number in range(deployments)]
        cluster.kubectl("apply", "-f", "-", input="---\n".join(texts))
        env = {"KUBECONFIG": str(place.kubeconfig), "PATH": f"{BIN}:{os.environ['PATH']}"}
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        found = in_turn(
            {
                "python": [sys.executable, "-c", "pass"],
                "capability": [*CAPS, "__complete", "harden", "--add", "NET_"],
                "own": [kubectl(), "__complete", "get", "deploy/"],
                "ours": [kubectl(), "__complete", "caps", "inspect", "deploy/"],
                "silent": [*CAPS, "__complete", "inspect", "-s", address, "deploy/"],
            },
            env=env,
        )
    python, capability, own, ours = (found[name] for name in ("python", "capability", "own", "ours"))
    row("completion of a capability", "python -c pass", capability.ratio(python), 4.0, str(capability))
    names = f"names of {deployments} Deployments: {ours}; kubectl {own}"
    work = "kubectl caps inspect deploy/<TAB>: by the clock"
    row(work, "kubectl get deploy/<TAB>", ours.ratio(own, "clock"), 3.0, names)
    row("inspect deploy/<TAB>, a silent server: by the clock", "its limit", found["silent"].clock, SILENT, unit=" s")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
