"""An API server and its controllers in memory, for one namespace: every answer comes from a table of this file.

It is for the branches that a real cluster takes minutes to reach. What a real server says is tested in tests/cluster.
"""

import copy
import json
from collections.abc import Callable, Mapping
from typing import Any

from loopback import Answer, Seen, reply, status

Obj = dict[str, Any]
Pods = Callable[["FakeShop"], list[Obj]]

KINDS = {
    "Deployment": "deployments", "StatefulSet": "statefulsets", "DaemonSet": "daemonsets", "CronJob": "cronjobs",
}  # fmt: skip
RUNS = {"state": {"running": {"startedAt": "2026-01-01T00:00:10Z"}}, "ready": True}
DONE: Obj = {"state": {"terminated": {"exitCode": 0, "finishedAt": "2026-01-01T00:00:11Z"}}, "ready": False}
CRASHED: Obj = {"state": {"terminated": {"exitCode": 1, "finishedAt": "2026-01-01T00:00:11Z"}}, "ready": False}


def pod(name: str, status: Mapping[str, Any] = RUNS, *, owner: str = "rs", new: bool = True, **context: Any) -> Obj:
    """A pod of the workload: of the new template with that context, or of the one before."""
    labels = {"app": "web", "pod-template-hash": "new" if new else "old", "controller-revision-hash": "new"}
    labels["pod-template-generation"] = "1"
    owners = [{"apiVersion": "v1", "kind": "Owner", "name": owner, "uid": owner, "controller": True}]
    wanted = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, **context} if new else {}
    return {
        "metadata": {"name": name, "namespace": "shop", "uid": name, "labels": labels, "ownerReferences": owners},
        "spec": {"containers": [{"name": "c", "image": "x", "securityContext": wanted}]},
        "status": {"phase": "Running", "containerStatuses": [{"name": "c", "restartCount": 0, **status}]},
    }


