"""`policy` on a real node: what was won cannot come back, and everyday work goes on."""

import json
import time
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import yaml
from policies.random_policies import ADMIN
from policies.verdicts import await_policy
from test_harden_node import FOUR, SLEEP, Place, pod, workload
from testbed.cluster import Completed, Node

DEVELOPER = ("--as", "jane", "--as-group", "system:masters")
"""May do everything, but is no controller. The testbed's controllers ask as its administrator."""
DROPS_ALL = {"drop": ["ALL"]}


@pytest.fixture(scope="module")
def shop(node_cluster: Node) -> Iterator[Place]:
    """nginx, hardened to four capabilities, in a namespace whose policy denies."""
    place = Place(node_cluster)
    place.apply(workload("web", {**pod(node_cluster.real("nginx")), "terminationGracePeriodSeconds": 0}))
    place.await_ready("deploy/web")
    hardened = place.harden("deploy/web", "--add", ",".join(FOUR))
    assert hardened.returncode == 0, hardened.stderr
    applied = policy(place, "--apply", "--action", "deny")
    assert applied.returncode == 0, applied
    await_policy(node_cluster, place.name)
    yield place
    node_cluster.delete_namespace(place.name)


def policy(place: Place, *arguments: str) -> Completed:
    """Run policy."""
    return place.node.caps("policy", "-n", place.name, "--controller", ADMIN, *arguments)


def as_developer(place: Place, *arguments: str, input: str | None = None) -> Completed:
    """kubectl, as somebody who may do everything in the namespace."""
    return place.node.kubectl(*arguments, "-n", place.name, *DEVELOPER, input=input, check=False)


def changed(place: Place, security: Mapping[str, Any]) -> Completed:
    """Set the security context of nginx in its Deployment."""
    container = {"name": "c", "securityContext": security}
    change = {"spec": {"template": {"spec": {"containers": [container]}}}}
    return as_developer(place, "patch", "deployment", "web", "-p", json.dumps(change))


def running_pod(place: Place, name: str) -> str:
    """The name of a pod of a Deployment."""
    found = place.node.kubectl("get", "pods", "-n", place.name, "-l", f"app={name}", "-o", "name").stdout.split()
    return found[0]


@pytest.mark.parametrize(
    ("security", "says"),
    [
        pytest.param({"capabilities": {"drop": None}}, "container c: capabilities.drop lacks ALL", id="no drop"),
        pytest.param({"capabilities": {"add": [*FOUR, "NET_RAW"]}}, "capabilities.add has NET_RAW", id="a fifth add"),
        pytest.param({"allowPrivilegeEscalation": None}, "allowPrivilegeEscalation is not false", id="escalation"),
        pytest.param({"privileged": True, "allowPrivilegeEscalation": None}, "c: privileged", id="privileged"),
    ],
)
def test_the_deployment_does_not_come_to_have_more(shop: Place, security: dict[str, Any], says: str) -> None:
    done = changed(shop, security)
    assert (done.returncode, says in done.stderr) == (1, True), done


def test_a_debugging_container_has_nothing_either(shop: Place) -> None:
    image = shop.node.busybox
    for profile in ("sysadmin", "netadmin", "general"):
        debug = ("debug", running_pod(shop, "web"), f"--image={image}", f"--profile={profile}", "--attach=false")
        done = as_developer(shop, *debug)
        assert (done.returncode, "an ephemeral container: container debugger-" in done.stderr) == (1, True), done


