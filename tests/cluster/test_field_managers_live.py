"""What is foreseen of other writers, against what kubectl, server-side apply and a takeover like Flux's really do."""

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import pytest
import yaml
from testbed.cluster import Cluster

from kubectl_caps.core.harden.plan import HardenOptions, harden
from kubectl_caps.core.kubernetes.changed_fields import fields
from kubectl_caps.core.kubernetes.field_managers import ManagerEffect, predict_managers
from kubectl_caps.core.kubernetes.field_path import Path
from kubectl_caps.core.kubernetes.kinds import kind_of
from kubectl_caps.core.kubernetes.managed_fields import owner_of
from kubectl_caps.core.kubernetes.patch import Patch, lookup, pointer
from kubectl_caps.core.kubernetes.workloads import read_workloads

CONTEXT: Path = ("spec", "template", "spec", "containers", 0, "securityContext")

SAYS: dict[str, Mapping[str, Any]] = {
    "nothing": {},
    "an empty context": {"securityContext": {}},
    "a neighbor": {"securityContext": {"runAsUser": 1000}},
    "drop": {"securityContext": {"capabilities": {"drop": ["NET_RAW"]}}},
    "add": {"securityContext": {"capabilities": {"add": ["CHOWN", "KILL"]}}},
    "escalation": {"securityContext": {"allowPrivilegeEscalation": True}},
}
"""What the container of a source says of its security."""

CRD = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "rollouts.argoproj.io"},
    "spec": {
        "group": "argoproj.io",
        "names": {"kind": "Rollout", "plural": "rollouts", "singular": "rollout"},
        "scope": "Namespaced",
        "versions": [
            {
                "name": "v1alpha1",
                "served": True,
                "storage": True,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
            }
        ],
    },
}


def source(says: str, api_version: str = "apps/v1", kind: str = "Deployment", revision: str = "1") -> dict[str, Any]:
    """A manifest as it is in somebody's repository, named after what it says."""
    container = {"name": "web", "image": f"registry.example.com/web:{revision}", **SAYS[says]}
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"schedulerName": "nobody", "containers": [container]}}
    spec = {"replicas": 0, "selector": {"matchLabels": {"app": "web"}}, "template": template}
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": says.replace(" ", "-")}, "spec": spec}


def sources(revision: str) -> dict[str, Any]:
    """All of them, in one manifest."""
    return {"apiVersion": "v1", "kind": "List", "items": [source(says, revision=revision) for says in SAYS]}


class Written(msgspec.Struct):
    """An object as it was found, the change that was sent, and what was foreseen."""

    patch: Patch
    effects: tuple[ManagerEffect, ...]

    @property
    def foreseen(self) -> dict[Path, str]:
        """What becomes of each field; every field is foreseen once."""
        found = [(path, one.effect) for one in self.effects for path in one.paths]
        assert len(found) == len(dict(found)) == len(list(fields(self.patch, {}))), self.effects
        return dict(found)

    def doomed(self) -> set[Path]:
        return {path for path, effect in self.foreseen.items() if effect != "leaves"}

    def lost(self, now: Mapping[str, Any]) -> set[Path]:
        """The fields that are no longer as the change made them."""
        return {one.path for one in fields(self.patch, now) if lookup(now, one.path) != one.after}


class Repository:
    """The objects of one kind in one namespace, written by several."""

    def __init__(self, cluster: Cluster, namespace: str, kind: str = "deployments.apps") -> None:
        self.cluster, self.namespace, self.kind = cluster, namespace, kind

    def kubectl(self, *args: str, manifest: object = None, check: bool = True) -> str:
        text = None if manifest is None else json.dumps(manifest)
        done = self.cluster.kubectl(args[0], "-n", self.namespace, *args[1:], input=text, check=check)
        return done.stdout if done.returncode == 0 else ""

    def apply(self, manifest: object, *flags: str, check: bool = True) -> bool:
        """kubectl apply; whether it did."""
        return bool(self.kubectl("apply", *flags, "-f", "-", manifest=manifest, check=check))

    def get(self) -> dict[str, dict[str, Any]]:
        """Every object by its name."""
        items = json.loads(self.kubectl("get", self.kind, "-o", "json", "--show-managed-fields"))["items"]
        return {item["metadata"]["name"]: item for item in items}

    def patch(self, name: str, operations: object, manager: str) -> None:
        flags = ["--type=json", f"--field-manager={manager}", "-p", json.dumps(operations)]
        self.kubectl("patch", self.kind, name, *flags)

    def harden(self, manager: str = "kubectl-caps") -> dict[str, Written]:
        """Foresee, then send the change."""
        written = {}
        for name, obj in self.get().items():
            change = hardened(obj)
            written[name] = Written(change, predict_managers(obj, change, manager))
            self.patch(name, change.json_patch(), manager)
        return written


