"""What stands on the API server for the matrix: a namespace with deployments, and the hands that run their pods.

Nobody runs pods in the API tier. `run_pods` says in their status that they run, which is all that a kubelet tells.
"""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from testbed.cluster import Cluster

LABEL = "pod-security.kubernetes.io/enforce"
_SOFT: dict[str, Any] = {"name": "c", "image": "x", "readinessProbe": {"tcpSocket": {"port": 80}}}
_BAD = "nobody-runs-it"

_POLICY = (
    "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings",
    "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies",
    "/api/v1/namespaces/kube-system/configmaps",
)
"""Where the objects of a namespace's policy stand."""

State = dict[str, Any]
"""By object what our commands may change of it: its uid, the containers' security contexts, the labels, the policy."""


class Shop:
    """A namespace: `web` has no pods, `one` one, `bad` one that nobody runs, `old` was hardened and can be undone."""

    def __init__(self, cluster: Cluster, folder: Path) -> None:
        self.cluster, self.folder, self.api = cluster, folder, cluster.api
        self.namespace = ""
        self._wanted: dict[str, dict[str, Any]] = {}

    @property
    def undo_file(self) -> str:
        """The saved undo of `old`."""
        return str(self.folder / "undo.json")

    def open(self) -> None:
        """Make the namespace and all that is in it."""
        self.namespace = self.cluster.make_namespace()
        self._label({"faults": self.namespace})
        for name, replicas in (("web", 0), ("one", 1), ("bad", 1), ("old", 0)):
            self._wanted[name] = self._request("POST", self._path(), _deployment(name, replicas), 201)
        self._harden_old()
        self.settle()

    def reopen(self) -> None:
        """As it was before a run, whatever the run and other writers did; another namespace where this one is gone."""
        namespace = self._namespace()
        if namespace.get("status", {}).get("phase") != "Active":
            self.open()
            return
        if {LABEL, "other"} & namespace["metadata"]["labels"].keys():
            self._label({LABEL: None, "other": None})
        found = self._deployments()
        for name, wanted in self._wanted.items():
            obj = found.get(name)
            if obj is None or obj["metadata"]["uid"] != wanted["metadata"]["uid"]:
                self._make_again(name, obj)
            elif obj["spec"] != wanted["spec"] or obj["metadata"].get("annotations", {}).get("other"):
                metadata = {"name": name, "labels": obj["metadata"].get("labels", {})}
                self._request("PUT", f"{self._path()}/{name}", {**wanted, "metadata": metadata, "status": {}}, 200)
        for name in self._names("/apis/batch/v1", "jobs"):
            options = {"propagationPolicy": "Background", "kind": "DeleteOptions", "apiVersion": "v1"}
            self.api.request("DELETE", f"/apis/batch/v1/namespaces/{self.namespace}/jobs/{name}", options)
        for path in self._policy():
            self.api.request("DELETE", path)
        self.settle()

    def settle(self) -> None:
        """Wait until the controllers have seen all, and `one` is available."""
        self._until(lambda: not self.left() and all(map(self._is_settled, self._deployments().values())))

    def state(self) -> State:
        """What is stored."""
        labels = self._namespace()["metadata"].get("labels", {})
        found: State = {"namespace": labels.get(LABEL), "policy": len(self._policy())}
        for name, obj in self._deployments().items():
            containers = obj["spec"]["template"]["spec"]["containers"]
            found[name] = {
                "uid": obj["metadata"]["uid"],
                "contexts": [container.get("securityContext") for container in containers],
                "minReadySeconds": obj["spec"].get("minReadySeconds", 0),
            }
        return found

    def _policy(self) -> list[str]:
        """The paths of the objects of the namespace's policy."""
        paths = (f"{path}/kubectl-caps-{self.namespace}" for path in _POLICY)
        return [path for path in paths if self.api.get(path)]

    def left(self) -> list[str]:
        """The Jobs and pods of trials that are still there."""
        pods = (name for name in self._names("/api/v1", "pods") if "caps-fit" in name)
        return [*self._names("/apis/batch/v1", "jobs"), *pods]

    def run_pods(self) -> None:
        """Every pod runs and is ready from now on, but those of `bad`."""
        for pod in self._list("/api/v1", "pods"):
            if not pod["status"].get("containerStatuses") and pod["spec"]["schedulerName"] != _BAD:
                path = f"/api/v1/namespaces/{self.namespace}/pods/{pod['metadata']['name']}/status"
                self.api.request("PUT", path, {**pod, "status": _running(pod)})

    def write(self, what: str, target: str) -> None:
        """Another writer's `other field`, `same field`, `delete`, `replace`; without a target of the namespace."""
        path = f"{self._path()}/{target}" if target else f"/api/v1/namespaces/{self.namespace}"
        if what in ("delete", "replace"):
            self.api.request("DELETE", path)
            if what == "replace" and target:
                self.api.request("POST", self._path(), _deployment(target, 0))
            return
        if not target:
            self._label({"other": "1"} if what == "other field" else {LABEL: "privileged"})
            return
        obj = self.api.get(path)
        if obj is None:
            return
        obj["metadata"].pop("resourceVersion")
        obj["metadata"].setdefault("annotations", {})["other"] = "1"
        if what == "same field":
            container = obj["spec"]["template"]["spec"]["containers"][0]
            container["securityContext"] = {"capabilities": {"drop": ["CHOWN"]}}
        self.api.request("PUT", path, obj)

    def _make_again(self, name: str, obj: dict[str, Any] | None) -> None:
        if obj is not None:
            self.api.request("DELETE", f"{self._path()}/{name}")
        self._until(lambda: self.api.get(f"{self._path()}/{name}") is None)
        replicas = self._wanted[name]["spec"]["replicas"]
        self._wanted[name] = self._request("POST", self._path(), _deployment(name, replicas), 201)
        if name == "old":
            self._harden_old()

    def _harden_old(self) -> None:
        Path(self.undo_file).unlink(missing_ok=True)
        flags = ("--wait=false", "--undo-to", self.undo_file)
        done = self.cluster.caps("harden", "deploy/old", "-n", self.namespace, *flags)
        assert done.returncode == 0, done
        self._wanted["old"] = self._request("GET", f"{self._path()}/old", None, 200)

    def _is_settled(self, obj: dict[str, Any]) -> bool:
        if obj["status"].get("observedGeneration") != obj["metadata"]["generation"]:
            return False
        wanted = obj["spec"]["replicas"]
        if obj["metadata"]["name"] == "one":
            self.run_pods()
            there = [name for name in self._names("/api/v1", "pods") if name.startswith("one-")]
            if len(there) != wanted or obj["status"].get("updatedReplicas") != wanted:
                return False
            return bool(obj["status"].get("availableReplicas") == obj["status"].get("replicas") == wanted)
        return bool(obj["status"].get("updatedReplicas", 0) == obj["status"].get("replicas", 0) == wanted)

    def _path(self) -> str:
        return f"/apis/apps/v1/namespaces/{self.namespace}/deployments"

    def _label(self, labels: dict[str, str | None]) -> None:
        text = json.dumps({"metadata": {"labels": labels}})
        path = f"/api/v1/namespaces/{self.namespace}"
        status, answer = self.api.request("PATCH", path, json.loads(text), "application/merge-patch+json")
        assert status == 200, answer

    def _namespace(self) -> dict[str, Any]:
        return self.api.get(f"/api/v1/namespaces/{self.namespace}") or {"metadata": {}}

    def _deployments(self) -> dict[str, dict[str, Any]]:
        return {obj["metadata"]["name"]: obj for obj in self._list("/apis/apps/v1", "deployments")}

    def _names(self, group: str, plural: str) -> list[str]:
        there = self._list(group, plural)
        return [one["metadata"]["name"] for one in there if "deletionTimestamp" not in one["metadata"]]

    def _list(self, group: str, plural: str) -> list[dict[str, Any]]:
        found = self.api.get(f"{group}/namespaces/{self.namespace}/{plural}")
        return list(found["items"]) if found else []

    def _request(self, method: str, path: str, body: object, expected: int) -> Any:
        status, answer = self.api.request(method, path, body)
        assert status == expected, answer
        return answer

    def _until(self, holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 60
        while not holds():
            if time.monotonic() > deadline:
                there = {name: obj["status"] for name, obj in self._deployments().items()}
                raise AssertionError(f"{self.namespace} does not come to rest: {self.left()}, {there}")
            time.sleep(0.05)


def _deployment(name: str, replicas: int) -> dict[str, Any]:
    pod = {"schedulerName": _BAD if name == "bad" else "nobody", "containers": [_SOFT]}
    template = {"metadata": {"labels": {"app": name}}, "spec": pod}
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": int(name == "bad")}}
    wanted = {"selector": {"matchLabels": {"app": name}}, "template": template, "strategy": strategy}
    metadata = {"name": name}
    spec = {**wanted, "replicas": replicas, "revisionHistoryLimit": 1}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}


def _running(pod: dict[str, Any]) -> dict[str, Any]:
    since = pod["metadata"]["creationTimestamp"]
    containers = [
        {"name": one["name"], "image": "x", "imageID": "", "ready": True, "started": True, "restartCount": 0,
         "state": {"running": {"startedAt": since}}, "containerID": "containerd://1"}
        for one in pod["spec"]["containers"]
    ]  # fmt: skip
    ready = [{"type": kind, "status": "True", "lastTransitionTime": since} for kind in ("Ready", "ContainersReady")]
    return {"phase": "Running", "conditions": ready, "containerStatuses": containers, "startTime": since}
