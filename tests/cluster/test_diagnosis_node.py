"""The diagnosis on real containers: what they, the kubelet and the events say when something is refused them.

All pods are started together. On containerd 2 a pod may listen on every port, so the sysctl is set back where that
counts.
"""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest
from testbed.cluster import Node

from kubectl_caps.cluster.api.client import Cluster
from kubectl_caps.cluster.config.kubeconfig import Overrides, load_connection
from kubectl_caps.cluster.http.transport import connect
from kubectl_caps.cluster.read.rollout import evidence
from kubectl_caps.core.diagnosis.diagnose import diagnose
from kubectl_caps.core.diagnosis.line_cause import Evidence, LineCause
from kubectl_caps.core.kubernetes.pod import Pod
from kubectl_caps.core.kubernetes.pod_failures import PodFailure
from kubectl_caps.errors import ApiError

PATIENCE = 60
REFUSED = {
    "CHOWN": "chown 5 /tmp",
    "FOWNER": "chmod 700 /srv/others",
    "SETGID": "su nobody -s /bin/sh -c id",
    "SYS_CHROOT": "chroot / true",
    "MKNOD": "mknod /tmp/null c 1 3",
    "SYS_TIME": "date -s 12:00",
    "SYS_ADMIN": "mount -t tmpfs none /mnt; hostname x",
    "NET_RAW": "ping -c 1 127.0.0.1; arping -c 1 -I lo 127.0.0.1",
    "NET_ADMIN": "ip link set lo mtu 1000; route add default gw 127.0.0.1",
    "DAC_OVERRIDE": "cat /srv/others/secret",
}
"""Capability -> the busybox commands that are refused without it."""


def pod(name: str, image: str, script: str = "", *, add: str = "", **fields: Any) -> dict[str, Any]:
    """A pod with one container that drops ALL; `fields` go to the container, those that begin with pod_ to the spec."""
    spec = {key.removeprefix("pod_"): fields.pop(key) for key in list(fields) if key.startswith("pod_")}
    security = {"capabilities": {"drop": ["ALL"], "add": add.split()}, **fields.pop("securityContext", {})}
    container = {"name": "c", "image": image, "imagePullPolicy": "Never", "securityContext": security, **fields}
    if script:
        container["command"] = ["/bin/sh", "-c", script]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {"restartPolicy": "Never", "terminationGracePeriodSeconds": 0, **spec, "containers": [container]},
    }


def pods(node: Node) -> list[dict[str, Any]]:
    """One pod for each symptom."""
    box, low = node.busybox, {"sysctls": [{"name": "net.ipv4.ip_unprivileged_port_start", "value": "1024"}]}
    secret: list[dict[str, Any]] = [{"name": "srv", "mountPath": "/srv"}]
    empty = [{"name": "srv", "emptyDir": {}}]
    fill = "mkdir -m 700 /srv/others && echo x > /srv/others/secret && chown -R 5:5 /srv/others"
    filler = {"name": "fill", "image": box, "imagePullPolicy": "Never", "command": ["/bin/sh", "-c", fill],
              "volumeMounts": secret}  # fmt: skip
    return [
        pod("refused", box, "; ".join(REFUSED.values()), volumeMounts=secret, pod_volumes=empty,
            pod_initContainers=[filler]),
        pod("user", box, "cat /srv/others/secret", volumeMounts=secret, pod_volumes=empty,
            pod_initContainers=[filler], securityContext={"runAsUser": 1000}),
        pod("nginx", node.real("nginx")),
        pod("nginx-worker", node.real("nginx"), add="CHOWN"),
        pod("redis", node.real("redis"), pod_securityContext=low, command=["/usr/bin/redis-server", "--port", "82"]),
        pod("redis-dropping", node.real("redis-dropping")),
        pod("file-capability", node.real("ping-capable")),
        pod("read-only", box, "touch /x", securityContext={"readOnlyRootFilesystem": True}),
        pod("device", box, "mknod /dev/fuse c 10 229; cat /dev/fuse", add="MKNOD"),
        pod("sysctl", box, "sysctl -w net.ipv4.ip_forward=1", add="NET_ADMIN"),
        pod("not-root", box, "true", securityContext={"runAsNonRoot": True}),
        pod("no-image", "none.invalid/none:1"),
        pod("no-command", box, command=["no-such-program"]),
        pod("no-configuration", box, "true", envFrom=[{"configMapRef": {"name": "none"}}]),
        pod("no-node", box, "true", pod_nodeSelector={"none": "such"}),
        pod("probe", box, "sleep 60",
            readinessProbe={"periodSeconds": 1, "failureThreshold": 1, "exec": {"command": ["false"]}}),
    ]  # fmt: skip