def hardened(obj: Mapping[str, Any]) -> Patch:
    kind = kind_of(obj["apiVersion"], obj["kind"])
    assert kind
    return harden(obj, tuple(read_workloads(kind, obj, {})), HardenOptions(add=("KILL",))).patch


@pytest.fixture
def repository(api_cluster: Cluster, namespace: str) -> Repository:
    return Repository(api_cluster, namespace)


def test_client_side_apply_reverts_fields_that_its_source_declares(repository: Repository) -> None:
    repository.apply(sources("1"))
    written = repository.harden()
    repository.apply(sources("2"))
    for name, now in repository.get().items():
        assert {one.writer for one in written[name].effects} == {"kubectl apply"}
        assert written[name].doomed() == written[name].lost(now), name
    assert {effect for one in written.values() for effect in one.foreseen.values()} == {"reverts", "leaves"}


def test_server_side_apply_conflicts_over_fields_that_its_source_declares(repository: Repository) -> None:
    repository.apply(sources("1"), "--server-side")
    written = repository.harden()
    for says in SAYS:
        name = source(says)["metadata"]["name"]
        done = repository.apply(source(says, revision="2"), "--server-side", check=False)
        assert done == (written[name].doomed() == set()), name
    repository.apply(sources("2"), "--server-side", "--force-conflicts")
    for name, now in repository.get().items():
        assert written[name].doomed() == written[name].lost(now), name
    assert {effect for one in written.values() for effect in one.foreseen.values()} == {"conflicts", "leaves"}


@pytest.mark.parametrize(("manager", "wins"), [("kubectl-caps", False), ("caps", True)])
def test_flux_takes_over_fields_that_kubectl_wrote(repository: Repository, manager: str, wins: bool) -> None:
    flux = ("--server-side", "--force-conflicts", "--field-manager=kustomize-controller")
    repository.apply(sources("1"), *flux)
    written = repository.harden(manager)
    for name, now in repository.get().items():
        take_over(repository, name, now["metadata"]["managedFields"])
    repository.apply(sources("2"), *flux)
    for name, now in repository.get().items():
        assert {one.writer for one in written[name].effects} == {"Flux"}
        assert written[name].doomed() == written[name].lost(now), name
    assert ("leaves" in {effect for one in written.values() for effect in one.foreseen.values()}) == wins


def take_over(repository: Repository, name: str, entries: list[dict[str, Any]]) -> None:
    """What kustomize-controller does before it applies: the entries of kubectl's managers become its own."""
    for entry in entries:
        if entry["manager"].startswith("kubectl") and "subresource" not in entry:
            entry["manager"], entry["operation"] = "kustomize-controller", "Apply"
    operation = {"op": "replace", "path": "/metadata/managedFields", "value": entries}
    repository.patch(name, [operation], "kustomize-controller")


@pytest.mark.parametrize("flags", [(), ("--server-side",)], ids=["client-side", "server-side"])
def test_apply_replaces_the_containers_of_a_custom_resource(
    api_cluster: Cluster, namespace: str, flags: tuple[str, ...]
) -> None:
    api_cluster.kubectl("apply", "-f", "-", input=json.dumps(CRD))
    api_cluster.kubectl("wait", "--for=condition=Established", "crd/rollouts.argoproj.io", "--timeout=20s")
    rollouts = Repository(api_cluster, namespace, "rollouts.argoproj.io")
    rollouts.apply(source("nothing", "argoproj.io/v1alpha1", "Rollout"), *flags)
    [written] = rollouts.harden().values()
    assert set(written.foreseen.values()) == ({"conflicts"} if flags else {"reverts"})
    again = source("nothing", "argoproj.io/v1alpha1", "Rollout", revision="2")
    rollouts.apply(again, *flags, *(["--force-conflicts"] if flags else []))
    [now] = rollouts.get().values()
    assert written.lost(now) == written.doomed()


def test_the_writer_that_reverted_a_field_is_named(repository: Repository) -> None:
    repository.apply(source("nothing"))
    [written] = repository.harden().values()
    path: Path = ("spec", "template", "spec", "containers", 0, "securityContext", "allowPrivilegeEscalation")
    repository.patch("nothing", [{"op": "replace", "path": pointer(path), "value": True}], "operator")
    [now] = repository.get().values()
    assert (written.lost(now), owner_of(now, path)) == ({path}, "operator")


