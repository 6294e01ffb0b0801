"""Compares `harden --wait=false` of 200 deployments with a loop of `kubectl patch`, on a real API server.

    PYTHONPATH=tests/cluster python benchmarks/harden_parallel.py      (`make bench`)

The ratio of the times by the clock must be at most a quarter. `harden` does more: it reads the objects, tries each
change and its pod on the server, and saves the undo.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from pairs import row
from testbed.serve import running

COUNT = 200
LIMIT = 0.25
BIN = Path(sys.executable).parent
KUBECTL = str(BIN / "kubectl")
NAMES = [f"web{number:03}" for number in range(COUNT)]
CONTEXT = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
PATCH = [{"op": "add", "path": "/spec/template/spec/containers/0/securityContext", "value": CONTEXT}]


def deployment(name: str) -> dict[str, object]:
    """A deployment without pods, because only the requests are measured."""
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "c", "image": "x"}]}}
    spec = {"replicas": 0, "selector": {"matchLabels": {"app": name}}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}


def made(namespace: str) -> str:
    """Create a namespace with the deployments, and wait until their controller has seen all."""
    objects = {"apiVersion": "v1", "kind": "List", "items": [deployment(name) for name in NAMES]}
    subprocess.run([KUBECTL, "create", "namespace", namespace], check=True, capture_output=True)
    command = [KUBECTL, "apply", "-n", namespace, "-f", "-"]
    subprocess.run(command, input=json.dumps(objects), text=True, check=True, capture_output=True)
    while len(_seen(namespace).split()) < COUNT:
        time.sleep(0.5)
    time.sleep(2)
    return namespace


def _seen(namespace: str) -> bytes:
    path = "jsonpath={range .items[?(@.status.observedGeneration)]}{.spec.replicas} {end}"
    return subprocess.run([KUBECTL, "get", "deploy", "-n", namespace, "-o", path], capture_output=True).stdout


def seconds(*commands: list[str]) -> float:
    """The seconds that these commands take, one after the other."""
    start = time.monotonic()
    for command in commands:
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.monotonic() - start


def main() -> None:
    """Measure both twice. The better time of each counts."""
    text = json.dumps(PATCH)
    loops, hardens = [], []
    for turn in range(2):
        one, other = made(f"loop{turn}"), made(f"harden{turn}")
        loops.append(seconds(*([KUBECTL, "patch", "deploy", n, "-n", one, "--type=json", "-p", text] for n in NAMES)))
        with tempfile.TemporaryDirectory() as folder:
            flags = ["--yes", "--wait=false", "--undo-to", f"{folder}/undo"]
            hardens.append(seconds([str(BIN / "kubectl-caps"), "harden", "deploy", "-n", other, *flags]))
    ratio = min(hardens) / min(loops)
    detail = f"by the clock: harden {min(hardens):.1f} s, the loop {min(loops):.1f} s"
    row(f"harden of {COUNT} deployments, --wait=false", "a loop of kubectl patch", ratio, LIMIT, detail)


if __name__ == "__main__":
    with running("api") as place:
        os.environ["KUBECONFIG"] = str(place.kubeconfig)
        main()
