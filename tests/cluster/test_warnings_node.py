"""What the manuals of the warnings claim, on real containers: the example of each, and what the kernel makes of it."""

import json
import shutil
import time
from collections.abc import Callable, Iterator
from typing import Any

import host_proc
import pytest
import yaml
from testbed.cluster import Node
from testbed.images import BUSYBOX, Image

from kubectl_caps.core.linux.runtimes import by_name
from kubectl_caps.core.linux.sets import CapabilitySet, ProcessSets
from kubectl_caps.core.warnings.registry import BY_ID, IDS

DEFAULTS = by_name("containerd").defaults
NODE = host_proc.own().effective
NOTHING = CapabilitySet()

CLAIMS: dict[str, Callable[[ProcessSets], bool]] = {
    "privileged": lambda sets: sets.effective == NODE,
    "privileged-ignores-capabilities": lambda sets: "SYS_MODULE" in sets.effective,
    "privileged-without-root": lambda sets: (sets.effective, sets.bounding) == (NOTHING, NODE),
    "add-all": lambda sets: sets.effective == NODE,
    "default-capabilities": lambda sets: sets.effective == DEFAULTS - CapabilitySet.from_names(["MKNOD"]),
    "runtime-dependent-defaults": lambda sets: not (DEFAULTS - by_name("cri-o").defaults) - sets.effective,
    "assumed-runtime": lambda sets: sets.bounding == NOTHING,
    "cap-prefix": lambda sets: sets.effective == DEFAULTS,
    "unknown-capability": lambda sets: sets.effective == DEFAULTS,
    "add-and-drop": lambda sets: not {"NET_ADMIN", "NET_RAW"} & set(sets.bounding.short_names),
    "drop-all-spelling": lambda sets: sets.bounding == NOTHING,
    "add-not-usable": lambda sets: (sets.permitted, sets.bounding.short_names) == (NOTHING, ("NET_ADMIN",)),
    "setuid-regains": lambda sets: (sets.permitted, sets.bounding) == (NOTHING, DEFAULTS),
    "escalation-with-sys-admin": lambda sets: "SYS_ADMIN" in sets.effective and bool(sets.no_new_privs),
    "low-ports-are-free": lambda sets: sets.effective.short_names == ("NET_BIND_SERVICE",),
    "pod-level-settings": lambda sets: sets.effective == DEFAULTS,
}
"""What the first process of a manual's example holds here."""

STOPPED = {
    "root-refused": ("waiting", "CreateContainerConfigError", "container's runAsUser breaks non-root policy"),
    "file-capabilities-unmet": ("terminated", "Error", "exec /bin/busybox-server: operation not permitted"),
}
"""What the kubelet says of an example that does not run: state, reason, part of the message."""

REFUSED = {"escalation-refused": "cannot set `allowPrivilegeEscalation` to false and `privileged` to true"}
"""What the API server says of an example that it does not take."""

NOT_RUN = {
    "void-in-user-namespace": "this node starts no pod with hostUsers: false",
    "non-root-assumed": "this node's kubelet is newer than 1.33 and refuses the image",
}

