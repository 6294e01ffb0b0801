"""`inspect --live` against the kernel: what it says of each process is what the node's own /proc says."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from testbed.cluster import Node
from testbed.images import BUSYBOX, Image

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "inspection.schema.json").read_text())
DEFAULT, NONE, RAW = "00000000a80425fb", "0000000000000000", "0000000000002000"
MASKS = {
    "bounding": "CapBnd",
    "permitted": "CapPrm",
    "effective": "CapEff",
    "inheritable": "CapInh",
    "ambient": "CapAmb",
}
RESTRICTED = {
    "runAsNonRoot": True,
    "runAsUser": 1000,
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}

Json = dict[str, Any]


def container(image: str, name: str = "app", **more: Any) -> Json:
    return {"name": name, "image": image, "imagePullPolicy": "Never", **more}


def pod(name: str, *containers: Json, **spec: Any) -> Json:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {"containers": list(containers), "terminationGracePeriodSeconds": 0, **spec},
    }


def deployment(name: str, *containers: Json) -> Json:
    template = {
        "metadata": {"labels": {"app": name}},
        "spec": {"containers": list(containers), "terminationGracePeriodSeconds": 0},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {"replicas": 2, "selector": {"matchLabels": {"app": name}}, "template": template},
    }


def start(node: Node, namespace: str, *objects: Json) -> None:
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
    node.kubectl("apply", "-n", namespace, "-f", "-", input=text)
    node.kubectl("wait", "-n", namespace, "pod", "-l", "!ends", "--for=condition=Ready", "--timeout=170s")


@pytest.fixture(scope="module")
def lot(node_cluster: Node) -> Iterator[str]:
    """A namespace with a container for each claim, started at once."""
    node, busybox = node_cluster, node_cluster.busybox
    cat_only = node.image(
        "docker.io/local/cat-only:1",
        Image(("/sleep", "2147483647"), files={"/sleep": BUSYBOX, "/bin/cat": BUSYBOX}, bare=True),
    )
    namespace = node.make_namespace()
    web = deployment("web", container(node.real("nginx")))
    done = pod("done", container(busybox, command=["true"]), restartPolicy="Never")
    done["metadata"]["labels"] = {"ends": "yes"}
    nobody = {"runAsUser": 1000}
    start(
        node,
        namespace,
        web,
        pod("redis", container(node.real("redis-dropping"))),
        pod("capable", container(node.real("ping-capable"))),
        pod("distroless", container(node.real("distroless"), securityContext=RESTRICTED)),
        pod("cat-only", container(cat_only)),
        pod("privileged", container(busybox, securityContext={"privileged": True})),
        pod("everything", container(busybox, securityContext={"capabilities": {"add": ["ALL"], "drop": ["KILL"]}})),
        pod("hostpid", container(busybox), hostPID=True),
        pod(
            "shared",
            container(busybox, "a"),
            container(busybox, "b", securityContext=nobody),
            initContainers=[container(busybox, "first", command=["true"])],
            shareProcessNamespace=True,
        ),
        done,
    )
    node.kubectl("wait", "-n", namespace, "pod/done", "--for=jsonpath={.status.phase}=Succeeded", "--timeout=60s")
    yield namespace
    node.delete_namespace(namespace)


def inspect(node: Node, namespace: str, *arguments: str, status: int = 0, live: str = "--live") -> Json:
    done = node.caps("inspect", *arguments, "-n", namespace, live, "-o", "json")
    assert done.returncode == status, done.stderr
    document: Json = json.loads(done.stdout)
    jsonschema.Draft202012Validator(SCHEMA).validate(document)
    return document


@pytest.fixture(scope="module")
def seen(node_cluster: Node, lot: str) -> Json:
    """What `inspect --live` says of all of it at once. Some of it cannot be read, so its exit status is 2."""
    return inspect(node_cluster, lot, status=2)


def of(document: Json, workload: str, name: str = "app") -> Json:
    found: Json = next(
        one
        for item in document["items"]
        if item["name"] == workload
        for one in item["containers"]
        if one["name"] == name
    )
    return found


def processes(of_container: Json) -> set[tuple[Any, ...]]:
    """Each process with all that was said of it."""
    return {
        (
            one["pod"], one["pid"], one["comm"], one["uid"], *(one[name]["mask"] for name in MASKS),
            one["noNewPrivs"], one["seccomp"],
        )
        for one in of_container["observed"]
    }  # fmt: skip


def kernel(node: Node, namespace: str, pod: str, container: str) -> set[tuple[Any, ...]]:
    """The same from this machine's /proc, where the node's processes are: those in the container's cgroup."""
    status = node.api.get(f"/api/v1/namespaces/{namespace}/pods/{pod}")["status"]
    (ident,) = (
        one["containerID"].partition("://")[2] for one in status["containerStatuses"] if one["name"] == container
    )
    return {
        (
            pod, int(fields["NSpid"].split()[-1]), fields["Name"], int(fields["Uid"].split()[1]),
            *(fields[name] for name in MASKS.values()), fields["NoNewPrivs"] == "1", int(fields["Seccomp"]),
        )
        for fields in statuses(ident)
    }  # fmt: skip


