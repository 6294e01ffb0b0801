"""Compares `label-ns --dry-run=server` of many namespaces with a loop of `kubectl label --dry-run=server`.

    PYTHONPATH=tests/cluster .venv/bin/python benchmarks/label_ns.py [NAMESPACES [PODS]]

The script starts an API server without a node, so pods stay Pending. Deployments make the pods, half of them compliant.
The script prints both times and their ratio. The loop judges only running pods; label-ns judges the templates, too.
"""

import os
import subprocess
import sys
import time
from collections.abc import Sequence

from pairs import row
from testbed.api import Api
from testbed.cluster import Cluster
from testbed.needs import kubectl
from testbed.serve import running

LABEL = "pod-security.kubernetes.io/enforce=restricted"
EACH = 5
"""The number of Deployments in a namespace."""

GOOD = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}

def fill(api: Api, names: Sequence[str], pods: int) -> None:
    """Make the namespaces and their Deployments, and wait for the pods."""
    for at, name in enumerate(names):
        post(api, "/api/v1/namespaces", {"metadata": {"name": name}})
        for index in range(EACH):
            post(api, f"/apis/apps/v1/namespaces/{name}/deployments", deployment(f"web-{index}", pods, at % 2 == 0))
    wanted = len(names) * EACH * pods
    while (made := count(api)) < wanted:
        print(f"  {made} of {wanted} pods", file=sys.stderr, flush=True)
        time.sleep(5)


def post(api: Api, path: str, body: dict[str, object]) -> None:
    """Create an object."""
    status, answer = api.request("POST", path, body)
    assert status == 201, answer


def deployment(name: str, replicas: int, good: bool) -> dict[str, object]:
    """A Deployment with one ordinary container."""
    container = {
        "name": "main",
        "image": "registry.example.com/shop/web:1.2.3",
        "ports": [{"containerPort": 8080}],
        "env": [{"name": f"SETTING_{index}", "value": "some value or other"} for index in range(10)],
        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}},
        "readinessProbe": {"httpGet": {"path": "/ready", "port": 8080}},
        **({"securityContext": GOOD} if good else {}),
    }
    labels = {"app": name}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
    return {"metadata": {"name": name}, "spec": spec}


def count(api: Api) -> int:
    """The number of pods in the cluster."""
    page = api.get("/api/v1/pods?limit=1")
    return len(page["items"]) + int(page["metadata"].get("remainingItemCount", 0))


def timed(commands: Sequence[Sequence[str]], env: dict[str, str]) -> float:
    """The seconds that these commands take, one after the other."""
    started = time.monotonic()
    for command in commands:
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        wrong = [line for line in done.stdout.splitlines() if ": not judged: " in line]
        assert done.returncode in (0, 1), [done.stderr, *wrong[:3], *done.stdout.splitlines()[-3:]]
    return time.monotonic() - started


def main(namespaces: int = 200, pods: int = 5000) -> None:
    """Measure, and print the ratio."""
    names = [f"bench-{index:03}" for index in range(namespaces)]
    with running("api") as place:
        cluster = Cluster(place)
        fill(cluster.api, names, pods // namespaces // EACH)
        env = {**os.environ, "KUBECONFIG": str(place.kubeconfig)}
        ours = [[sys.executable, "-m", "kubectl_caps", "label-ns", *names, "--dry-run=server"]]
        loop = [[kubectl(), "label", "--dry-run=server", "namespace", name, LABEL] for name in names]
        preflight = min(timed(ours, env) for _ in range(3))
        labels = timed(loop, env)
    print(f"{namespaces} namespaces, {pods} pods, {namespaces * EACH} Deployments, whose pods are tried in a dry run")
    detail = f"by the clock: label-ns {preflight:.2f} s, the loop {labels:.2f} s"
    against = "a loop of kubectl label --dry-run=server"
    row(f"label-ns preflight of {namespaces} namespaces", against, preflight / labels, 1 / 2, detail)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