def test_forged_labels_names_and_owner_references_gain_nothing(shop: Place) -> None:
    real = json.loads(shop.node.kubectl("get", "-n", shop.name, running_pod(shop, "web"), "-o", "json").stdout)
    security = real["spec"]["containers"][0]["securityContext"]
    spec = pod(shop.node.busybox, SLEEP)
    spec["containers"][0]["securityContext"] = security
    metadata = {key: real["metadata"][key] for key in ("labels", "ownerReferences")}
    forged = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web-1-forged", **metadata}, "spec": spec}
    done = as_developer(shop, "create", "-f", "-", input=json.dumps(forged))
    assert (done.returncode, "pod_web-1-forged" in done.stderr) == (1, True), done
    owner = shop.get("deploy/web")["metadata"]
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "uid": owner["uid"], "controller": True}
    template = {"metadata": {"labels": real["metadata"]["labels"]}, "spec": spec}
    forged_set = {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {"name": "web-forged", "ownerReferences": [reference]},
        "spec": {"selector": {"matchLabels": {"app": "web"}}, "template": template},
    }
    done = as_developer(shop, "create", "-f", "-", input=json.dumps(forged_set))
    assert (done.returncode, "replicaset.apps_web-forged" in done.stderr) == (1, True), done


def test_a_rollout_a_restart_and_a_scale_up_pass(shop: Place) -> None:
    before = running_pod(shop, "web")
    for words in (("rollout", "restart", "deploy/web"), ("scale", "deploy/web", "--replicas=2")):
        done = as_developer(shop, *words)
        assert done.returncode == 0, done
    done = as_developer(shop, "set", "env", "deploy/web", "RELEASE=2")
    assert done.returncode == 0, done
    done = as_developer(shop, "rollout", "status", "deploy/web", "--timeout=90s")
    assert done.returncode == 0, done
    assert running_pod(shop, "web") != before
    fewer = changed(shop, {"capabilities": {**DROPS_ALL, "add": list(FOUR)}})
    assert fewer.returncode == 0, fewer
    assert policy(shop, "--check").returncode == 0


def test_after_its_exemption_has_ended_a_workload_is_refused(node_cluster: Node, tmp_path: Path) -> None:
    place = Place(node_cluster)
    spec = pod(node_cluster.busybox, SLEEP)
    capabilities = {**DROPS_ALL, "add": ["SYS_PTRACE"]}
    spec["containers"][0]["securityContext"] = {"capabilities": capabilities, "allowPrivilegeEscalation": False}
    place.apply(workload("tracer", spec))
    place.await_ready("deploy/tracer")
    today = datetime.now(timezone.utc).date()
    apply_exempted(place, tmp_path, (today + timedelta(2)).isoformat())
    assert as_developer(place, "rollout", "restart", "deploy/tracer").returncode == 0
    done = as_developer(place, "rollout", "status", "deploy/tracer", "--timeout=90s")
    assert done.returncode == 0, done
    apply_exempted(place, tmp_path, (today - timedelta(2)).isoformat())
    await_refusal(place)
    node_cluster.delete_namespace(place.name)


def apply_exempted(place: Place, folder: Path, until: str) -> None:
    """The policy of the namespace, with an exemption that ends then."""
    entry = {
        "kind": "Deployment",
        "name": "tracer",
        "capabilities": ["SYS_PTRACE"],
        "reason": "tracing",
        "until": until,
    }
    content = {"apiVersion": "kubectl-caps/v1alpha1", "kind": "Exemptions", "exemptions": [entry]}
    file = folder / f"{until}.yaml"
    file.write_text(yaml.safe_dump(content))
    done = policy(place, "--apply", "--action", "deny", "--exemptions", str(file), "--force")
    assert done.returncode == 0, done
    await_policy(place.node, place.name)


def await_refusal(place: Place) -> None:
    """Delete pods of the workload until the one that should follow is refused: the policy may take a moment."""
    says = "deployment.apps_tracer: container c: capabilities.add has SYS_PTRACE"
    deadline = time.monotonic() + 60
    while True:
        place.node.kubectl("delete", "pods", "-n", place.name, "-l", "app=tracer", "--wait=false")
        time.sleep(1)
        events = place.node.kubectl("get", "events", "-n", place.name, "-o", "json").stdout
        if says in events:
            return
        assert time.monotonic() < deadline, events