def statuses(ident: str) -> Iterator[Mapping[str, str]]:
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if ident in (folder / "cgroup").read_text():
                lines = (folder / "status").read_text().splitlines()
                yield {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}
        except OSError:
            continue


@pytest.mark.parametrize(
    ("workload", "name"),
    [
        ("redis", "app"), ("capable", "app"), ("cat-only", "app"), ("privileged", "app"), ("everything", "app"),
        ("shared", "a"), ("shared", "b"),
    ],
)  # fmt: skip
def test_every_shown_process_has_the_kernels_sets(
    node_cluster: Node, lot: str, seen: Json, workload: str, name: str
) -> None:
    expected = kernel(node_cluster, lot, workload, name)
    assert expected
    assert processes(of(seen, workload, name)) == expected


def test_all_pods_of_a_deployment_are_read(node_cluster: Node, lot: str, seen: Json) -> None:
    pods = next(item for item in seen["items"] if item["name"] == "web")["pods"]
    assert len(pods) == 2
    expected = set().union(*(kernel(node_cluster, lot, pod, "app") for pod in pods))
    assert processes(of(seen, "web")) == expected
    assert {(one[2], one[3], one[6]) for one in expected} == {("nginx", 0, DEFAULT), ("nginx", 33, NONE)}


def test_the_prediction_for_nginx_equals_the_sets_of_its_first_process(seen: Json) -> None:
    web = of(seen, "web")
    (predicted,) = web["predicted"]
    first = next(one for one in web["observed"] if one["pid"] == 1)
    assert {name: predicted[name]["mask"] for name in MASKS} == {name: first[name]["mask"] for name in MASKS}
    assert predicted["effective"]["mask"] == DEFAULT
    assert first["differences"] == []


REASONS = {
    "web": "dropped by itself: it changed from root to user 33",
    "redis": "dropped by itself: it changed from root to user 33",
    "capable": "gained by a program with file capabilities, from the bounding set",
}


@pytest.mark.parametrize(("workload", "reason"), REASONS.items(), ids=list(REASONS))
def test_a_difference_is_explained(seen: Json, workload: str, reason: str) -> None:
    differences = [item for one in of(seen, workload)["observed"] for item in one["differences"]]
    assert {item["reason"] for item in differences} == {reason}


def test_a_file_capability_is_seen(seen: Json) -> None:
    (process,) = of(seen, "capable")["observed"]
    assert (process["uid"], process["effective"]["mask"], process["permitted"]["mask"]) == (1000, RAW, RAW)


def test_the_meaning_of_all_on_a_node_is_learned_from_a_privileged_container(seen: Json) -> None:
    (whole,) = {one["bounding"]["mask"] for one in of(seen, "privileged")["observed"]}
    for workload in ("privileged", "everything"):
        container = of(seen, workload)
        (predicted,) = container["predicted"]
        assert not [text for text in predicted["unknowns"] if "ALL" in text]
        assert [one["differences"] for one in container["observed"]] == [[]]
    assert of(seen, "privileged")["predicted"][0]["bounding"]["mask"] == whole
    assert int(of(seen, "everything")["predicted"][0]["bounding"]["mask"], 16) == int(whole, 16) & ~(1 << 5)