def workload(kind: str = "Deployment", name: str = "web", **spec: Any) -> Obj:
    """A workload whose status says that all is well."""
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "c", "image": "x"}]}}
    common: Obj = {"replicas": 1, "selector": {"matchLabels": {"app": "web"}}, "template": template, **spec}
    if kind == "CronJob":
        common = {"schedule": "0 0 1 1 *", "jobTemplate": {"spec": {"template": template}}, **spec}
    metadata = {
        "name": name, "namespace": "shop", "uid": name, "generation": 1,
        "annotations": {"deployment.kubernetes.io/revision": "2", "deprecated.daemonset.template.generation": "1"},
    }  # fmt: skip
    up = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), 1)
    up |= dict.fromkeys(("desiredNumberScheduled", "updatedNumberScheduled", "numberReady", "numberAvailable"), 1)
    status = {**up, "observedGeneration": 1, "updateRevision": "new"}
    version = "batch/v1" if kind == "CronJob" else "apps/v1"
    return {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": common, "status": status}


def run_of(cron_job: Obj, name: str, ended: str = "Complete", **more: Any) -> Obj:
    """A Job that the CronJob made of the template that it has; `ended` is the condition of the Job, empty if none."""
    owner = {"apiVersion": "batch/v1", "kind": "CronJob", "name": "web", "uid": "web", "controller": True}
    spec = {**cron_job["spec"]["jobTemplate"]["spec"], "selector": {"matchLabels": {"app": "web"}}}
    return {
        "metadata": {"name": name, "namespace": "shop", "uid": name, "ownerReferences": [owner]},
        "spec": spec, "status": {**ENDS[ended], **more},
    }  # fmt: skip


ENDS: dict[str, Obj] = {
    "": {"active": 1},
    "Complete": {"conditions": [{"type": "Complete", "status": "True"}], "succeeded": 1},
    "Failed": {"conditions": [{"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded"}], "failed": 1},
}


class FakeShop:
    """What is stored. `pods` are those after `patches` patches, `logs` what their containers say.

    `runs` are the Jobs of the CronJob controller; a Job that is made has the condition `ends`. `before` may answer a
    request instead: None leaves it to the server.
    """

    def __init__(
        self,
        *objects: Obj,
        pods: Pods | None = None,
        before: Callable[["FakeShop", Seen], Answer | None] | None = None,
        runs: Pods = lambda shop: [],
        ends: str = "Complete",
    ) -> None:
        self.runs, self.ends = runs, ends
        self.objects = {(KINDS[obj["kind"]], obj["metadata"]["name"]): obj for obj in objects}
        self.pods, self.before = pods or (lambda shop: [pod("new", new=bool(shop.patches))]), before
        self.patches: list[list[Obj]] = []
        self.jobs: list[Obj] = []
        self.logs: dict[str, str] = {}
        self.events: list[Obj] = []
        self.deleted: list[str] = []

    def __call__(self, seen: Seen) -> Answer:
        """The answer to a request."""
        if self.before and (answer := self.before(self, seen)):
            return answer
        _, _, place = seen.path.partition("/namespaces/")
        _, _, rest = place.partition("/")
        plural, _, name = rest.partition("/")
        if seen.method == "POST":
            return self.made(plural, seen)
        if seen.method == "DELETE":
            self.deleted.append(name)
            self.jobs = [job for job in self.jobs if job["metadata"]["name"] != name]
            return reply({})
        if name.endswith("/log"):
            return Answer(self.logs.get(name.partition("/")[0], "").encode(), content_type="text/plain")
        if (plural, name) in self.objects:
            return self._object(seen, self.objects[plural, name])
        return status(404, "NotFound", f"{rest} not found") if name else reply(self._list(plural, seen))

    def made(self, plural: str, seen: Seen) -> Answer:
        made = json.loads(seen.body)
        if plural == "jobs" and "dryRun" not in seen.query:
            made["metadata"]["uid"] = "job"
            made["spec"]["selector"] = {"matchLabels": {"app": "web"}}
            made["status"] = ENDS[self.ends]
            self.jobs.append(made)
        return reply(made, 201)

    def _object(self, seen: Seen, obj: Obj) -> Answer:
        if seen.method != "PATCH":
            return reply(obj)
        made = patched(obj, json.loads(seen.body))
        if made is None:
            return status(422, "Invalid", "the server rejected our request due to an error in our request")
        if "dryRun" not in seen.query:
            made["metadata"]["generation"] += 1
            made["status"]["observedGeneration"] = made["metadata"]["generation"]
            self.objects[KINDS[obj["kind"]], obj["metadata"]["name"]] = made
            self.patches.append(json.loads(seen.body))
        return reply(made)

    def _list(self, plural: str, seen: Seen) -> Obj:
        if plural == "pods" and "caps.kubectl/fit=" in seen.query.get("labelSelector", ""):
            trials = [one for one in self.pods(self) if "job-name" in one["metadata"]["labels"]]
            return {"items": trials, "metadata": {}}
        controller = {"name": "web", "uid": "web", "controller": True, "apiVersion": "apps/v1", "kind": "Deployment"}
        labels = {"pod-template-hash": "new"}
        metadata = {
            "name": "rs", "uid": "rs", "labels": labels, "ownerReferences": [controller],
            "annotations": {"deployment.kubernetes.io/revision": "2"},
        }  # fmt: skip
        found = {
            "replicasets": [{"metadata": metadata, "spec": {"template": {"spec": {"containers": []}}}}],
            "pods": self.pods(self), "jobs": [*self.runs(self), *self.jobs], "events": self.events,
            **{plural: [obj for key, obj in self.objects.items() if key[0] == plural] for plural in KINDS.values()},
        }  # fmt: skip
        return {"items": found.get(plural, []), "metadata": {}}


def patched(obj: Obj, operations: list[Obj]) -> Obj | None:
    """The object after a JSON Patch (RFC 6902); None where a test fails."""
    made = copy.deepcopy(obj)
    for one in operations:
        *path, last = one["path"].strip("/").replace("~1", "/").split("/")
        at: Any = made
        for step in path:
            at = at[int(step) if isinstance(at, list) else step]
        if one["op"] == "test":
            if (at[int(last)] if isinstance(at, list) else at.get(last)) != one["value"]:
                return None
        elif one["op"] == "remove":
            del at[last]
        else:
            at[last] = one["value"]
    return made
