"""What label-ns says is what happens: after a yes every pod can be made again, after a no the named ones cannot."""

import json
import time
from collections.abc import Iterator, Set
from typing import Any

import pytest
from labeling import ENFORCE, GOOD, deployment, inject, judged, labels, make, pod, refused, webhook
from testbed.cluster import Node

SIDECAR = {"name": "sidecar", "imagePullPolicy": "Never"}


def spec(image: str, security: dict[str, Any] | None, **more: Any) -> dict[str, Any]:
    """A pod spec of one container that sleeps and ends at once when asked."""
    own = {"securityContext": security} if security else {}
    container = {"name": "main", "image": image, "imagePullPolicy": "Never", **own}
    return {"containers": [container], "terminationGracePeriodSeconds": 0, **more}


def fill(node: Node, place: str, security: dict[str, Any] | None) -> None:
    """One workload of each kind that runs pods by itself, a bare pod, and a CronJob that never ran."""
    run = spec(node.busybox, security)
    deployment(node, place, "web", run, replicas=1)
    for kind, extra in (("statefulset", {"replicas": 1, "serviceName": "x"}), ("daemonset", {})):
        template = {"metadata": {"labels": {"app": kind}}, "spec": run}
        body = {"selector": {"matchLabels": {"app": kind}}, "template": template, **extra}
        make(node, place, f"apps/v1/{kind}s", {"metadata": {"name": kind}, "spec": body})
    job = {"template": {"spec": {**run, "restartPolicy": "Never"}}}
    cron_job = {"schedule": "0 0 1 1 *", "jobTemplate": {"spec": job}}
    make(node, place, "batch/v1/cronjobs", {"metadata": {"name": "report"}, "spec": cron_job})
    pod(node, place, "bare", run)


def pods(node: Node, place: str) -> list[dict[str, Any]]:
    """The pods of a namespace."""
    found = node.api.get(f"/api/v1/namespaces/{place}/pods")["items"]
    assert isinstance(found, list)
    return found


def await_running(node: Node, place: str, count: int, but: Set[str] = frozenset()) -> list[dict[str, Any]]:
    """Wait until exactly so many pods run, none of them with one of these uids."""
    deadline = time.monotonic() + 60
    while True:
        found = pods(node, place)
        running = [
            one for one in found if one["status"].get("phase") == "Running" and one["metadata"]["uid"] not in but
        ]
        if len(running) == len(found) == count:
            return running
        events = node.kubectl("get", "events", "-n", place).stdout if time.monotonic() > deadline else ""
        assert time.monotonic() < deadline, events
        time.sleep(0.1)


def make_again(node: Node, place: str) -> set[str]:
    """Delete every pod, make the bare one again, run the CronJob; the uids of those that are gone."""
    gone = {one["metadata"]["uid"] for one in pods(node, place)}
    node.kubectl("delete", "pods", "-n", place, "--all", "--wait=false")
    while any(one["metadata"]["name"] == "bare" for one in pods(node, place)):
        time.sleep(0.05)
    return gone


@pytest.fixture(scope="module")
def places(node_cluster: Node) -> Iterator[dict[str, str]]:
    """A namespace of compliant workloads for each webhook: one puts a compliant sidecar into pods, one another."""
    sidecar = {**SIDECAR, "image": node_cluster.busybox}
    good = inject({**sidecar, "securityContext": GOOD})
    bad = inject({**sidecar, "securityContext": {"runAsUser": 0}})
    with webhook(node_cluster, "good-sidecar", good) as first, webhook(node_cluster, "bad-sidecar", bad) as second:
        made = {"good": node_cluster.make_namespace(first), "bad": node_cluster.make_namespace(second)}
        # Without the webhooks at first: what runs does not have the sidecar that comes when it is made again.
        for place in made.values():
            node_cluster.kubectl("label", "namespace", place, "webhook-")
            fill(node_cluster, place, GOOD)
        for name, place in made.items():
            await_running(node_cluster, place, 4)
            node_cluster.kubectl("label", "namespace", place, f"webhook={name}-sidecar")
        yield made
        for place in made.values():
            node_cluster.delete_namespace(place)


def test_after_a_positive_verdict_every_pod_can_be_recreated(node_cluster: Node, places: dict[str, str]) -> None:
    place = places["good"]
    result = judged(node_cluster, place)
    assert (result.status, result.item["result"], labels(node_cluster, place)) == (
        0,
        "labeled",
        {ENFORCE: "restricted"},
    )
    gone = make_again(node_cluster, place)
    pod(node_cluster, place, "bare", spec(node_cluster.busybox, GOOD))
    node_cluster.kubectl("create", "job", "-n", place, "now", "--from=cronjob/report")
    running = await_running(node_cluster, place, 5, but=gone)
    assert [len(one["spec"]["containers"]) for one in running] == [2] * 5


def test_the_server_refuses_every_workload_that_the_verdict_names(node_cluster: Node, places: dict[str, str]) -> None:
    place = places["bad"]
    result = judged(node_cluster, place)
    assert (result.status, labels(node_cluster, place)) == (1, {})
    named = refused(result.item)
    assert named == {
        ("Deployment", "web"),
        ("StatefulSet", "statefulset"),
        ("DaemonSet", "daemonset"),
        ("CronJob", "report"),
        ("Pod", "bare"),
    }
    assert judged(node_cluster, place, "--force").item["result"] == "labeled"
    make_again(node_cluster, place)
    node_cluster.kubectl("create", "job", "-n", place, "now", "--from=cronjob/report")
    again = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "bare"}, "spec": spec(node_cluster.busybox, GOOD)}
    status, said = node_cluster.api.request("POST", f"/api/v1/namespaces/{place}/pods", again)
    assert status == 403
    messages = await_refusals(node_cluster, place, {"ReplicaSet", "StatefulSet", "DaemonSet", "Job"})
    messages["Pod"] = said["message"]
    kinds = {"Deployment": "ReplicaSet", "CronJob": "Job"}
    for kind, _ in named:
        told = [one for one in result.item["violations"] if one["kind"] == kind]
        details = ", ".join(f"{one['reason']} ({one['detail']})" for one in told)
        assert f'violates PodSecurity "restricted:latest": {details}' in messages[kinds.get(kind, kind)]


def await_refusals(node: Node, place: str, kinds: set[str]) -> dict[str, str]:
    """Wait until objects of these kinds were refused a pod: the message of each kind's event."""
    deadline = time.monotonic() + 60
    while True:
        events = json.loads(node.kubectl("get", "events", "-n", place, "-o", "json").stdout)["items"]
        failed = [event for event in events if event["reason"] == "FailedCreate"]
        messages = {event["involvedObject"]["kind"]: event["message"] for event in failed}
        if kinds <= set(messages):
            return messages
        assert time.monotonic() < deadline, messages
        time.sleep(0.2)
