"""harden against a real API server: what is sent, what is not, and what is said.

Pods of these workloads run nowhere (no replicas, or a scheduler that does not exist), so this is about everything but
the containers; those are in test_harden_node.py.
"""

import itertools
import json
import os
import pty
import select
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import jsonschema
import labeling
import pytest
import yaml
from child import child
from loopback import Answer, Seen
from middleman import CUT, between, is_patch
from testbed.cluster import Cluster
from zygote import zygote

from kubectl_caps.commands.shared import late_patch
from kubectl_caps.main import main

ROOT = Path(__file__).parents[2]
HARDENED = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
PATHS = {
    "deployments": "/apis/apps/v1", "statefulsets": "/apis/apps/v1", "daemonsets": "/apis/apps/v1",
    "replicasets": "/apis/apps/v1", "replicationcontrollers": "/api/v1", "pods": "/api/v1",
    "jobs": "/apis/batch/v1", "cronjobs": "/apis/batch/v1", "rollouts": "/apis/argoproj.io/v1alpha1",
    "clonesets": "/apis/apps.kruise.io/v1alpha1", "services": "/apis/serving.knative.dev/v1",
    "jobsets": "/apis/jobset.x-k8s.io/v1alpha2",
}  # fmt: skip
CUSTOM = (
    ("argoproj.io", "v1alpha1", "Rollout"), ("apps.kruise.io", "v1alpha1", "CloneSet"),
    ("serving.knative.dev", "v1", "Service"), ("jobset.x-k8s.io", "v1alpha2", "JobSet"), ("example.com", "v1", "Shop"),
)  # fmt: skip


class Done:
    """A command that has run."""

    def __init__(self, status: int, out: str, err: str) -> None:
        self.status, self.out, self.err = status, out, err

    @property
    def items(self) -> list[dict[str, Any]]:
        """The items of JSON output, which is valid."""
        document = json.loads(self.out)
        schema = json.loads((ROOT / "docs/hardening.schema.json").read_text())
        jsonschema.validate(document, schema)
        items: list[dict[str, Any]] = document["items"]
        return items


NO_CANARY = "--canary=false"


class Shop:
    """A namespace of the cluster, and the command line in this very process."""

    def __init__(self, cluster: Cluster, namespace: str, capfd: pytest.CaptureFixture[str]) -> None:
        self.cluster, self.namespace, self._capfd = cluster, namespace, capfd

    def harden(self, *args: str, kubeconfig: str = "", namespace: bool = True) -> Done:
        """Run `harden`; from the administrator's kubeconfig unless told otherwise. No node would run a canary here."""
        self._capfd.readouterr()
        where = ["-n", self.namespace] if namespace else []
        canary = [] if any("--canary" in arg for arg in args) else [NO_CANARY]
        argv = ["harden", *args, *where, "--kubeconfig", kubeconfig or str(self.cluster.kubeconfig), *canary]
        status = main(argv)
        return Done(status, *self._capfd.readouterr())

    def make(self, *objects: dict[str, Any]) -> None:
        """Create objects, and wait until their controllers have seen them."""
        for obj in objects:
            plural = f"{obj['kind'].lower()}s"
            path = f"{PATHS[plural]}/namespaces/{self.namespace}/{plural}"
            status, answer = self.cluster.api.request("POST", path, obj)
            assert status == 201, answer
        for obj in objects:
            if obj["kind"] in ("Deployment", "StatefulSet", "DaemonSet"):
                eventually(partial(self._is_seen, f"{obj['kind'].lower()}s", obj["metadata"]["name"]))

    def _is_seen(self, plural: str, name: str) -> bool:
        return bool(self.get(plural, name)["status"].get("observedGeneration"))

    def get(self, plural: str, name: str) -> dict[str, Any]:
        """An object as it is now."""
        obj = self.cluster.api.get(f"{PATHS[plural]}/namespaces/{self.namespace}/{plural}/{name}")
        assert obj, f"{plural} {name} is gone"
        answer: dict[str, Any] = obj
        return answer

    def list(self, plural: str) -> dict[str, dict[str, Any]]:
        """All objects of a kind by name."""
        answer = self.cluster.api.get(f"{PATHS[plural]}/namespaces/{self.namespace}/{plural}")
        return {item["metadata"]["name"]: item for item in answer["items"]}

    def context(self, name: str, plural: str = "deployments") -> Any:
        """The first container's security context."""
        return context(self.get(plural, name))

    def patch(self, name: str, *operations: Mapping[str, Any], subresource: str = "") -> None:
        """Somebody else changes a deployment."""
        extra = ["--subresource", subresource] if subresource else []
        text = json.dumps(operations)
        self.cluster.kubectl("patch", "deploy", name, "-n", self.namespace, "--type=json", "-p", text, *extra)


def eventually(holds: Callable[[], Any], seconds: float = 20) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def context(obj: Mapping[str, Any]) -> Any:
    """The first container's security context; None if it has none."""
    spec = obj["spec"]
    spec = spec.get("jobTemplate", {}).get("spec", spec)
    spec = spec.get("template", {}).get("spec", spec)
    return spec["containers"][0].get("securityContext")


def workload(name: str, kind: str = "Deployment", replicas: int = 0, **spec: Any) -> dict[str, Any]:
    """A workload without pods, or with pods that nobody schedules."""
    pod = {"schedulerName": "nobody", "containers": [{"name": "c", "image": "x"}]}
    template = {"metadata": {"labels": {"app": name}}, "spec": spec.pop("pod", pod)}
    wanted: dict[str, Any] = {"selector": {"matchLabels": {"app": name}}, "template": template, **spec}
    if kind != "DaemonSet":
        wanted["replicas"] = replicas
    if kind == "DaemonSet":
        template["spec"]["nodeSelector"] = {"no": "node"}
    if kind == "StatefulSet":
        wanted["serviceName"] = name
    if kind == "ReplicationController":
        wanted["selector"] = {"app": name}
    version = "v1" if kind == "ReplicationController" else "apps/v1"
    metadata = {"name": name, "labels": {"tier": "web"}}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": wanted}