def test_only_the_containers_own_process_is_shown_where_the_nodes_are_visible(
    node_cluster: Node, lot: str, seen: Json
) -> None:
    (process,) = of(seen, "hostpid")["observed"]
    (expected,) = kernel(node_cluster, lot, "hostpid", "app")
    assert process["comm"] == "sleep"
    assert process["pid"] > 1
    assert [process[name]["mask"] for name in MASKS] == list(expected[4:9])


MISSED = {("done", "app"): "exited", ("shared", "first"): "exited", ("distroless", "app"): "noReader"}


@pytest.mark.parametrize(("where", "reason"), MISSED.items(), ids=lambda value: str(value))
def test_each_container_that_was_not_observed_has_its_own_reason(
    seen: Json, where: tuple[str, str], reason: str
) -> None:
    container = of(seen, *where)
    assert container["observed"] == []
    assert [item["reason"] for item in container["notObserved"]] == [reason]


def test_containers_that_were_not_observed_are_counted(seen: Json) -> None:
    assert seen["summary"]["unknown"] == len(MISSED)
    assert [error["reason"] for error in seen["errors"]] == ["ProcessesNotRead"]
    assert "distroless/app: nothing in its image can read /proc" in seen["errors"][0]["message"]


def test_an_ended_container_is_no_error(node_cluster: Node, lot: str) -> None:
    document = inspect(node_cluster, lot, "pod/done")
    assert (document["errors"], document["summary"]["unknown"]) == ([], 1)


def test_one_workload_is_shown_with_its_three_columns(node_cluster: Node, lot: str) -> None:
    done = node_cluster.caps("inspect", "deploy/web", "-n", lot, "--live")
    assert (done.returncode, done.stderr) == (0, "")
    lines = [line.split() for line in done.stdout.splitlines()]
    assert ["CAPABILITY", "DECLARED", "PREDICTED", "OBSERVED", "RISK", "ALLOWS"] in lines
    assert ["NET_RAW", "default", "effective", "effective", "high", "use", "raw", "and", "packet", "sockets"] in lines
    assert ["predicted", "(containerd)", "0", *["a80425fb"] * 3, "0", "0", "false"] in lines
    assert "dropped by itself: it changed from root to user 33" in done.stdout
    assert f"harden deployment.apps/web -n {lot} --dry-run=server" in done.stdout


def test_an_ephemeral_container_reads_processes_if_no_program_can_be_executed(node_cluster: Node, lot: str) -> None:
    image = ("--image", node_cluster.busybox)
    document = inspect(node_cluster, lot, "pod/distroless", *image, live="--live=ephemeral")
    container = of(document, "distroless")
    assert processes(container) == kernel(node_cluster, lot, "distroless", "app")
    assert [one["differences"] for one in container["observed"]] == [[]]
    pod = node_cluster.api.get(f"/api/v1/namespaces/{lot}/pods/distroless")
    (added,) = pod["spec"]["ephemeralContainers"]
    (state,) = pod["status"]["ephemeralContainerStatuses"]
    assert state["state"]["terminated"]["exitCode"] == 0
    assert added["targetContainerName"] == "app"


def test_inspect_says_that_the_record_of_an_ephemeral_container_stays_in_the_pod(node_cluster: Node, lot: str) -> None:
    done = node_cluster.caps(
        "inspect", "pod/done", "-n", lot, "--live=ephemeral", "--image", node_cluster.busybox, "-o", "name"
    )
    assert done.stderr == (
        "Ephemeral containers cannot be removed: where one is needed, it stays in the record of its pod.\n"
    )