def test_commands_that_ran_once_and_controllers_are_no_other_writers(repository: Repository) -> None:
    repository.kubectl("create", "-f", "-", manifest=source("drop"))
    repository.kubectl("scale", "deployment/drop", "--replicas=1")
    repository.kubectl("set", "env", "deployment/drop", "A=b")
    [obj] = repository.get().values()
    assert predict_managers(obj, hardened(obj), "kubectl-caps") == ()


def test_an_unknown_manager_may_write_again_and_the_plan_says_so(repository: Repository) -> None:
    repository.kubectl("create", "-f", "-", "--field-manager=operator", manifest=source("drop"))
    [obj] = repository.get().values()
    [one] = predict_managers(obj, hardened(obj), "kubectl-caps")
    assert (one.writer, one.effect) == ("operator", "unknown")
    assert [path[-1] for path in one.paths] == ["drop"]


ARGO = ("--server-side", "--force-conflicts", "--field-manager=argocd-controller")


def test_a_change_that_would_be_undone_is_not_sent_and_goes_to_the_source(repository: Repository) -> None:
    repository.apply(source("drop"), *ARGO)
    done = repository.cluster.caps("harden", "deployment/drop", "-n", repository.namespace)
    assert done.returncode == 2
    assert "Argo CD sets back securityContext.capabilities.drop at its next sync" in done.stdout
    assert "Argo CD leaves securityContext.allowPrivilegeEscalation" in done.stdout
    assert "Argo CD would undo it: change the source, or go on with --force" in done.stdout
    [obj] = repository.get().values()
    assert lookup(obj, (*CONTEXT, "capabilities", "drop")) == ["NET_RAW"]
    fragment = yaml.safe_load(done.stdout.partition("change its source:\n")[2].partition("deployment.apps/")[0])
    repository.kubectl("patch", "deployment", "drop", "--patch", json.dumps(fragment))
    [obj] = repository.get().values()
    assert lookup(obj, (*CONTEXT, "capabilities", "drop")) == ["ALL"]


def test_a_writer_that_a_person_runs_is_a_warning_and_hardening_goes_on(repository: Repository) -> None:
    repository.apply(source("drop"))
    done = repository.cluster.caps("harden", "deployment/drop", "-n", repository.namespace)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "kubectl apply sets back securityContext.capabilities.drop with the next `kubectl apply`" in done.stdout
    assert "to make it last, change its source:" in done.stdout
    [obj] = repository.get().values()
    assert lookup(obj, (*CONTEXT, "capabilities", "drop")) == ["ALL"]


@pytest.mark.parametrize(("flags", "is_raised"), [(ARGO, False), ((), True)], ids=["Argo CD", "kubectl apply"])
def test_min_ready_seconds_is_left_to_a_tool_that_reconciles_the_field(
    repository: Repository, flags: tuple[str, ...], is_raised: bool
) -> None:
    declared = source("nothing")
    declared["spec"].update(replicas=1, minReadySeconds=1)
    repository.apply(declared, *flags)
    plan = repository.cluster.caps(
        "harden", "deployment/nothing", "-n", repository.namespace, "--dry-run=server", "--force"
    )
    assert plan.returncode == 0, plan.stdout + plan.stderr
    assert ("spec.minReadySeconds is 10 instead of 1 while the rollout is watched" in plan.stdout) is is_raised
    assert ("Argo CD sets spec.minReadySeconds, so the field is left alone" in plan.stdout) is not is_raised


def test_a_writer_that_reverts_the_change_during_the_rollout_is_named(repository: Repository) -> None:
    pending = {**source("drop"), "metadata": {"name": "drop"}}
    pending["spec"]["replicas"] = 1
    repository.apply(pending, *ARGO)
    flags = ["--force", "--timeout=60s", "-n", repository.namespace]
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(repository.cluster.caps, "harden", "deployment/drop", *flags)
        while "kubectl-caps" not in str(repository.get()["drop"]["metadata"]["managedFields"]):
            assert not running.done(), running.result()
        repository.apply(pending, *ARGO)
        done = running.result()
    assert done.returncode == 2
    assert "argocd-controller changed spec.template.spec.containers[0].securityContext.capabilities.drop" in done.stderr
    [obj] = repository.get().values()
    assert lookup(obj, (*CONTEXT, "capabilities", "drop")) == ["NET_RAW"]


def test_an_autoscaler_does_not_disturb_the_rollout(repository: Repository) -> None:
    repository.apply(source("nothing"))
    repository.kubectl("autoscale", "deployment/nothing", "--min=1", "--max=3")
    done = repository.cluster.caps("harden", "deployment/nothing", "-n", repository.namespace, "--force")
    assert (done.returncode, "leaves" in done.stdout) == (0, False)