def cron_job(name: str) -> dict[str, Any]:
    """A CronJob that does not run in our time."""
    pod = {"restartPolicy": "Never", "containers": [{"name": "c", "image": "x"}]}
    spec = {"schedule": "0 0 1 1 *", "jobTemplate": {"spec": {"template": {"spec": pod}}}}
    return {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": name}, "spec": spec}


@pytest.fixture
def shop(api_cluster: Cluster, namespace: str, capfd: pytest.CaptureFixture[str]) -> Shop:
    """A fresh namespace."""
    return Shop(api_cluster, namespace, capfd)


@pytest.mark.parametrize(
    ("kind", "spec", "because"),
    [
        ("Deployment", {}, "it has no pods"),
        ("Deployment", {"paused": True, "replicas": 1}, "the rollout is paused"),
        ("StatefulSet", {}, "it has no pods"),
        ("StatefulSet", {"replicas": 1, "updateStrategy": {"type": "OnDelete"}}, "OnDelete"),
        ("StatefulSet", {"replicas": 1, "updateStrategy": {"rollingUpdate": {"partition": 1}}}, "partition"),
        ("DaemonSet", {}, "it has no pods"),
        ("ReplicaSet", {}, "only new pods use it"),
        ("ReplicationController", {}, "only new pods use it"),
        ("CronJob", {}, "the next run uses it"),
    ],
)
def test_a_workload_without_a_rollout_is_patched_and_called_not_proven(
    shop: Shop, kind: str, spec: dict[str, Any], because: str
) -> None:
    obj = cron_job("x") if kind == "CronJob" else workload("x", kind, **spec)
    shop.make(obj)
    done = shop.harden(f"{kind}/x", "--settle", "0")
    assert done.status == 0, done.err
    assert done.out.splitlines()[-1].startswith(f"{kind.lower()}")
    assert f"patched (not proven: {because}" in done.out or because in done.out.splitlines()[-1]
    assert shop.context("x", f"{kind.lower()}s") == HARDENED


def test_the_printed_command_undoes_the_change(shop: Shop) -> None:
    shop.make(workload("web"))
    before = shop.get("deployments", "web")["spec"]
    done = shop.harden("deploy", "web")
    assert done.err.index("to undo") < done.err.index("web: the change is made")
    assert shop.context("web") == HARDENED
    run_the_printed_undo(done)
    assert shop.get("deployments", "web")["spec"] == before


def run_the_printed_undo(done: Done) -> None:
    """In a shell, as a person would."""
    command = next(line.partition("to undo this: ")[2] for line in done.err.splitlines() if "to undo" in line)
    shell = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    subprocess.run(["sh", "-c", command], env=shell, check=True, capture_output=True)


@pytest.mark.parametrize("kind", ["Deployment", "CronJob"])
@pytest.mark.parametrize("more", [{}, {"a": "b"}], ids=["the only annotation", "one of two"])
def test_the_printed_command_brings_back_an_annotation_that_was_taken_away(
    shop: Shop, kind: str, more: dict[str, str]
) -> None:
    obj = workload("web") if kind == "Deployment" else cron_job("web")
    template = obj["spec"].get("jobTemplate", obj)["spec"]["template"]
    annotations = {"container.apparmor.security.beta.kubernetes.io/c": "unconfined", **more}
    template.setdefault("metadata", {})["annotations"] = annotations
    shop.make(obj)
    plural = f"{kind.lower()}s"
    before = shop.get(plural, "web")["spec"]
    done = shop.harden(f"{kind}/web", "--profile", "restricted")
    hardened = shop.get(plural, "web")["spec"]
    assert (done.status, "unconfined" in str(hardened)) == (0, False), done.err
    run_the_printed_undo(done)
    assert shop.get(plural, "web")["spec"] == before


@pytest.mark.parametrize("kind", ["Pod", "Job"])
def test_an_object_that_cannot_be_changed_gets_a_manifest_that_replaces_it(shop: Shop, kind: str) -> None:
    pod = {"schedulerName": "nobody", "restartPolicy": "Never", "containers": [{"name": "c", "image": "x"}]}
    spec = pod if kind == "Pod" else {"template": {"spec": pod}}
    shop.make(
        {"apiVersion": "v1" if kind == "Pod" else "batch/v1", "kind": kind, "metadata": {"name": "x"}, "spec": spec}
    )
    done = shop.harden(f"{kind}/x")
    assert done.status == 2
    assert "x not patched (a " in done.out
    assert "kubectl replace --force -f" in done.out
    manifest = done.out.partition("---\n")[2]
    shop.cluster.kubectl("replace", "--force", "--grace-period=0", "-f", "-", input=manifest)
    assert shop.context("x", f"{kind.lower()}s") == HARDENED
    assert yaml.safe_load(manifest) == shop.harden(f"{kind}/x", "-o", "json").items[0].get(
        "replacement", yaml.safe_load(manifest)
    )


def test_a_controlled_object_is_refused_and_its_top_owner_is_named(shop: Shop) -> None:
    shop.make(workload("web"))
    eventually(lambda: shop.list("replicasets"))
    (name,) = shop.list("replicasets")
    done = shop.harden("rs", name)
    assert (done.status, "controlled by deployment.apps/web" in done.out) == (2, True)
    assert shop.context(name, "replicasets") is None
    whole = shop.harden("rs", "--yes")
    assert (whole.status, whole.out) == (2, done.out)
    together = shop.harden("rs,deploy", "--dry-run=client", "-o", "name")
    assert (together.status, together.out, together.err.count("replicaset")) == (0, "deployment.apps/web\n", 0)


def test_an_enforcing_namespace_stops_the_hardening_before_anything_is_sent(
    api_cluster: Cluster, capfd: Any, tmp_path: Path
) -> None:
    name = api_cluster.make_namespace({"pod-security.kubernetes.io/enforce": "restricted"})
    shop = Shop(api_cluster, name, capfd)
    shop.make(workload("web"))
    with between(api_cluster, tmp_path) as middleman:
        done = shop.harden("deploy/web", kubeconfig=middleman.kubeconfig)
        assert middleman.sent() == []
    assert done.status == 2
    assert 'not patched (its pods would be refused: pods "web-' in done.out
    assert "runAsNonRoot != true" in done.out
    assert shop.context("web") is None
    fits = shop.harden("deploy/web", "--profile", "restricted")
    assert (fits.status, "patched" in fits.out) == (0, True), fits.out + fits.err
    api_cluster.delete_namespace(name)


@pytest.mark.parametrize(("mode", "suffix"), [("client", " (dry run)"), ("server", " (server dry run)")])
def test_a_dry_run_stores_nothing(shop: Shop, tmp_path: Path, mode: str, suffix: str) -> None:
    shop.make(workload("web"))
    with between(shop.cluster, tmp_path) as middleman:
        done = shop.harden("deploy", f"--dry-run={mode}", kubeconfig=middleman.kubeconfig)
        tried = [seen.query.get("dryRun") for seen in middleman.seen if seen.method != "GET"]
    assert (done.status, tried) == (0, [] if mode == "client" else ["All", "All"])
    assert done.out.splitlines()[-1] == f"deployment.apps/web patched{suffix}"
    assert shop.context("web") is None


def test_every_output_format_says_the_same(shop: Shop) -> None:
    shop.make(workload("web"))
    dry = ("deploy/web", "--dry-run=client")
    (item,) = shop.harden(*dry, "-o", "json").items
    assert (item["result"], item["name"]) == ("planned", "web")
    assert yaml.safe_load(shop.harden(*dry, "-o", "yaml").out)["items"] == [item]
    assert shop.harden(*dry, "-o", "name").out == "deployment.apps/web\n"
    patch = shop.harden("deploy/web", "-o", "patch")
    assert json.loads(patch.out) == item["patch"]
    shop.cluster.kubectl("patch", "deploy", "web", "-n", shop.namespace, "--type=json", "-p", patch.out)
    assert shop.context("web") == HARDENED
    assert shop.harden("deploy/web", "-o", "json").items[0]["result"] == "unchanged"
    assert shop.harden("deploy/web", "-o", "nonsense").status == 2


# Somebody else, at the worst moment: the plan is made, the patch is on its way.
CONTEXT = "/spec/template/spec/containers/0/securityContext"
SAME_FIELD = {"op": "add", "path": CONTEXT, "value": {"capabilities": {"drop": ["NET_RAW"]}}}
NEW_ADD = {"op": "add", "path": CONTEXT, "value": {"capabilities": {"add": ["NET_ADMIN"]}}}
BESIDE = {"op": "add", "path": CONTEXT, "value": {"runAsUser": 7}}
INSERTED = {"op": "add", "path": "/spec/template/spec/containers/0", "value": {"name": "new", "image": "y"}}
TWO = [{"name": "c", "image": "x"}, {"name": "d", "image": "y"}]
SWAPPED = {"op": "replace", "path": "/spec/template/spec/containers", "value": TWO[::-1]}
OTHER_IMAGE = {"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": "z"}
SCALED = {"op": "replace", "path": "/spec/replicas", "value": 0}


@pytest.mark.parametrize(
    ("operation", "goes_on"),
    [
        pytest.param(SAME_FIELD, False, id="the same field"),
        pytest.param(NEW_ADD, False, id="an add that would stay"),
        pytest.param(INSERTED, False, id="a container that was not planned"),
        pytest.param(BESIDE, True, id="a field beside ours"),
        pytest.param(SWAPPED, True, id="the containers in another order"),
        pytest.param(OTHER_IMAGE, True, id="another image"),
        pytest.param(SCALED, True, id="an autoscaler"),
    ],
)
def test_somebody_elses_change_in_between_is_never_overwritten(
    shop: Shop, tmp_path: Path, operation: dict[str, Any], goes_on: bool
) -> None:
    shop.make(workload("web", pod={"schedulerName": "nobody", "containers": TWO}, paused=True, replicas=1))
    theirs: list[Any] = []

    def interfere(seen: Seen) -> None:
        if is_patch(seen) and not theirs:
            shop.patch("web", operation)
            theirs.append(shop.get("deployments", "web")["spec"])

    with between(shop.cluster, tmp_path, before=interfere) as middleman:
        done = shop.harden("deploy/web", kubeconfig=middleman.kubeconfig)
    now = shop.get("deployments", "web")["spec"]
    if not goes_on:
        assert (done.status, "was changed by somebody else in the meantime; nothing was sent" in done.out) == (2, True)
        assert now == theirs[0]
        return
    assert done.status == 0, done.out + done.err
    contexts = [container.pop("securityContext") for container in now["template"]["spec"]["containers"]]
    own = [container.pop("securityContext", {}) for container in theirs[0]["template"]["spec"]["containers"]]
    assert contexts == [{**context, **HARDENED} for context in own]
    assert now == theirs[0]


def test_a_status_update_in_between_does_not_disturb(shop: Shop, tmp_path: Path) -> None:
    shop.make(workload("web"))
    status = {"op": "add", "path": "/status/observedGeneration", "value": 0}

    def interfere(seen: Seen) -> None:
        if is_patch(seen):
            shop.patch("web", status, subresource="status")

    with between(shop.cluster, tmp_path, before=interfere) as middleman:
        done = shop.harden("deploy/web", kubeconfig=middleman.kubeconfig)
        assert len(middleman.sent()) == 1
    assert (done.status, shop.context("web")) == (0, HARDENED)


def test_an_object_that_was_deleted_and_made_again_is_another_one(shop: Shop, tmp_path: Path) -> None:
    shop.make(workload("web"))

    def interfere(seen: Seen) -> None:
        if is_patch(seen):
            shop.cluster.kubectl("delete", "deploy", "web", "-n", shop.namespace)
            shop.make(workload("web"))

    with between(shop.cluster, tmp_path, before=interfere) as middleman:
        done = shop.harden("deploy/web", kubeconfig=middleman.kubeconfig)
    assert (done.status, shop.context("web")) == (2, None)
    assert "deleted and created again; nothing was sent" in done.out


@pytest.mark.parametrize("arrives", [True, False])
def test_the_object_is_read_again_if_the_answer_to_a_patch_is_lost(
    shop: Shop, tmp_path: Path, arrives: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(late_patch, "LATE", 60 if arrives else 1)
    shop.make(workload("web"))

    def lose(seen: Seen) -> Answer | None:
        return CUT if is_patch(seen) else None

    handlers: dict[str, Any] = {"after": lose} if arrives else {"before": lose}
    with between(shop.cluster, tmp_path, **handlers) as middleman:
        done = shop.harden("deploy/web", kubeconfig=middleman.kubeconfig)
    assert done.status == (0 if arrives else 2), done.out + done.err
    assert shop.context("web") == (HARDENED if arrives else None)


def test_a_server_that_goes_away_at_the_patch_leaves_a_word_and_the_way_back(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(late_patch, "LATE", 1)
    shop.make(workload("web"))
    gone: list[bool] = []

    def lose(seen: Seen) -> Answer | None:
        gone.extend([True] if is_patch(seen) else [])
        return CUT if gone else None

    with between(shop.cluster, tmp_path, after=lose) as middleman:
        done = shop.harden("deploy/web", kubeconfig=middleman.kubeconfig)
    assert done.status == 2
    assert "the patch may still be applied: " in done.out
    assert "to undo this: kubectl patch deployments.apps web" in done.err
    assert "; to undo it: kubectl patch deployments.apps web" in done.err


def test_an_unhealthy_workload_is_refused_without_force(shop: Shop) -> None:
    shop.make(workload("web", replicas=1))
    eventually(lambda: shop.get("deployments", "web")["status"].get("updatedReplicas"))
    done = shop.harden("deploy/web")
    assert (done.status, shop.context("web")) == (2, None)
    assert "it is not healthy as it is: 0 of 1 new pods available; --force goes on" in done.out
    forced = shop.harden("deploy/web", "--force", "--wait=false")
    assert (forced.status, shop.context("web")) == (0, HARDENED)


def test_a_rollout_that_does_not_end_in_time_is_taken_back(shop: Shop) -> None:
    shop.make(workload("web", replicas=1))
    before = shop.get("deployments", "web")["spec"]
    (item,) = shop.harden("deploy/web", "--force", "--timeout", "1s", "-o", "json").items
    assert item["result"] == "rolledBack"
    assert item["message"].startswith("timed out after 1 s: ")
    assert shop.get("deployments", "web")["spec"] == before
    (kept,) = shop.harden("deploy/web", "--force", "--timeout", "1s", "--rollback=false", "-o", "json").items
    assert (kept["result"], shop.context("web")) == ("failed", HARDENED)


def test_timeout_0_is_no_limit(shop: Shop, tmp_path: Path) -> None:
    shop.make(workload("web", replicas=1))
    looks: list[Seen] = []

    def look(seen: Seen) -> None:
        looks.extend([seen] if is_patch(seen) or (looks and seen.path.endswith("/web")) else [])
        if len(looks) == 4:
            shop.patch("web", SCALED)

    with between(shop.cluster, tmp_path, before=look) as middleman:
        flags = ("--force", "--settle", "0", "--timeout", "0", "-o", "json")
        (item,) = shop.harden("deploy/web", *flags, kubeconfig=middleman.kubeconfig).items
    assert (item["result"], shop.context("web")) == ("notProven", HARDENED), item["message"]


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet"])
def test_a_rollout_scaled_to_zero_meanwhile_is_not_proven(shop: Shop, tmp_path: Path, kind: str) -> None:
    shop.make(workload("web", kind, replicas=1))

    def scale(seen: Seen) -> None:
        if is_patch(seen):
            shop.cluster.kubectl("scale", kind, "web", "-n", shop.namespace, "--replicas=0")

    with between(shop.cluster, tmp_path, after=scale) as middleman:
        flags = ("--force", "--settle", "1s", "--timeout", "20s", "-o", "json")
        (item,) = shop.harden(f"{kind}/web", *flags, kubeconfig=middleman.kubeconfig).items
    assert (item["result"], item["message"]) == ("notProven", "not proven: it has no pods")


@pytest.mark.parametrize("whole", [True, False])
def test_a_change_that_is_reverted_during_the_watch_is_reported(shop: Shop, tmp_path: Path, whole: bool) -> None:
    shop.make(workload("web", replicas=1))
    theirs = {"op": "remove", "path": CONTEXT if whole else f"{CONTEXT}/allowPrivilegeEscalation"}
    reverted: list[Seen] = []

    def revert(seen: Seen) -> None:
        if is_patch(seen) and not reverted:
            reverted.append(seen)
            shop.patch("web", theirs)

    with between(shop.cluster, tmp_path, after=revert) as middleman:
        done = shop.harden("deploy/web", "--force", kubeconfig=middleman.kubeconfig)
    assert done.status == 2
    assert "somebody else changed spec.template.spec.containers[0].securityContext" in done.out
    assert shop.context("web") is None


@pytest.mark.parametrize("escalation", [True, False], ids=["all of it is theirs", "a part is theirs"])
def test_a_field_that_somebody_changed_during_the_watch_is_not_called_rolled_back(
    shop: Shop, tmp_path: Path, escalation: bool
) -> None:
    shop.make(workload("web", replicas=1))
    theirs = {"allowPrivilegeEscalation": escalation, "capabilities": {"drop": ["NET_RAW"]}}
    changed: list[Seen] = []

    def change(seen: Seen) -> None:
        if is_patch(seen) and not changed:
            changed.append(seen)
            shop.patch("web", {"op": "replace", "path": CONTEXT, "value": theirs})

    with between(shop.cluster, tmp_path, after=change) as middleman:
        done = shop.harden("deploy/web", "--force", "-o", "json", kubeconfig=middleman.kubeconfig)
    (item,) = done.items
    assert (done.status, item["result"]) == (2, "failed")
    container = "spec.template.spec.containers[0].securityContext"
    left = [f"{container}.allowPrivilegeEscalation"] if escalation else []
    left.append(f"{container}.capabilities.drop")
    assert item["message"].endswith(f"; changed by somebody else since, left alone: {', '.join(left)}")
    assert "web rolled back" not in done.err
    assert shop.context("web") == (theirs if escalation else {"capabilities": {"drop": ["NET_RAW"]}})


def test_a_failure_after_a_change_by_somebody_else_during_the_rollout_is_not_rolled_back(
    shop: Shop, tmp_path: Path
) -> None:
    shop.make(workload("web", replicas=1))
    changed: list[Seen] = []

    def change(seen: Seen) -> None:
        if is_patch(seen) and not changed:
            changed.append(seen)
            shop.patch("web", OTHER_IMAGE)

    with between(shop.cluster, tmp_path, after=change) as middleman:
        done = shop.harden("deploy/web", "--force", "--timeout", "2s", "-o", "json", kubeconfig=middleman.kubeconfig)
        assert len(middleman.sent()) == 1
    (item,) = done.items
    assert (done.status, item["result"], shop.context("web")) == (2, "failed", HARDENED)
    assert "changed spec.template.spec.containers[0].image during the rollout" in item["message"]
    assert "nothing was rolled back; spec.minReadySeconds stays at 10, which keeps the old pods" in item["message"]
    assert "deployment.apps/web is patched; to undo it: kubectl patch " in done.err


def test_without_a_terminal_a_line_now_and_then_says_how_the_rollout_stands(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kubectl_caps.commands.harden.watcher._LINE_EVERY", 1.0)
    shop.make(workload("web", replicas=1))
    done = shop.harden("deploy/web", "--force", "--timeout", "3s")
    lines = [line for line in done.err.splitlines() if line.endswith((" after 1 s", " after 2 s", " after 3 s"))]
    assert 1 <= len(lines) <= 3, done.err


@pytest.mark.parametrize("again", [True, False], ids=["made again", "gone for good"])
def test_no_command_promises_an_undo_of_an_object_deleted_during_the_watch(
    shop: Shop, tmp_path: Path, again: bool
) -> None:
    shop.make(workload("web", replicas=1))
    deleted: list[Seen] = []

    def delete(seen: Seen) -> None:
        """In the middle of the watch, or between the watch and the patch that rolls back."""
        if len(middleman.sent()) == (1 if again else 2) and not deleted:
            deleted.append(seen)
            shop.cluster.kubectl("delete", "deploy", "web", "-n", shop.namespace)
            if again:
                shop.make(workload("web"))

    moment = {"after": delete} if again else {"before": delete}
    with between(shop.cluster, tmp_path, **moment) as middleman:
        flags = ("--force", "--timeout", "1s")
        done = shop.harden("deploy/web", *flags, kubeconfig=middleman.kubeconfig)
    assert (done.status, bool(deleted)) == (2, True)
    reason = "is another object now: it was deleted and created again" if again else "it was deleted"
    assert done.err.splitlines()[-1].endswith(reason)


def test_a_question_without_a_terminal_is_an_error_and_yes_is_an_answer(shop: Shop) -> None:
    shop.make(workload("a"), workload("b"))
    done = shop.harden("deploy")
    assert (done.status, shop.context("a")) == (2, None)
    assert "2 objects would be changed and there is no terminal to ask on; --yes goes ahead" in done.err
    assert shop.harden("deploy", "--yes").status == 0
    assert (shop.context("a"), shop.context("b")) == (HARDENED, HARDENED)


@pytest.mark.parametrize(("answer", "status", "wanted"), [("n", 1, None), ("", 1, None), ("y", 0, HARDENED)])
def test_the_question_is_asked_on_a_terminal(shop: Shop, answer: str, status: int, wanted: Any) -> None:
    shop.make(workload("a"))
    done = answered(answer, "deploy", "-n", shop.namespace, "--kubeconfig", str(shop.cluster.kubeconfig))
    assert (done.status, shop.context("a")) == (status, wanted)
    assert "Harden 1 object?" in done.err
    assert done.out.startswith("WORKLOAD")
    assert done.out.splitlines()[-1].startswith(f"deployment.apps/a {'patched' if wanted else 'skipped (declined)'}")


def answered(answer: str, *args: str) -> Done:
    """`harden` on a terminal, where its question gets this answer; `err` is what the terminal showed until then."""
    reader, writer = pty.openpty()
    command = [sys.executable, "-m", "kubectl_caps", "harden", NO_CANARY, *args]
    streams = {"stdin": writer, "stderr": writer, "stdout": subprocess.PIPE}
    text = b""
    with os.fdopen(reader, "r+b", 0) as terminal, os.fdopen(writer), child(command, **streams, text=True) as process:
        while b"[y/N]: " not in text:
            assert process.poll() is None, text
            if select.select([terminal], [], [], 0.1)[0]:
                text += os.read(reader, 1000)
        terminal.write(f"{answer}\n".encode())
        out, _ = process.communicate(timeout=60)
    return Done(process.returncode, out, text.decode())


def test_a_declined_question_keeps_status_2_for_objects_that_cannot_be_hardened(shop: Shop, tmp_path: Path) -> None:
    shop.make(workload("a"), workload("sick", replicas=1))
    config = user(shop, tmp_path, ("apps", "deployments", "get,list,patch"), ("", "pods", "create"))
    args = ("-n", shop.namespace, "--kubeconfig", config, "-o", "json")
    done = answered("n", "deploy,sts", *args)
    assert "Error from server (Forbidden): statefulsets.apps is forbidden" in done.err
    assert {item["name"]: item["result"] for item in done.items} == {"a": "skipped", "sick": "refused"}
    assert (done.status, json.loads(done.out)["errors"][0]["code"], shop.context("a")) == (2, 403, None)
    assert answered("n", "deploy", *args).status == 2
    unasked = shop.harden("deploy,sts", kubeconfig=config)
    assert (unasked.status, "(Forbidden)" in unasked.err, "no terminal to ask on" in unasked.err) == (2, True, True)


def many(shop: Shop, count: int) -> list[str]:
    """Deployments a00, a01, …; returns their names."""
    names = [f"a{number:02}" for number in range(count)]
    shop.make(*(workload(name) for name in names))
    return names


def failing_third(shop: Shop, names: list[str]) -> Callable[[Seen], None]:
    """Somebody changes the third object just before it is patched."""

    def interfere(seen: Seen) -> None:
        if is_patch(seen) and seen.path.endswith(names[2]) and shop.context(names[2]) is None:
            shop.patch(names[2], SAME_FIELD)

    return interfere


def test_a_plan_of_20_whose_third_fails_leaves_17_untouched(shop: Shop, tmp_path: Path) -> None:
    names = many(shop, 20)
    before = shop.list("deployments")
    with between(shop.cluster, tmp_path, before=failing_third(shop, names)) as middleman:
        done = shop.harden("deploy", "--yes", "-o", "json", kubeconfig=middleman.kubeconfig)
        assert middleman.sent() == names[:3]
    assert done.status == 2
    results = {item["name"]: item["result"] for item in done.items}
    assert [results[name] for name in names] == ["notProven"] * 2 + ["failed"] + ["skipped"] * 17
    assert {item["message"] for item in done.items if item["result"] == "skipped"} == {"deployment.apps/a02 failed"}
    after = shop.list("deployments")
    assert [after[name]["metadata"]["generation"] for name in names[3:]] == [1] * 17
    assert all(after[name]["spec"] == before[name]["spec"] for name in names[3:])


@pytest.mark.parametrize("parallel", ["1", "3"])
def test_keep_going_hardens_the_rest(shop: Shop, tmp_path: Path, parallel: str) -> None:
    names = many(shop, 6)
    with between(shop.cluster, tmp_path, before=failing_third(shop, names)) as middleman:
        flags = ("--keep-going", "--max-parallel", parallel, "-o", "json")
        done = shop.harden("deploy", "--yes", *flags, kubeconfig=middleman.kubeconfig)
    results = {item["name"]: item["result"] for item in done.items}
    assert (done.status, results.pop(names[2])) == (2, "failed")
    assert set(results.values()) == {"notProven"}


def test_several_types_a_selector_and_all_namespaces(shop: Shop) -> None:
    other = workload("other")
    other["metadata"]["labels"]["tier"] = "db"
    tier = shop.namespace  # a label that nothing else in the cluster has
    chosen = [workload("web"), workload("cache", "StatefulSet"), workload("agent", "DaemonSet")]
    for obj in chosen:
        obj["metadata"]["labels"]["tier"] = tier
    shop.make(*chosen, other)
    done = shop.harden("deploy,sts", "-A", "-l", f"tier={tier}", "--yes", namespace=False)
    assert done.status == 0, done.err
    assert (shop.context("web"), shop.context("cache", "statefulsets")) == (HARDENED, HARDENED)
    assert (shop.context("other"), shop.context("agent", "daemonsets")) == (None, None)


def test_the_systems_namespaces_are_left_alone_unless_named_or_forced(shop: Shop) -> None:
    tier = shop.namespace
    obj = workload(tier)
    obj["metadata"]["labels"]["tier"] = tier
    status, answer = shop.cluster.api.request("POST", "/apis/apps/v1/namespaces/kube-system/deployments", obj)
    assert status == 201, answer
    flags = ("deploy", "-l", f"tier={tier}", "--dry-run=client", "-o", "name")
    everywhere = shop.harden(*flags, "-A", namespace=False)
    assert (everywhere.status, everywhere.out) == (0, "")
    assert "1 object is in a namespace of the system and left alone" in everywhere.err
    for args in (("-A", "--force"), ("-n", "kube-system")):
        assert shop.harden(*flags, *args, namespace=False).out == f"deployment.apps/{tier}\n"


def test_a_coming_refusal_is_in_the_plan_before_the_question(shop: Shop) -> None:
    shop.make(workload("a"), workload("sick", replicas=1))
    done = shop.harden("deploy")
    assert "deployment.apps/sick will not be patched: it is not healthy as it is" in done.out
    assert "1 object would be changed" in done.err


def test_a_refused_object_has_its_refusal_printed_once_and_no_other_note(shop: Shop) -> None:
    shop.make(workload("a"), workload("sick", replicas=1))
    shop.patch("sick", {"op": "add", "path": CONTEXT, "value": {"capabilities": {"add": ["CHOWN"]}}})
    for flags in (["--dry-run=server"], ["--dry-run=client"], ["--yes"]):
        done = shop.harden("deploy", *flags)
        said = [line for line in (done.out + done.err).splitlines() if line.startswith("deployment.apps/sick")]
        assert [line.partition(": ")[0] for line in said] == [
            "deployment.apps/sick will not be patched", "deployment.apps/sick not patched",
        ]  # fmt: skip


def test_the_line_patched_is_printed_once(shop: Shop) -> None:
    shop.make(workload("web"))
    done = shop.harden("deploy/web")
    assert (done.out + done.err).count("web patched") == 1


def test_the_runtime_of_the_pods_decides_gains_if_nodes_may_not_be_listed(shop: Shop, tmp_path: Path) -> None:
    """CRI-O gives no NET_RAW by default, containerd does."""
    shop.make(workload("web"))
    who = user(shop, tmp_path, ("", "pods", "list"), ("apps", "deployments", "get"))
    for runtime, refused in (("containerd", False), ("cri-o", True)):
        shop.cluster.kubectl("delete", "pod", "--all", "-n", shop.namespace, "--force", "--grace-period=0")
        shop_pod(shop, runtime)
        done = shop.harden("deploy/web", "--add", "NET_RAW", "--dry-run=client", kubeconfig=who)
        assert (done.status == 2) == refused, done.out
        assert f"cannot list nodes (forbidden): the status of pods names {runtime}" in done.err
        assert not done.err.startswith("Error from server")


def shop_pod(shop: Shop, runtime: str) -> None:
    """A running pod whose status names a container runtime."""
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "one"}}
    spec = {"nodeName": "far", "containers": [{"name": "c", "image": "i"}]}
    path = f"/api/v1/namespaces/{shop.namespace}/pods"
    code, answer = shop.cluster.api.request("POST", path, {**pod, "spec": spec})
    assert code == 201, answer
    status = {"name": "c", "image": "i", "imageID": "", "ready": True, "restartCount": 0}
    told = {"status": {"phase": "Running", "containerStatuses": [{**status, "containerID": f"{runtime}://3f2a"}]}}
    where = ("pod", "one", "-n", shop.namespace, "--subresource=status", "--type=merge")
    shop.cluster.kubectl("patch", *where, "-p", json.dumps(told))


@pytest.mark.parametrize(
    ("args", "error"),
    [
        (("deploy", "web", "-A"), "a resource cannot be retrieved by name across all namespaces"),
        (("deploy", "web", "-l", "a=b"), "name cannot be provided when a selector is specified"),
        (("deploy/web", "--all"), "name cannot be provided when --all is specified"),
        ((), "you must provide one or more resources"),
        (("svc",), "not a kind of workload"),
        (("nosuch",), 'the server doesn\'t have a resource type "nosuch"'),
        (("deploy", "nosuch"), 'deployments.apps "nosuch" not found'),
        (("deploy", "--max-parallel", "0"), "--max-parallel must be 1 or more"),
        (("deploy", "--timeout", "soon"), 'invalid argument "soon"'),
        (("deploy", "-c", "nosuch"), "container nosuch is not valid for deployment.apps/web"),
        (("deploy", "--undo", "x"), "TYPE has no meaning with --undo"),
        (("--undo", "/nosuch"), 'the path "/nosuch" does not exist'),
        (("deploy", "--undo-to", "/etc/passwd"), "exists already, and may be needed to undo another run"),
        (("deploy", "--yes", "--undo-to", "/nosuch/file"), "no such file or directory; nothing was changed"),
    ],
)
def test_flags_that_cannot_be_combined_are_one_line_and_status_2(shop: Shop, args: tuple[str, ...], error: str) -> None:
    shop.make(workload("web"))
    done = shop.harden(*args, namespace=not {"-A", "--undo"} & {*args})
    assert (done.status, shop.context("web")) == (2, None)
    (line,) = [line for line in done.err.splitlines() if error in line]
    assert line.startswith(("error: ", "Error from server"))


def custom(name: str, group: str, version: str, kind: str) -> dict[str, Any]:
    """A custom resource with a pod template; Knative's container needs no name."""
    container = {"image": "x"} if kind == "Service" else {"name": "c", "image": "x"}
    spec: dict[str, Any] = {"template": {"spec": {"containers": [container]}}}
    if kind == "JobSet":
        spec = {"replicatedJobs": [{"name": "r", "template": {"spec": spec}}]}
    return {"apiVersion": f"{group}/{version}", "kind": kind, "metadata": {"name": name}, "spec": spec}


def test_all_takes_every_top_owner_custom_resources_too(shop: Shop, custom_kinds: None, tmp_path: Path) -> None:
    pod = {"schedulerName": "nobody", "containers": [{"name": "c", "image": "x"}]}
    bare = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": pod}
    shop.make(workload("x"), workload("x", "StatefulSet"), cron_job("x"), bare)
    shop.make(*(custom("x", *row) for row in CUSTOM[:4]))
    eventually(lambda: shop.list("replicasets"))
    file = str(tmp_path / "undo")
    done = shop.harden("--all", "--yes", "-o", "json", "--undo-to", file)
    results = {item["kind"]: item["result"] for item in done.items}
    cannot = {"Pod": "refused", "JobSet": "refused"}
    changed = ("Deployment", "StatefulSet", "CronJob", "Rollout", "CloneSet", "Service")
    assert (done.status, results) == (2, {**cannot, **dict.fromkeys(changed, "notProven")})
    plurals = ("deployments", "rollouts", "clonesets", "services")
    assert [shop.context("x", plural) for plural in plurals] == [HARDENED] * 4
    manifests = {item["kind"]: item["replacement"] for item in done.items if "replacement" in item}
    job = manifests["JobSet"]["spec"]["replicatedJobs"][0]["template"]
    assert (set(manifests), context(job)) == (set(cannot), HARDENED)
    assert shop.harden("--undo", file, "--yes", namespace=False).status == 0
    assert [shop.context("x", plural) for plural in plurals] == [None] * 4


@pytest.fixture(scope="module")
def custom_kinds(api_cluster: Cluster) -> Iterator[None]:
    """The custom resources that run pods, and a kind that owns deployments; they go again with this module."""
    kinds = {kind: (f"{group}/{version}", f"{kind.lower()}s") for group, version, kind in CUSTOM}
    with labeling.custom_kinds(api_cluster, kinds):
        for group, version, kind in CUSTOM:
            eventually(partial(api_cluster.api.get, f"/apis/{group}/{version}/{kind.lower()}s"))
        yield


def test_an_operators_deployment_is_refused_and_the_operators_object_is_named(shop: Shop, custom_kinds: None) -> None:
    path = f"/apis/example.com/v1/namespaces/{shop.namespace}/shops"
    body = {"apiVersion": "example.com/v1", "kind": "Shop", "metadata": {"name": "mine"}}
    status, owner = shop.cluster.api.request("POST", path, body)
    assert status == 201, owner
    obj = workload("web")
    reference = {"apiVersion": "example.com/v1", "kind": "Shop", "name": "mine", "uid": owner["metadata"]["uid"]}
    obj["metadata"]["ownerReferences"] = [{**reference, "controller": True}]
    shop.make(obj)
    eventually(lambda: shop.list("replicasets"))
    (name,) = shop.list("replicasets")
    for target in ("deploy/web", f"rs/{name}"):
        done = shop.harden(target)
        assert (done.status, "it is controlled by shop.example.com/mine" in done.out) == (2, True), target
    shop.make(workload("free"))
    for targets in (("--all",), ("deploy",), ("deploy,rs,pods",)):
        done = shop.harden(*targets, "--yes", "-o", "json")
        results = {item["name"]: item["result"] for item in done.items}
        assert (done.status, results.pop("free") in ("notProven", "unchanged"), results) == (
            2,
            True,
            {"web": "refused"},
        )
        assert "it is controlled by shop.example.com/mine, which would undo it" in done.out
    assert (shop.context("web"), shop.context("free")) == (None, HARDENED)


def test_an_owner_that_the_selector_leaves_out_does_not_stand_for_its_pods(shop: Shop) -> None:
    obj = workload("web", replicas=1)
    obj["spec"]["template"]["metadata"]["labels"]["only"] = "pods"
    shop.make(obj)
    eventually(lambda: shop.list("pods"))
    done = shop.harden("--all", "-l", "only=pods", "-o", "json", "--dry-run=client")
    assert (done.status, {item["kind"]: item["result"] for item in done.items}) == (
        2,
        {"ReplicaSet": "refused"},
    )
    assert "controlled by deployment.apps/web" in done.out


def user(shop: Shop, folder: Path, *rules: tuple[str, str, str]) -> str:
    """The kubeconfig of somebody who may do only this: (API group, resources, verbs), comma-separated."""
    name = shop.namespace
    items = [{"apiGroups": [g], "resources": r.split(","), "verbs": v.split(",")} for g, r, v in rules]
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "r"}, "rules": items}
    subject = [{"kind": "User", "name": name, "apiGroup": "rbac.authorization.k8s.io"}]
    reference = {"kind": "Role", "name": "r", "apiGroup": "rbac.authorization.k8s.io"}
    binding = {**role, "kind": "RoleBinding", "subjects": subject, "roleRef": reference}
    del binding["rules"]
    for obj, plural in ((role, "roles"), (binding, "rolebindings")):
        path = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{name}/{plural}"
        status, answer = shop.cluster.api.request("POST", path, obj)
        assert status == 201, answer
    config = yaml.safe_load(Path(shop.cluster.kubeconfig).read_text())
    for entry in config["users"]:
        entry["user"]["as"] = name
    file = folder / "user"
    file.write_text(json.dumps(config))
    return str(file)


