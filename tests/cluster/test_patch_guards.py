"""The guards of a patch on a real API server: it takes the patch where nobody changed what the patch changes."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from testbed.cluster import Cluster

from kubectl_caps.core.kubernetes.patch import Patch, between

Json = dict[str, Any]


def deployment(name: str) -> Json:
    containers = [
        {"name": "web", "image": "x", "securityContext": {"capabilities": {"add": ["CHOWN"]}}},
        {"name": "log", "image": "x"},
    ]
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": {"containers": containers}},
        },
    }


class Live:
    """A Deployment in the cluster."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self.cluster, self.namespace = cluster, namespace
        self.path = f"/apis/apps/v1/namespaces/{namespace}/deployments"
        self.create()

    def create(self) -> None:
        assert self.cluster.api.request("POST", self.path, deployment("web"))[0] == 201

    def recreate(self) -> None:
        assert self.cluster.api.request("DELETE", f"{self.path}/web")[0] == 200
        self.create()

    def read(self) -> Json:
        found: Json = self.cluster.api.get(f"{self.path}/web")
        return found

    def change(self, what: Callable[[Json], object]) -> None:
        """What somebody else does in between."""
        obj = self.read()
        del obj["metadata"]["resourceVersion"]
        what(obj)
        assert self.cluster.api.request("PUT", f"{self.path}/web", obj)[0] == 200

    def send(self, patch: Patch) -> str:
        """The error of the server, empty where it takes the patch."""
        arguments = ["deployment", "web", "--type=json", "-p", json.dumps(patch.json_patch())]
        return self.cluster.kubectl("patch", "-n", self.namespace, *arguments, check=False).stderr


def containers(obj: Json) -> list[Json]:
    found: list[Json] = obj["spec"]["template"]["spec"]["containers"]
    return found


def hardened(obj: Json) -> Json:
    wanted = copy.deepcopy(obj)
    for container in containers(wanted):
        container.setdefault("securityContext", {})["allowPrivilegeEscalation"] = False
    containers(wanted)[0]["securityContext"]["capabilities"] = {"drop": ["ALL"]}
    return wanted


@pytest.fixture
def live(api_cluster: Cluster, namespace: str) -> Live:
    return Live(api_cluster, namespace)


ELSEWHERE: dict[str, Callable[[Json], object]] = {
    "nothing": lambda obj: None,
    "the replicas": lambda obj: obj["spec"].update(paused=True, replicas=0, minReadySeconds=3),
    "another field of the container": lambda obj: containers(obj)[0].update(image="y"),
    "a container behind": lambda obj: containers(obj).append({"name": "late", "image": "x"}),
}
HERE: dict[str, Callable[[Json], object]] = {
    "the same field": lambda obj: containers(obj)[1].update(securityContext={"allowPrivilegeEscalation": True}),
    "the list of capabilities": lambda obj: containers(obj)[0]["securityContext"]["capabilities"]["add"].append("KILL"),
    "a container in front": lambda obj: containers(obj).insert(0, {"name": "early", "image": "x"}),
    "one container less": lambda obj: containers(obj).pop(0),
}


@pytest.mark.parametrize("what", ELSEWHERE)
def test_a_change_elsewhere_is_kept_and_the_patch_is_taken_and_undone(live: Live, what: str) -> None:
    before = live.read()
    patch = between(before, hardened(before))
    live.change(ELSEWHERE[what])
    then = live.read()
    assert live.send(patch) == ""
    assert live.read()["spec"] == patch.applied(then)["spec"]
    assert live.send(patch.inverse()) == ""
    assert live.read()["spec"] == then["spec"]


@pytest.mark.parametrize("what", HERE)
def test_a_change_of_a_patched_field_makes_the_server_refuse(live: Live, what: str) -> None:
    before = live.read()
    live.change(HERE[what])
    then = live.read()
    assert "the server rejected our request due to an error in our request" in live.send(
        between(before, hardened(before))
    )
    assert live.read()["spec"] == then["spec"]


def test_another_object_of_the_same_name_is_not_patched(live: Live) -> None:
    before = live.read()
    live.recreate()
    assert live.send(between(before, hardened(before))) != ""
    assert live.read()["spec"] == before["spec"]