EXPECTED: dict[str, tuple[str, str]] = {
    "nginx": ("capability", "CHOWN"),
    "nginx-worker": ("capability", "SETGID"),
    "redis": ("capability", "NET_BIND_SERVICE"),
    "redis-dropping": ("capability", "SETUID"),
    "file-capability": ("capability", ""),
    "read-only": ("setting", "files"),
    "device": ("other", "devices"),
    "sysctl": ("other", "sysctl"),
    "not-root": ("setting", "runAsNonRoot"),
    "no-image": ("other", "image"),
    "no-command": ("other", "command"),
    "no-configuration": ("other", "configuration"),
    "no-node": ("other", "scheduler"),
    "probe": ("other", "probe"),
    "user": ("other", "files"),
}
"""Pod -> the kind of the best cause, and its capabilities or what its explanation begins with."""

Found = Callable[[str, Callable[[tuple[LineCause, ...]], bool]], tuple[LineCause, ...]]


@pytest.fixture(scope="module")
def found(node_cluster: Node) -> Iterator[Found]:
    """The causes of a pod, once they are enough."""
    namespace = node_cluster.make_namespace()
    node_cluster.kubectl("create", "-n", namespace, "-f", "-", input=json.dumps(
        {"apiVersion": "v1", "kind": "List", "items": pods(node_cluster)}
    ))  # fmt: skip

    def causes(name: str, enough: Callable[[tuple[LineCause, ...]], bool]) -> tuple[LineCause, ...]:
        end = time.monotonic() + PATIENCE
        while True:
            evidence, uid = left(node_cluster, namespace, name)
            answer = diagnose(evidence, uid=uid)
            if enough(answer) or time.monotonic() > end:
                return answer
            time.sleep(0.3)

    yield causes
    node_cluster.delete_namespace(namespace)


def left(node: Node, namespace: str, name: str) -> tuple[list[Evidence], int | None]:
    """What a pod left behind, and whom its container ran as."""
    path = f"/api/v1/namespaces/{namespace}"
    status = node.api.get(f"{path}/pods/{name}")["status"]
    evidence, uid = [], None
    for container in status.get("containerStatuses", ()):
        uid = container.get("user", {}).get("linux", {}).get("uid")
        state = container["state"]
        if "waiting" in state and state["waiting"].get("message"):
            evidence.append(Evidence("state", f"{state['waiting']['reason']}: {state['waiting']['message']}"))
        if "terminated" in state:
            evidence.append(Evidence("termination", state["terminated"].get("message", "")))
            evidence.append(Evidence("state", f"container c exited with code {state['terminated']['exitCode']}"))
        if "waiting" not in state:
            evidence.append(Evidence("log", node.api.get(f"{path}/pods/{name}/log") or ""))
    selector = f"fieldSelector=involvedObject.name={name},type=Warning"
    events = node.api.get(f"{path}/events?{selector}")["items"]
    return [*evidence, *(Evidence("event", event["message"]) for event in events)], uid


@pytest.mark.parametrize("name", EXPECTED)
def test_the_first_cause_is_the_real_cause(found: Found, name: str) -> None:
    (best, *_) = found(name, bool)
    what = " ".join(best.capabilities) if best.kind == "capability" else best.explanation.partition(":")[0]
    assert (best.kind, what) == EXPECTED[name], best
    assert best.next_command


@pytest.mark.parametrize("capability", REFUSED)
def test_a_message_of_busybox_names_the_capability(found: Found, capability: str) -> None:
    def named(causes: tuple[LineCause, ...]) -> bool:
        return any(capability in cause.capabilities for cause in causes)

    assert named(found("refused", named))


def test_the_log_from_before_an_unseen_restart_is_read(node_cluster: Node, namespace: str) -> None:
    once = "test -e /data/x && exec sleep 2147483647; touch /data/x; chown 5 /data; exit 1"
    data = [{"name": "data", "mountPath": "/data"}]
    body = pod("p", node_cluster.busybox, once, volumeMounts=data, pod_volumes=[{"name": "data", "emptyDir": {}}])
    body["spec"]["restartPolicy"] = "Always"
    path = f"/api/v1/namespaces/{namespace}/pods"
    assert node_cluster.api.request("POST", path, body)[0] == 201
    node_cluster.kubectl(
        "wait", "-n", namespace, "pod/p", "--for=jsonpath={.status.containerStatuses[0].restartCount}=1"
    )
    seen = node_cluster.api.get(f"{path}/p")
    seen["status"]["containerStatuses"][0]["restartCount"] = 0  # as the last look had it
    cluster = Cluster(connect(load_connection(Overrides(kubeconfig=str(node_cluster.kubeconfig)), {})))

    def forbidden(what: str, error: ApiError) -> None:
        raise error

    found = evidence(cluster, namespace, PodFailure("", "p", "c"), [msgspec.convert(seen, Pod)], forbidden)
    assert any("CHOWN" in cause.capabilities for cause in diagnose(list(found), uid=0))