def test_a_user_without_the_right_to_create_pods_can_harden_and_gets_a_note(shop: Shop, tmp_path: Path) -> None:
    shop.make(workload("web"))
    config = user(shop, tmp_path, ("apps", "deployments", "get,patch"))
    done = shop.harden("deploy/web", kubeconfig=config)
    assert (done.status, shop.context("web")) == (0, HARDENED), done.err
    assert "a pod of the new template could not be tried: pods is forbidden" in done.out


@pytest.mark.parametrize(
    ("verbs", "message"),
    [("get", "cannot patch resource"), ("get,patch", 'cannot list resource "replicasets"')],
)
def test_a_user_without_the_right_to_change_or_watch_changes_nothing(
    shop: Shop, tmp_path: Path, verbs: str, message: str
) -> None:
    replicas = 1 if "patch" in verbs else 0
    shop.make(workload("web", replicas=replicas))
    config = user(shop, tmp_path, ("apps", "deployments", verbs), ("", "pods", "create"))
    done = shop.harden("deploy/web", "--force", kubeconfig=config)
    assert (done.status, shop.context("web")) == (2, None)
    assert message in done.out


RIGHTS = {
    'get resource "deployments"': ("apps", "deployments", "get"),
    'patch resource "deployments"': ("apps", "deployments", "patch"),
    'list resource "replicasets"': ("apps", "replicasets", "list"),
    'list resource "pods"': ("", "pods", "list"),
    'create resource "pods"': ("", "pods", "create"),
    'get resource "pods/log"': ("", "pods/log", "get"),
    'list resource "events"': ("", "events", "list"),
}
"""Every right that harden needs for one Deployment, by the words in which the server misses it."""