def test_an_ephemeral_container_that_does_not_start_is_said(node_cluster: Node, namespace: str) -> None:
    start(node_cluster, namespace, pod("mute", container(node_cluster.real("distroless"))))
    image = ("--image", node_cluster.real("distroless"))
    document = inspect(node_cluster, namespace, "pod/mute", *image, status=2, live="--live=ephemeral")
    (missed,) = of(document, "mute")["notObserved"]
    assert missed["reason"] == "failed"
    assert "not start" in missed["message"]
    assert '"sh": executable file not found' in missed["message"]


def test_the_ephemeral_container_satisfies_restricted_and_a_pod_that_does_not_is_named(
    node_cluster: Node, namespace: str
) -> None:
    image = node_cluster.real("distroless")
    start(
        node_cluster,
        namespace,
        pod("good", container(image, securityContext=RESTRICTED)),
        pod("bad", container(image)),
    )
    node_cluster.kubectl("label", "namespace", namespace, "pod-security.kubernetes.io/enforce=restricted")
    live = ("--image", node_cluster.busybox)
    document = inspect(node_cluster, namespace, *live, status=2, live="--live=ephemeral")
    assert processes(of(document, "good")) == kernel(node_cluster, namespace, "good", "app")
    (missed,) = of(document, "bad")["notObserved"]
    assert missed["reason"] == "forbidden"
    assert "the namespace enforces a Pod Security level that the pod itself violates" in missed["message"]
    assert 'violates PodSecurity "restricted:latest"' in missed["message"]


RIGHTS = {
    "get": ["get"],
    "create": ["create"],
    "neither": [],
}


@pytest.mark.parametrize(("name", "verbs"), RIGHTS.items(), ids=list(RIGHTS))
def test_a_missing_right_is_named(node_cluster: Node, lot: str, name: str, verbs: list[str]) -> None:
    user = f"{name}-{lot}"
    allow(node_cluster, lot, user, verbs)
    document = inspect(node_cluster, lot, "pod/redis", "--as", user, status=2)
    missing = " and ".join(verb for verb in ("get", "create") if verb not in verbs)
    (missed,) = of(document, "redis")["notObserved"]
    assert missed["reason"] == "forbidden"
    assert missed["message"] == f"it needs the right to {missing} pods/exec in namespace {lot}"


def test_a_user_with_both_rights_reads_the_processes(node_cluster: Node, lot: str) -> None:
    user = f"both-{lot}"
    allow(node_cluster, lot, user, ["get", "create"])
    document = inspect(node_cluster, lot, "pod/redis", "--as", user)
    assert processes(of(document, "redis")) == kernel(node_cluster, lot, "redis", "app")


def allow(node: Node, namespace: str, user: str, verbs: list[str]) -> None:
    """Everything to read, and these verbs of pods/exec."""
    rules = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["list"]}]
    rules += [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]
    if verbs:
        rules += [{"apiGroups": [""], "resources": ["pods/exec"], "verbs": verbs}]
    group = "rbac.authorization.k8s.io"
    role = {"apiVersion": f"{group}/v1", "kind": "Role", "metadata": {"name": user}, "rules": rules}
    binding = {
        "apiVersion": f"{group}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": user},
        "roleRef": {"apiGroup": group, "kind": "Role", "name": user},
        "subjects": [{"apiGroup": group, "kind": "User", "name": user}],
    }
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": [role, binding]})
    node.kubectl("apply", "-n", namespace, "-f", "-", input=text)


def test_a_container_that_does_not_answer_holds_up_no_other(node_cluster: Node, namespace: str, tmp_path: Path) -> None:
    shell = tmp_path / "sh"
    shell.write_text("#!/bin/busybox ash\nexec /bin/busybox sleep 86400\n")
    shell.chmod(0o755)
    slow = node_cluster.image("docker.io/local/slow:1", Image(files={"/bin/sh": shell}))
    start(node_cluster, namespace, pod("a-slow", container(slow)), pod("quick", container(node_cluster.busybox)))
    document = inspect(node_cluster, namespace, "--request-timeout", "4", status=2)
    (missed,) = of(document, "a-slow")["notObserved"]
    assert (missed["reason"], "deadline exceeded" in missed["message"]) == ("failed", True)
    assert processes(of(document, "quick")) == kernel(node_cluster, namespace, "quick", "app")