# Containers beside the examples: their command, their security context, and the settings of their pod.
BIND = ["sh", "-c", "httpd -f -p 80 & sleep 1; kill -0 $! && echo bound; sleep 2147483647"]
SETUID = ["sh", "-c", "/setuid/cat /proc/self/status; sleep 2147483647"]
USER = {"runAsUser": 1000}
SEALED = {**USER, "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
CAPABLE = ["/bin/busybox-server", "sleep", "2147483647"]
PORT_START = "net.ipv4.ip_unprivileged_port_start"
OTHERS: dict[str, tuple[list[str], dict[str, Any], dict[str, Any]]] = {
    "bind-by-default": (BIND, SEALED, {}),
    "bind-forbidden": (BIND, SEALED, {"sysctls": [{"name": PORT_START, "value": "1024"}]}),
    "setuid": (SETUID, USER, {}),
    "setuid-sealed": (SETUID, {**USER, "allowPrivilegeEscalation": False}, {}),
    "file-capability": (CAPABLE, {**SEALED, "capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]}}, {}),
    "user-namespace": (["sleep", "2147483647"], SEALED, {}),
}


@pytest.fixture(scope="module")
def image(node_cluster: Node, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A server with a file capability, under a name that has one in the table of images, and a setuid program."""
    setuid = tmp_path_factory.mktemp("setuid") / "cat"
    shutil.copy("/bin/cat", setuid)
    setuid.chmod(0o4755)
    return node_cluster.image(
        "docker.io/local/coredns:1",
        Image(
            programs=("/bin/cat",),
            files={"/bin/busybox-server": BUSYBOX, "/setuid/cat": setuid},
            file_capabilities={"/bin/busybox-server": 1 << 10},
        ),
    )


def pods(busybox: str, image: str) -> Iterator[dict[str, Any]]:
    """Each manual's example with an image of this machine, and the other containers, as pods by their names."""
    for name in IDS:
        if name not in NOT_RUN:
            spec = yaml.safe_load(BY_ID[name].bad_example)["spec"]
            capable = name == "file-capabilities-unmet"
            spec["containers"][0].update(image=image if capable else busybox, imagePullPolicy="Never")
            told = {"command": CAPABLE, "terminationMessagePolicy": "FallbackToLogsOnError"}
            spec["containers"][0].update(told if capable else {})
            yield pod(name, spec)
    for name, (command, context, of_pod) in OTHERS.items():
        only = {"name": "main", "image": image, "imagePullPolicy": "Never", "command": command}
        spec = {"containers": [{**only, "securityContext": context}], "securityContext": of_pod}
        yield pod(name, {**spec, **({"hostUsers": False} if name == "user-namespace" else {})})


def pod(name: str, spec: dict[str, Any]) -> dict[str, Any]:
    """A pod that is not started again and ends at once."""
    rest = {"restartPolicy": "Never", "terminationGracePeriodSeconds": 0}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {**spec, **rest}}


@pytest.fixture(scope="module")
def shop(node_cluster: Node, image: str) -> Iterator[tuple[str, dict[str, str]]]:
    """The namespace with all of them, and what the API server said of those that it did not take."""
    namespace = node_cluster.make_namespace()
    refusals = {}
    for body in pods(node_cluster.busybox, image):
        status, answer = node_cluster.api.request("POST", f"/api/v1/namespaces/{namespace}/pods", body)
        if status != 201:
            refusals[body["metadata"]["name"]] = answer["message"]
    yield namespace, refusals
    node_cluster.delete_namespace(namespace)


def state_of(node: Node, namespace: str, name: str, *, ended: bool = False) -> tuple[str, dict[str, Any], str]:
    """The state of a pod's container when it is no longer on its way, what it says, and the container's id.

    With `ended` it is waited for until it runs no more: a program may be refused only after its container runs.
    """
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        found = node.api.get(f"/api/v1/namespaces/{namespace}/pods/{name}")
        for status in found["status"].get("containerStatuses", ()):
            ((kind, state),) = status["state"].items()
            if state.get("message") if kind == "waiting" else not (ended and kind == "running"):
                return kind, state, status.get("containerID", "").removeprefix("containerd://")
        time.sleep(0.1)
    raise AssertionError(f"{name} does not start: {found['status']}")


def test_every_warning_has_an_example_or_a_reason_why_not() -> None:
    assert {*CLAIMS, *STOPPED, *REFUSED, *NOT_RUN} == set(IDS)


@pytest.mark.parametrize("name", CLAIMS)
def test_the_kernel_behaves_as_the_manual_says(name: str, node_cluster: Node, shop: tuple[str, dict[str, str]]) -> None:
    kind, state, container = state_of(node_cluster, shop[0], name)
    assert kind == "running", state
    seen = host_proc.await_threads(container)
    assert [sets for sets in seen if not CLAIMS[name](sets)] == []


@pytest.mark.parametrize("name", STOPPED)
def test_the_kubelet_behaves_as_the_manual_says(
    name: str, node_cluster: Node, shop: tuple[str, dict[str, str]]
) -> None:
    kind, state, _ = state_of(node_cluster, shop[0], name, ended=True)
    assert (kind, state["reason"]) == STOPPED[name][:2]
    assert STOPPED[name][2] in state["message"]


def test_the_api_server_behaves_as_the_manual_says(shop: tuple[str, dict[str, str]]) -> None:
    assert set(shop[1]) == set(REFUSED)
    assert [name for name, words in REFUSED.items() if words not in shop[1][name]] == []


ADMIN = {"drop": ["ALL"], "add": ["SYS_ADMIN"]}
VERDICTS = [
    ("restricted", {"drop": ["ALL"]}, ""),
    ("restricted", {"drop": ["all"]}, 'must set securityContext.capabilities.drop=["ALL"]'),
    ("privileged", ADMIN, ""),
    ("privileged", {**ADMIN, "add": ["ALL"]}, ""),
    ("privileged", {**ADMIN, "add": ["cap_sys_admin"]}, ""),
    ("privileged", {**ADMIN, "add": ["CAP_SYS_ADMIN"]}, "`allowPrivilegeEscalation` to false and `capabilities.Add`"),
]


@pytest.mark.parametrize(("level", "capabilities", "refusal"), VERDICTS)
def test_the_api_server_compares_letter_by_letter(
    level: str, capabilities: dict[str, list[str]], refusal: str, node_cluster: Node
) -> None:
    namespace = node_cluster.make_namespace({"pod-security.kubernetes.io/enforce": level})
    context = {"capabilities": capabilities, "allowPrivilegeEscalation": False}
    of_pod = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    body = pod(
        "x", {"containers": [{"name": "c", "image": "i", "securityContext": context}], "securityContext": of_pod}
    )
    _, answer = node_cluster.api.request("POST", f"/api/v1/namespaces/{namespace}/pods?dryRun=All", body)
    assert refusal in answer.get("message", "")
    assert bool(refusal) == (answer["kind"] == "Status")
    node_cluster.delete_namespace(namespace)


def test_inspect_warns_of_every_example_on_the_cluster(node_cluster: Node, shop: tuple[str, dict[str, str]]) -> None:
    """All but the one that depends on an assumption: here the node says which runtime it has."""
    state_of(node_cluster, shop[0], "file-capabilities-unmet")
    done = node_cluster.caps("inspect", "pods", "-n", shop[0], "-o", "json")
    warned = {
        item["name"]: {warning["id"] for container in item["containers"] for warning in container["warnings"]}
        for item in json.loads(done.stdout)["items"]
    }
    discarded = {"pod-level-settings"}
    assert [name for name in {*CLAIMS, *STOPPED} - discarded if name not in warned[name]] == ["assumed-runtime"]
    assert "pod-level-settings" not in warned["pod-level-settings"]


def logs(node: Node, namespace: str, name: str, wanted: str) -> str:
    """What a container printed, when it has printed `wanted` or 20 seconds are over."""
    assert state_of(node, namespace, name)[0] == "running"
    deadline = time.monotonic() + 20
    while True:
        text = node.kubectl("logs", "-n", namespace, name).stdout
        if wanted in text or time.monotonic() > deadline:
            return text
        time.sleep(0.2)


def test_a_low_port_is_free_on_containerd_2_unless_the_pod_says_otherwise(
    node_cluster: Node, shop: tuple[str, dict[str, str]]
) -> None:
    assert "bound" in logs(node_cluster, shop[0], "bind-by-default", "bound")
    assert "Permission denied" in logs(node_cluster, shop[0], "bind-forbidden", "denied")


def test_a_setuid_program_regains_the_bounding_set_unless_escalation_is_forbidden(
    node_cluster: Node, shop: tuple[str, dict[str, str]]
) -> None:
    open_, sealed = (logs(node_cluster, shop[0], name, "Seccomp:") for name in ("setuid", "setuid-sealed"))
    assert host_proc.sets_of(open_).effective == DEFAULTS
    assert host_proc.sets_of(sealed).effective == NOTHING


def test_a_file_capability_works_for_the_first_program_even_where_escalation_is_forbidden(
    node_cluster: Node, shop: tuple[str, dict[str, str]]
) -> None:
    """So an add counts for the risk of a container whose user is not root."""
    _, _, container = state_of(node_cluster, shop[0], "file-capability")
    (sets,) = host_proc.await_threads(container)
    assert sets.effective.short_names == ("NET_BIND_SERVICE",)
    assert sets.no_new_privs


def test_this_node_starts_no_pod_in_a_user_namespace(node_cluster: Node, shop: tuple[str, dict[str, str]]) -> None:
    """Where one starts, the example of void-in-user-namespace can be run as well."""
    only = ["--field-selector", "involvedObject.name=user-namespace,type=Warning", "-o", "jsonpath={.items[*].message}"]
    deadline = time.monotonic() + 60
    while not (said := node_cluster.kubectl("get", "events", "-n", shop[0], *only).stdout):
        assert time.monotonic() < deadline, "it is not refused"
        time.sleep(0.5)
    assert "runtime does not support user namespaces" in said