@pytest.mark.parametrize("missing", ["", *RIGHTS])
def test_only_the_missing_right_is_named(shop: Shop, tmp_path: Path, missing: str) -> None:
    shop.make(workload("web", replicas=1))
    eventually(lambda: shop.list("pods"))
    config = user(shop, tmp_path, *(right for words, right in RIGHTS.items() if words != missing))
    done = shop.harden("deploy/web", "--force", "--timeout", "1s", kubeconfig=config)
    said = done.out + done.err
    assert [words for words in RIGHTS if f"cannot {words}" in said] == ([missing] if missing else [])
    if "pods/log" in missing or "events" in missing:
        assert done.err.count(f"cannot {missing}") == 1


def test_an_owner_that_may_not_be_read_is_the_last_that_is_named_and_the_right_is_said(
    shop: Shop, tmp_path: Path
) -> None:
    shop.make(workload("web", replicas=1))
    eventually(lambda: shop.list("pods"))
    (name,) = shop.list("pods")
    done = shop.harden(f"pod/{name}", kubeconfig=user(shop, tmp_path, ("", "pods", "get")))
    assert (done.status, "it is controlled by replicaset.apps/web-" in done.out) == (2, True)
    assert done.err.count('cannot get resource "replicasets"') == 1


def default_signals() -> None:
    """In the child: signals end it, although a test run in the background ignores SIGINT, and one by nohup SIGHUP."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def control_c(shop: Shop, line: str, *argv: str, number: signal.Signals = signal.SIGINT) -> tuple[int, str, str]:
    """Status, stdout and the rest of stderr of `harden`, interrupted when it has said a line that begins so."""
    env = {**os.environ, "KUBECONFIG": str(shop.cluster.kubeconfig), "PYTHONFAULTHANDLER": "1"}
    command = [sys.executable, "-m", "kubectl_caps", "harden", NO_CANARY, *argv]
    with subprocess.Popen(
        command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=default_signals
    ) as process:
        assert process.stderr
        for said in process.stderr:
            if said.startswith(line):
                break
        process.send_signal(number)
        try:
            out, err = process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGABRT)  # where each thread stands
            pytest.fail(f"it goes on after the signal: {process.communicate()[1]}")
    return process.returncode, out, err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_leaves_the_object_as_planned_and_the_way_back_is_printed(shop: Shop, number: signal.Signals) -> None:
    shop.make(workload("web", replicas=1), workload("z"))
    argv = ["deploy", "-n", shop.namespace, "--force", "--yes"]
    status, out, err = control_c(shop, "deployment.apps/web: the change is made", *argv, number=number)
    assert status == 130, err
    assert "deployment.apps/web is patched; to undo it: kubectl patch deployments.apps web" in err
    assert "deployment.apps/web patched (interrupted: it is patched, and is not watched)" in out
    assert "deployment.apps/z skipped (interrupted)" in out
    assert (shop.context("web"), shop.context("z")) == (HARDENED, None)


@pytest.mark.parametrize("at", ["the patch", "the look after it"])
def test_control_c_during_the_rollback_tells_the_stored_state(shop: Shop, tmp_path: Path, at: str) -> None:
    shop.make(workload("web", replicas=1))
    patched, interrupted = at == "the look after it", threading.Event()

    def interrupt(seen: Seen) -> Answer | None:
        """The answer to the second patch, or to the first request behind it, comes too late."""
        if len(middleman.sent()) == 2 and is_patch(seen) != patched and not interrupted.is_set():
            interrupted.set()
            process.send_signal(signal.SIGINT)
            process.wait(60)
            return CUT
        return None

    with between(shop.cluster, tmp_path, after=interrupt) as middleman:
        command = [sys.executable, "-m", "kubectl_caps", "harden", "deploy/web", "-n", shop.namespace]
        flags = [NO_CANARY, "--force", "--timeout=1s", "--kubeconfig", middleman.kubeconfig]
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        with child([*command, *flags], **streams, text=True, preexec_fn=default_signals) as process:
            out, err = process.communicate(timeout=120)
    assert process.returncode == 130, err
    state = "rolled back" if patched else "either patched or rolled back"
    assert f"; interrupted: it is {state}, and is not watched)" in out
    assert out.splitlines()[-1].startswith("deployment.apps/web failed (timed out after 1 s: ")
    (line,) = [line for line in err.splitlines() if line.startswith("deployment.apps/web is ")]
    assert line.partition("; to undo it: kubectl patch ")[0] == f"deployment.apps/web is {state}"
    assert ("to undo it" in line) != patched
    assert shop.context("web") is None


def test_control_c_during_an_undo_says_undone(shop: Shop, tmp_path: Path) -> None:
    shop.make(workload("web", replicas=1))
    file = str(tmp_path / "undo")
    assert shop.harden("deploy/web", "--force", "--wait=false", "--undo-to", file).status == 0
    status, out, err = control_c(shop, "deployment.apps/web: the change is taken back", "--undo", file, "--yes")
    assert (status, shop.context("web")) == (130, None), err
    assert out.splitlines()[-1] == "deployment.apps/web undone (interrupted: it is undone, and is not watched)"


def test_kill_9_at_every_request_leaves_no_object_half_hardened_and_the_saved_undo_restores_all(
    shop: Shop, tmp_path: Path
) -> None:
    names = many(shop, 20)
    original = {name: item["spec"] for name, item in shop.list("deployments").items()}
    count, limit = 0, 0
    pids: SimpleQueue[int] = SimpleQueue()

    def kill(seen: Seen) -> Answer | None:
        nonlocal count
        count += 1
        if count == limit:
            os.kill(pids.get(timeout=60), signal.SIGKILL)
        return None

    def run_until(request: int) -> tuple[str, list[str]]:
        """Run until the server has answered so many requests; the saved undo, and the objects that were changed."""
        nonlocal count, limit
        count, limit, file = 0, request, str(tmp_path / f"undo{next(numbers)}")
        argv = ("harden", "deploy", "-n", shop.namespace, "--yes", "--undo-to", file, NO_CANARY)
        done = zygote().run(argv, {"KUBECONFIG": middleman.kubeconfig}, started=pids.put)
        assert done.returncode == -signal.SIGKILL
        now = {name: item["spec"] for name, item in shop.list("deployments").items()}
        changed = [name for name in names if now[name] != original[name]]
        assert all(context({"spec": now[name]}) == HARDENED for name in changed)
        return file, changed

    def undo(file: str) -> None:
        assert shop.cluster.caps("harden", "--undo", file, "--yes", "--wait=false").returncode == 0

    numbers = itertools.count()
    with between(shop.cluster, tmp_path, after=kill) as middleman:
        # One list, then for each object a dry run of its pod and one of its patch: nothing is sent yet.
        assert [run_until(request)[1] for request in (1, 2, 41)] == [[], [], []]
        file, changed = run_until(41 + 10)
        assert changed == names[:10]
        undo(file)
        # Each run is killed at its first patch, and the next one goes on from there.
        files = []
        for done in range(20):
            file, changed = run_until(1 + 2 * (20 - done) + 1)
            assert changed == names[: done + 1]
            files.append(file)
        for file in files:
            undo(file)
    assert {name: item["spec"] for name, item in shop.list("deployments").items()} == original


def test_a_run_without_changes_saves_no_undo(shop: Shop, tmp_path: Path) -> None:
    shop.make(workload("web"))
    assert shop.harden("deploy/web").status == 0
    file = tmp_path / "undo"
    again = shop.harden("deploy/web", "--undo-to", str(file))
    assert (again.status, file.exists(), "to undo this run" in again.err) == (0, False, False)


def test_a_patch_that_the_server_would_refuse_is_printed_and_said_to_be(shop: Shop, tmp_path: Path) -> None:
    shop.make(workload("web"))
    config = user(shop, tmp_path, ("apps", "deployments", "get"))
    for flags, status in (((), 0), (("--dry-run=client",), 0), (("--dry-run=server",), 2)):
        done = shop.harden("deploy/web", "-o", "patch", *flags, kubeconfig=config)
        assert (done.status, json.loads(done.out)[-1]["op"]) == (status, "add")
        assert ("web not patched (Error from server (Forbidden)" in done.err) == (status == 2)


def test_the_printed_commands_that_undo_run_as_the_same_user(shop: Shop, tmp_path: Path) -> None:
    shop.make(workload("web"))
    who = ("--as", "some one", "--as-group", "system:masters")
    done = shop.harden("deploy/web", "--undo-to", str(tmp_path / "my undo"), *who)
    assert done.status == 0, done.err
    prefix = "to undo this run: "
    (command,) = [line.removeprefix(prefix) for line in done.err.splitlines() if line.startswith(prefix)]
    one = next(line.partition("to undo this: ")[2] for line in done.err.splitlines() if "to undo this: " in line)
    flags = ["--kubeconfig", str(shop.cluster.kubeconfig), *who]
    for words in (shlex.split(command), shlex.split(one)):
        assert [word for word in words if word in flags] == flags
    shell = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    subprocess.run(["sh", "-c", f"{command} --yes"], env=shell, check=True, capture_output=True)
    assert shop.context("web") is None


def test_undo_leaves_fields_that_somebody_changed_since(shop: Shop, tmp_path: Path) -> None:
    shop.make(workload("a"), workload("b"), workload("c"))
    file = str(tmp_path / "undo")
    assert shop.harden("deploy", "--yes", "--undo-to", file).status == 0
    shop.patch("a", {"op": "replace", "path": f"{CONTEXT}/capabilities", "value": {"drop": ["ALL"], "add": ["KILL"]}})
    shop.cluster.kubectl("delete", "deploy", "b", "-n", shop.namespace)
    shop.make(workload("b"))
    done = shop.harden("--undo", file, "--yes", "-o", "json", namespace=False)
    assert done.out, done.err
    results = {item["name"]: item["result"] for item in done.items}
    assert (done.status, results) == (2, {"a": "undone", "b": "refused", "c": "undone"})
    assert shop.context("a") == {"capabilities": {"add": ["KILL"]}} or shop.context("a")["capabilities"]["add"] == [
        "KILL"
    ]
    assert shop.context("c") in (None, {})
    again = shop.harden("--undo", file, "--yes", "-o", "json", namespace=False)
    assert {item["name"]: item["result"] for item in again.items} == {
        "a": "unchanged",
        "b": "refused",
        "c": "unchanged",
    }


HARDENED_WITH_CHOWN = {**HARDENED, "capabilities": {"add": ["CHOWN"], "drop": ["ALL"]}}


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ((), ("--add", "CHOWN")),
        (("--add", "KILL"), ("--add", "CHOWN")),
        ((), ("--profile", "restricted")),
        ((), ("--remove-adds",)),
    ],
    ids=["adds", "more adds", "a profile", "adds taken away"],
)
def test_undo_leaves_objects_that_a_later_run_hardened_again(
    shop: Shop, tmp_path: Path, first: tuple[str, ...], second: tuple[str, ...]
) -> None:
    adds = {"securityContext": {"capabilities": {"add": ["NET_RAW"]}}} if "--remove-adds" in second else {}
    pod = {"schedulerName": "nobody", "containers": [{"name": "c", "image": "x", **adds}]}
    shop.make(workload("a", pod=pod), workload("b", pod=pod))
    file = str(tmp_path / "undo")
    assert shop.harden("deploy", "--yes", *first, "--undo-to", file).status == 0
    assert shop.harden("deploy/a", "--yes", *second).status == 0
    hardened = shop.get("deployments", "a")["spec"]
    done = shop.harden("--undo", file, "--yes", namespace=False)
    lines = [line for line in done.out.splitlines() if "will not be undone: hardened again since, left alone: " in line]
    assert (done.status, len(lines), shop.get("deployments", "a")["spec"]) == (2, 1, hardened), done.out
    assert "securityContext" in lines[0]
    assert lines[0].endswith("; --force undoes it")
    assert "deployment.apps/a not undone" in done.out.splitlines()
    assert shop.context("b") == (adds.get("securityContext") if adds else None)
    forced = shop.harden("--undo", file, "--yes", "--force", namespace=False)
    assert "drop" not in str(shop.context("a")), forced.out


def test_undo_of_a_run_that_was_hardened_undone_and_hardened_the_same_way_undoes_it(shop: Shop, tmp_path: Path) -> None:
    shop.make(workload("web"))
    file = str(tmp_path / "undo")
    assert shop.harden("deploy/web", "--undo-to", file).status == 0
    shop.patch("web", {"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": "y"})
    assert shop.harden("--undo", file, "--yes", namespace=False).status == 0
    assert shop.harden("deploy/web").status == 0
    assert (shop.harden("--undo", file, "--yes", namespace=False).status, shop.context("web")) == (0, None)


def test_undo_leaves_objects_that_the_run_rolled_back(shop: Shop, tmp_path: Path) -> None:
    """Six workloads: two fail and are rolled back, a later run hardens these with other adds."""
    names = [f"w{number}" for number in range(6)]
    shop.make(*(workload(name) for name in names))
    shop.make(*(workload(name, replicas=1) for name in ("x1", "x2")))
    file = tmp_path / "undo"
    run = shop.harden(
        "deploy", "--yes", "--force", "--keep-going", "--timeout", "1s", "--settle", "0", "--undo-to", str(file)
    )
    saved = {item["name"]: item for item in json.loads(file.read_text())["items"]}
    assert {saved[name]["result"] for name in ("x1", "x2")} <= {"rolledBack"}, run.out
    assert {saved[name]["result"] for name in names} == {"notProven"}
    assert saved["w0"]["left"]["generation"] == shop.get("deployments", "w0")["metadata"]["generation"]
    again = ("deploy/x1", "deploy/x2")
    assert shop.harden(*again, "--add", "CHOWN", "--yes", "--force", "--wait=false").status == 0
    done = shop.harden("--undo", str(file), "--yes", "--wait=false", namespace=False)
    assert done.status == 0, done.out
    assert [shop.context(name) for name in ("x1", "x2")] == [HARDENED_WITH_CHOWN] * 2
    assert [shop.context(name) for name in names] == [None] * 6
    assert done.out.count("that run rolled it back") == 2


def test_a_saved_undo_that_cannot_be_brought_up_to_date_stays_and_is_said(shop: Shop, tmp_path: Path) -> None:
    shop.make(workload("web"))
    folder = tmp_path / "folder"
    folder.mkdir()
    file = folder / "undo"

    def lose(seen: Seen) -> Answer | None:
        if is_patch(seen) and not seen.query.get("dryRun"):
            folder.rename(tmp_path / "gone")
        return None

    with between(shop.cluster, tmp_path, after=lose) as middleman:
        done = shop.harden("deploy/web", "--undo-to", str(file), kubeconfig=middleman.kubeconfig)
    assert (done.status, shop.context("web")) == (2, HARDENED)
    assert f"{file}: no such file or directory; the file does not say how every object ended" in done.err
    left = json.loads((tmp_path / "gone" / "undo").read_text())["items"]
    assert [item["result"] for item in left] == ["planned"]


def test_an_add_for_one_container_is_sent_for_it_alone(shop: Shop) -> None:
    containers = [{"name": name, "image": "x"} for name in ("web", "log")]
    shop.make(workload("web", pod={"schedulerName": "nobody", "containers": containers}))
    wrong = shop.harden("deploy/web", "--add", "db=CHOWN")
    assert (
        wrong.status,
        "container db is not valid for deployment.apps/web; its containers are web, log" in wrong.err,
    ) == (
        2,
        True,
    )
    assert shop.harden("deploy/web", "--add", "log=SYS_PTRACE,CHOWN").status == 0
    stored = shop.get("deployments", "web")["spec"]["template"]["spec"]["containers"]
    assert [container["securityContext"]["capabilities"].get("add") for container in stored] == [
        None,
        ["SYS_PTRACE", "CHOWN"],
    ]


THEIRS = {"allowPrivilegeEscalation": True, "capabilities": {"drop": ["NET_RAW"]}}


def test_a_saved_undo_is_asked_for_even_of_one_object(shop: Shop, tmp_path: Path) -> None:
    shop.make(workload("web"))
    file = str(tmp_path / "undo")
    assert shop.harden("deploy/web", "--undo-to", file).status == 0
    unasked = shop.harden("--undo", file, namespace=False)
    assert (unasked.status, shop.context("web")) == (2, HARDENED)
    assert "1 object would be changed and there is no terminal to ask on; --yes goes ahead" in unasked.err
    assert (shop.harden("--undo", file, "-y", namespace=False).status, shop.context("web")) == (0, None)


@pytest.mark.parametrize("field", ["image", "command", "hostPID", "privileged"])
def test_an_undo_that_was_made_by_hand_changes_nothing(shop: Shop, tmp_path: Path, field: str) -> None:
    shop.make(workload("web"))
    file = tmp_path / "undo"
    assert shop.harden("deploy/web", "--undo-to", str(file)).status == 0
    before = shop.get("deployments", "web")["spec"]
    document = json.loads(file.read_text())
    pod = "/spec/template/spec"
    path, value = {
        "image": (f"{pod}/containers/0/image", "evil"),
        "command": (f"{pod}/containers/0/command", ["sh"]),
        "hostPID": (f"{pod}/hostPID", True),
        "privileged": (f"{pod}/containers/0/securityContext/privileged", True),
    }[field]
    old = "x" if field == "image" else None
    document["items"][0]["undo"] += [
        {"op": "test", "path": path, "value": old}, {"op": "replace" if old else "add", "path": path, "value": value},
    ]  # fmt: skip
    file.write_text(json.dumps(document))
    done = shop.harden("--undo", str(file), "--yes", "--force", namespace=False)
    assert (done.status, shop.get("deployments", "web")["spec"]) == (2, before)
    (line,) = done.err.splitlines()
    assert line.startswith("error: ")
    assert "Deployment web: harden does not write spec.template.spec." in line
    assert line.endswith(f"{field}; nothing was undone")


def test_in_a_namespace_of_the_system_an_undo_needs_force(api_cluster: Cluster, shop: Shop, tmp_path: Path) -> None:
    system = Shop(api_cluster, "kube-system", shop._capfd)
    system.make(workload("caps-undo"))
    try:
        file = str(tmp_path / "undo")
        saved = system.harden("deploy/caps-undo", "--undo-to", file)
        assert (saved.status, f"harden --undo {file} --force" in saved.err) == (0, True)
        refused = system.harden("--undo", file, "--yes", namespace=False)
        assert (refused.status, system.context("caps-undo")) == (2, HARDENED)
        assert "not undone (it is in a namespace of the system; --force goes on)" in refused.out
        assert system.harden("--undo", file, "--yes", "--force", namespace=False).status == 0
        assert system.context("caps-undo") is None
    finally:
        api_cluster.kubectl("delete", "deploy", "caps-undo", "-n", "kube-system")


@pytest.mark.parametrize("dry_run", [True, False])
def test_an_incomplete_undo_fails_and_names_the_fields_that_it_left(
    shop: Shop, tmp_path: Path, dry_run: bool
) -> None:
    shop.make(workload("a"), workload("b"), workload("c"))
    file = str(tmp_path / "undo")
    assert shop.harden("deploy", "--yes", "--undo-to", file).status == 0
    shop.patch("a", {"op": "replace", "path": CONTEXT, "value": THEIRS})
    shop.patch("b", {"op": "replace", "path": f"{CONTEXT}/capabilities/drop", "value": ["NET_RAW"]})
    flags = ("--dry-run=server",) if dry_run else ()
    done = shop.harden("--undo", file, "--yes", *flags, namespace=False)
    field = "spec.template.spec.containers[0].securityContext"
    said = "changed by somebody else since, left alone: "
    assert done.status == 2
    why = f"deployment.apps/a will not be undone: {said}{field}.allowPrivilegeEscalation, {field}.capabilities.drop"
    assert why in done.out.splitlines()
    assert done.out.splitlines()[-3:] == [
        "deployment.apps/a not undone",
        f"deployment.apps/b {'undone (server dry run)' if dry_run else 'failed'} ({said}{field}.capabilities.drop)",
        f"deployment.apps/c undone{' (server dry run)' if dry_run else ''}",
    ]
    assert shop.context("a") == THEIRS
    assert shop.context("b") == {
        **({"allowPrivilegeEscalation": False} if dry_run else {}),
        "capabilities": {"drop": ["NET_RAW"]},
    }
    assert shop.context("c") == (HARDENED if dry_run else None)


def test_the_dry_run_of_an_undo_prints_the_servers_refusal(shop: Shop, tmp_path: Path) -> None:
    shop.make(workload("web"))
    file = str(tmp_path / "undo")
    assert shop.harden("deploy/web", "--undo-to", file).status == 0
    config = user(shop, tmp_path, ("apps", "deployments", "get"))
    refused = shop.harden("--undo", file, "--dry-run=server", kubeconfig=config, namespace=False)
    assert refused.status == 2
    assert "deployment.apps/web not undone (Error from server (Forbidden): " in refused.out
    with between(shop.cluster, tmp_path) as middleman:
        done = shop.harden("--undo", file, "--dry-run=server", kubeconfig=middleman.kubeconfig, namespace=False)
        tried = [(seen.method, seen.query.get("dryRun")) for seen in middleman.seen if seen.method != "GET"]
    assert (done.status, tried, shop.context("web")) == (0, [("PATCH", "All")], HARDENED)
    assert done.out.splitlines()[-1] == "deployment.apps/web undone (server dry run)"


@pytest.mark.parametrize("meant", [("-c", "c"), ("--yes",), ("--force",)])
def test_on_a_cluster_a_gain_has_to_be_meant(shop: Shop, meant: tuple[str, ...]) -> None:
    shop.make(workload("web"))
    assert shop.harden("deploy/web").status == 0
    refused = shop.harden("deploy/web", "--add", "SYS_ADMIN")
    says = "container c: gains SYS_ADMIN (critical risk), which it does not hold today; -c c or --yes accepts it"
    assert (refused.status, shop.context("web")) == (2, HARDENED)
    assert f"deployment.apps/web not patched ({says})" in refused.out
    done = shop.harden("deploy/web", "--add", "SYS_ADMIN", *meant, "-o", "json")
    assert (done.status, [gain["capability"] for gain in done.items[0]["gains"]]) == (0, ["SYS_ADMIN"])
    assert shop.context("web")["capabilities"] == {"add": ["SYS_ADMIN"], "drop": ["ALL"]}
