"""Makes ten thousands of pods for a benchmark, as copies in etcd of one pod that the API server has created.

The pods have no node, so no kubelet runs them and no garbage collector deletes them.
"""

import base64
import copy
import json
import time
import urllib.request
from collections.abc import Iterator
from typing import Any

from testbed.cluster import Cluster

NAMESPACES = 10
TEMPLATES = 300
"""The number of different pods in a usual cluster of this size."""
_BATCH = 100
_CONTEXTS: tuple[dict[str, Any], ...] = (
    {},
    {"runAsNonRoot": True},
    {"capabilities": {"add": ["NET_ADMIN"]}},
    {"capabilities": {"drop": ["NET_RAW"]}},
    {"allowPrivilegeEscalation": False, "capabilities": {"add": ["NET_BIND_SERVICE"], "drop": ["ALL"]}},
)


def fill(cluster: Cluster, count: int, templates: int, *, other_names: bool = False) -> None:
    """Make `count` pods of so many different templates, in ten namespaces, and wait until the API server has them.

    Templates differ in their images and labels, and by five in their security contexts. With `other_names` their
    containers have other names, too, so that no two templates are alike in what is judged.
    """
    namespaces = [cluster.make_namespace() for _ in range(NAMESPACES)]
    path = f"/api/v1/namespaces/{namespaces[0]}/pods"
    status, made = cluster.api.request("POST", path, _pod())
    if status != 201:
        raise SystemExit(f"error: {made}")
    pods = [_like(made, number, namespaces[number % NAMESPACES], number % templates) for number in range(count)]
    for pod in pods if other_names else ():
        for container in pod["spec"]["containers"]:
            container["name"] += f"-{pod['metadata']['labels']['app'].removeprefix('app-')}"
    for start in range(0, count, _BATCH):
        _put(cluster.place.etcd, pods[start : start + _BATCH])
    while len(list(_listed(cluster))) < count:
        time.sleep(1)


def _pod() -> dict[str, Any]:
    """A usual pod: with environment variables, probes and two containers."""
    variables = [{"name": f"SETTING_{index}", "value": "x" * 40} for index in range(20)]
    probe = {"httpGet": {"path": "/healthz", "port": 8080}}
    containers = [{"name": name, "image": "x", "env": variables, "livenessProbe": probe} for name in ("main", "proxy")]
    spec = {"containers": containers, "schedulerName": "nobody"}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "model"}, "spec": spec}


def _like(made: dict[str, Any], number: int, namespace: str, template: int) -> dict[str, Any]:
    pod = copy.deepcopy(made)
    uid = f"{number:08x}-0000-4000-8000-000000000000"
    labels = {"app": f"app-{template}"}
    pod["metadata"].update(name=f"pod-{number}", namespace=namespace, uid=uid, labels=labels)
    del pod["metadata"]["resourceVersion"]
    [token] = pod["spec"]["volumes"]
    token["name"] = f"kube-api-access-{number:05}"  # admission gives each pod's volume another name
    for container in pod["spec"]["containers"]:
        container["image"] = f"registry.example.com/{container['name']}:{template}"
        container["securityContext"] = _CONTEXTS[template % len(_CONTEXTS)]
        container["volumeMounts"][0]["name"] = token["name"]
    return {"apiVersion": "v1", "kind": "Pod", **pod}


def _put(etcd: str, pods: list[dict[str, Any]]) -> None:
    """Write the pods into etcd by its JSON gateway."""
    puts = [
        {"requestPut": {"key": _text(f"/registry/pods/{key(pod)}"), "value": _text(json.dumps(pod))}} for pod in pods
    ]
    body = json.dumps({"success": puts}).encode()
    urllib.request.urlopen(urllib.request.Request(f"{etcd}/v3/kv/txn", body), timeout=60).read()


def key(pod: dict[str, Any]) -> str:
    """The key of a pod in etcd."""
    return f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"


def _text(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _listed(cluster: Cluster) -> Iterator[Any]:
    token = ""
    while True:
        page = cluster.api.get(f"/api/v1/pods?limit=500&continue={token}") or {"items": [], "metadata": {}}
        yield from page["items"]
        token = page["metadata"].get("continue", "")
        if not token:
            return
