"""harden of several objects, its outputs, its question and its canary pod, against a server in memory."""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from fake_shop import CRASHED, DONE, RUNS, FakeShop, Obj, pod, workload
from harden_shop import CUT, HARD, HardenRun, context, is_patch
from loopback import Answer, Seen, reply, status

TWO = ("deploy/a", "deploy/b")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> HardenRun:
    """Runs `harden` against a shop."""
    return HardenRun(tmp_path, monkeypatch, capsys)


def refuses(name: str, code: int = 403) -> Callable[[FakeShop, Seen], Answer | None]:
    """A server that refuses the patch of one object."""
    words = status(code, "Forbidden", f"{name} is forbidden")
    return lambda shop, seen: words if is_patch(seen) and seen.path.endswith(f"/{name}") else None


def shop_of(*names: str, **more: Any) -> FakeShop:
    """Deployments without pods."""
    return FakeShop(*(workload(name=name, replicas=0) for name in names), **more)


SEVERAL: dict[str, tuple[tuple[str, ...], dict[str, str]]] = {
    "the first failure stops the rest": ((), {"a": "failed", "b": "skipped", "c": "skipped"}),
    "--keep-going": (("--keep-going",), {"a": "failed", "b": "notProven", "c": "notProven"}),
    "--max-parallel": (("--max-parallel", "3", "--keep-going"), {"a": "failed", "b": "notProven", "c": "notProven"}),
}


@pytest.mark.parametrize("name", SEVERAL)
def test_a_failure_stops_the_rest_without_keep_going(run: HardenRun, tmp_path: Path, name: str) -> None:
    flags, results = SEVERAL[name]
    shop, file = shop_of(*results, before=refuses("a")), tmp_path / "undo.json"
    target = tuple(f"deploy/{one}" for one in results)
    done = run(shop, "--yes", "--undo-to", str(file), *flags, target=target)
    assert {item["name"]: item["result"] for item in done.items} == results
    assert {one: context(shop, one) == HARD for one in results} == {
        one: result == "notProven" for one, result in results.items()
    }
    assert done.status == 2
    saved = json.loads(file.read_text())["items"]
    assert {item["name"]: item["result"] for item in saved} == results
    skipped = [item["message"] for item in done.items if item["result"] == "skipped"]
    assert set(skipped) <= {"deployment.apps/a failed"}


QUESTION: dict[str, tuple[tuple[str, ...], str, int, int, str]] = {
    "declined": ((), "n\n", 1, 0, "Harden 2 objects? [y/N]: Nothing was changed."),
    "no answer": ((), "", 1, 0, "Nothing was changed."),
    "agreed": ((), "y\n", 0, 2, "Harden 2 objects?"),
    "--yes": (("--yes",), "", 0, 2, ""),
}


@pytest.mark.parametrize("name", QUESTION)
def test_several_objects_are_changed_only_after_a_yes(
    run: HardenRun, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    flags, typed, code, sent, words = QUESTION[name]
    monkeypatch.setattr("kubectl_caps.commands.harden.cluster.is_interactive", lambda: True)
    (tmp_path / "typed").write_text(typed)
    shop = shop_of("a", "b")
    with (tmp_path / "typed").open() as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        done = run(shop, *flags, target=TWO)
    assert (done.status, len(shop.patches)) == (code, sent)
    assert {item["result"] for item in done.items} == ({"notProven"} if sent else {"skipped"})
    assert words in done.err


def test_without_a_terminal_several_objects_need_yes(run: HardenRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kubectl_caps.commands.harden.cluster.is_interactive", lambda: False)
    shop = shop_of("a", "b")
    done = run(shop, target=TWO)
    assert (done.status, done.out, shop.patches) == (2, "", [])
    assert "2 objects would be changed and there is no terminal to ask on; --yes goes ahead" in done.err


def test_every_output_tells_of_the_same_objects(run: HardenRun) -> None:
    outs = {}
    for output in ("json", "yaml", "name", "table", "patch"):
        shop = shop_of("a", "b", before=refuses("b"))
        done = run(shop, "--yes", "-o", output, target=TWO)
        outs[output] = done.out
        assert (done.status, len(shop.patches)) == ((0, 0) if output == "patch" else (2, 1)), done.err
    assert yaml.safe_load(outs["yaml"]) == json.loads(outs["json"])
    assert outs["name"] == "deployment.apps/a\n"
    assert "deployment.apps/a patched" in outs["table"]
    assert "deployment.apps/b failed (Error from server (Forbidden): b is forbidden)" in outs["table"]
    assert outs["patch"].count('"ALL"') == 2, outs["patch"]


FOUND: dict[str, tuple[tuple[str, ...], tuple[str, ...], list[str], str]] = {
    "a type": (("deploy",), (), ["a", "b"], ""),
    "a type that has none": (("sts",), (), [], "No resources found."),
    "two names, one is not there": (("deploy/a", "deploy/x"), (), ["a"], "not found"),
}


@pytest.mark.parametrize("name", FOUND)
def test_the_objects_that_are_meant_are_hardened(run: HardenRun, name: str) -> None:
    target, flags, names, words = FOUND[name]
    shop = shop_of("a", "b")
    done = run(shop, "--yes", *flags, "-n", "shop", target=target)
    assert [item["name"] for item in done.items] == names
    assert len(shop.patches) == len(names)
    assert words in done.err
    assert done.status == (2 if "not found" in words else 0)


def owned(by: str) -> Obj:
    """A Deployment that something else controls."""
    obj = workload(name="a")
    owner = {"apiVersion": "apps/v1", "kind": "Deployment", "name": by, "uid": by, "controller": True}
    obj["metadata"]["ownerReferences"] = [owner]
    return obj


def with_context(**values: Any) -> Obj:
    """A Deployment whose container has a security context."""
    obj = workload(name="a", replicas=0)
    obj["spec"]["template"]["spec"]["containers"][0]["securityContext"] = values
    return obj


def applied(by: str) -> Obj:
    """A Deployment whose security context somebody reconciles."""
    obj = with_context(allowPrivilegeEscalation=True)
    fields: Obj = {"f:spec": {"f:template": {"f:spec": {"f:containers": {'k:{"name":"c"}': {
        "f:securityContext": {"f:allowPrivilegeEscalation": {}}}}}}}}  # fmt: skip
    obj["metadata"]["managedFields"] = [
        {"manager": by, "operation": "Apply", "apiVersion": "apps/v1", "fieldsType": "FieldsV1", "fieldsV1": fields}
    ]
    return obj


STUCK: Obj = {"replicas": 1, "updatedReplicas": 1, "readyReplicas": 0, "availableReplicas": 0, "observedGeneration": 1}
PLANNED: dict[str, tuple[Obj, tuple[str, ...], str, str]] = {
    "controlled by another": (owned("top"), (), "refused", "it is controlled by deployment.apps/top"),
    "hardened already": (with_context(**HARD), (), "unchanged", ""),
    "privileged": (with_context(privileged=True), (), "unchanged", "which overrides capabilities: left as it is"),
    "its source would undo it": (applied("argocd-controller"), (), "refused", "would undo it: change the source"),
    "its source would undo it, --force": (applied("argocd-controller"), ("--force",), "notProven", ""),
    "not healthy": ({**workload(name="a"), "status": STUCK}, (), "refused", "it is not healthy as it is: 0 of 1"),
    "a container that is not there": (workload(name="a"), ("-c", "x"), "", "container x is not valid for "),
}


@pytest.mark.parametrize("name", PLANNED)
def test_a_reason_against_the_change_is_found_before_anything_is_sent(run: HardenRun, name: str) -> None:
    obj, flags, result, words = PLANNED[name]
    shop = FakeShop(obj)
    done = run(shop, *flags, target=("deploy/a",))
    assert [item["result"] for item in done.items] == [result] * bool(result), done.err
    assert words in done.err + done.out
    assert len(shop.patches) == (result == "notProven")
    assert done.status == (0 if result in ("unchanged", "notProven") else 2)


def at_dry_run(what: str, answer: Answer) -> Callable[[FakeShop, Seen], Answer | None]:
    """This answer to a dry run of a pod or of the patch."""
    return lambda shop, seen: answer if "dryRun" in seen.query and seen.path.endswith(what) else None


def not_kept(shop: FakeShop, seen: Seen) -> Answer | None:
    """An admission that takes the hardening out of the workload, once it is sent."""
    return reply(shop.objects["deployments", "a"]) if is_patch(seen) and not shop.patches else None


NO_RIGHT = 'pods is forbidden: User "ann" cannot create resource "pods" in API group "" in the namespace "shop"'

TRIED: dict[str, tuple[Callable[[FakeShop, Seen], Answer | None], str, str, int]] = {
    "the pod is refused": (at_dry_run("/pods", status(403, "Forbidden", "PodSecurity")), "refused",
                           "its pods would be refused: PodSecurity", 0),
    "no right to make pods": (at_dry_run("/pods", status(403, "Forbidden", NO_RIGHT)), "notProven",
                              "a pod of the new template could not be tried", 1),
    "admission changes the pod": (at_dry_run("/pods", reply(pod("x", new=False), 201)), "refused",
                                         "admission changes its pods: ", 0),
    "the patch is refused": (at_dry_run("/a", status(422, "Invalid", "no")), "refused", "no", 0),
    "the patch is not kept in the dry run": (at_dry_run("/a", reply(workload(name="a"))), "refused",
                                             "the server accepted it and did not keep ", 0),
    "the patch is not kept": (not_kept, "failed", "the server accepted it and did not keep ", 0),
}  # fmt: skip


@pytest.mark.parametrize("name", TRIED)
def test_a_refusal_of_the_server_is_known_before_and_the_answer_checked_after(run: HardenRun, name: str) -> None:
    before, result, words, sent = TRIED[name]
    shop = shop_of("a", before=before)
    done = run(shop, target=("deploy/a",))
    assert (done.item["result"], len(shop.patches)) == (result, sent), done.err
    assert words in done.err + done.out


def meddles(change: Callable[[Obj], None]) -> Callable[[FakeShop, Seen], Answer | None]:
    """Somebody who changes the object just before the first patch, so that its tests fail."""
    done: list[bool] = []

    def meddle(shop: FakeShop, seen: Seen) -> Answer | None:
        if is_patch(seen) and not done:
            done.append(True)
            change(shop.objects["deployments", "a"])
            return status(409, "Conflict", "the object has been modified")
        return None

    return meddle


def a_container_more(obj: Obj) -> None:
    """The plan is another one now."""
    obj["spec"]["template"]["spec"]["containers"].append({"name": "d", "image": "x"})


def moved(obj: Obj) -> None:
    """The container has another place, and nothing else is different."""
    containers = obj["spec"]["template"]["spec"]["containers"]
    containers.insert(0, {"name": "d", "image": "x", "securityContext": HARD})


def made_again(obj: Obj) -> None:
    """Another object of that name."""
    obj["metadata"]["uid"] = "another"


def patched_already(obj: Obj) -> None:
    """A proxy has sent the patch twice."""
    obj["spec"]["template"]["spec"]["containers"][0]["securityContext"] = dict(HARD)


MEANWHILE: dict[str, tuple[Callable[[Obj], None], str, str, int]] = {
    "another container": (a_container_more, "failed", "was changed by somebody else in the meantime", 0),
    "a container before it": (moved, "notProven", "", 1),
    "another object": (made_again, "failed", "was deleted and created again; nothing was sent", 0),
    "the patch itself": (patched_already, "notProven", "", 0),
    "nothing": (lambda obj: None, "failed", "the object has been modified", 0),
}


@pytest.mark.parametrize("name", MEANWHILE)
def test_a_patch_is_sent_again_only_where_the_plan_is_the_same(run: HardenRun, name: str) -> None:
    change, result, words, sent = MEANWHILE[name]
    shop = shop_of("a", before=meddles(change))
    done = run(shop, target=("deploy/a",))
    assert (done.item["result"], len(shop.patches)) == (result, sent), done.err
    assert words in done.item["message"]


@dataclass(frozen=True)
class Canary:
    """How the canary pod is, and what it leads to."""

    result: str
    said: str
    state: Obj = field(default_factory=lambda: RUNS)
    flags: tuple[str, ...] = ()
    log: str = ""
    before: Callable[[FakeShop, Seen], Answer | None] | None = None
    made: int = 1


NO_JOBS = status(403, "Forbidden", "no jobs")
DENIED = "cannot open: Operation not permitted"


def no_job(shop: FakeShop, seen: Seen) -> Answer | None:
    """No Job may be made."""
    return NO_JOBS if (seen.method, seen.path.endswith("/jobs")) == ("POST", True) else None


def no_right(shop: FakeShop, seen: Seen) -> Answer | None:
    """The server says that nothing may be done."""
    return reply({"status": {"allowed": False}}, 201) if seen.path.endswith("accessreviews") else None


CANARIES = {
    "works": Canary("patched", "its canary pod works"),
    "crashes": Canary("refused", "its canary pod does not work: ", CRASHED),
    "complains": Canary("refused", "its canary pod does not work: ", log=DENIED),
    "complains, accepted": Canary("patched", "accepted: its canary pod", flags=("--accept-complaints",), log=DENIED),
    "no right": Canary("patched", "no canary pod is tried: trials need the right to", before=no_right, made=0),
    "no right, asked for": Canary("refused", "no canary pod could be made: ", DONE, ("--canary",), before=no_right,
                                  made=0),
    "its Job is refused": Canary("patched", "no canary pod is tried: Error from server (Forbidden): no jobs",
                                 before=no_job, made=0),
    "its Job is refused, asked for": Canary("refused", "no canary pod could be made: ", flags=("--canary",),
                                            before=no_job, made=0),
    "not wanted": Canary("patched", "", flags=("--canary=false",), made=0),
    "no rollout is watched": Canary("patched", "", flags=("--wait=false",), made=0),
}  # fmt: skip


@pytest.mark.parametrize("name", CANARIES)
def test_a_canary_pod_decides_whether_the_workload_is_touched(
    run: HardenRun, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    case, made = CANARIES[name], []

    def pods(shop: FakeShop) -> list[Obj]:
        found = [pod("web-1", new=bool(shop.patches))]
        for job in shop.jobs:
            made.append(job["metadata"]["name"])
            one = pod("canary", case.state, owner="job")
            one["metadata"]["labels"] = {"job-name": job["metadata"]["name"]}
            one["status"]["conditions"] = [{"type": "Ready", "status": "True"}]
            found.append(one)
        return found

    shop = FakeShop(workload(), pods=pods, before=case.before)
    shop.logs["canary"] = case.log
    done = run(shop, *case.flags, quick=("--timeout", "2s", "--settle", "0", "-o", "json"))
    assert (done.item["result"], len(set(made))) == (case.result, case.made), done.err
    assert (len(shop.patches), context(shop)) == ((1, HARD) if case.result == "patched" else (0, None))
    assert shop.jobs == []
    assert set(shop.deleted) == set(made)
    assert case.said in done.err


def nodes(version: str) -> Callable[[FakeShop, Seen], Answer | None]:
    """A node with that container runtime."""
    node = {"metadata": {"name": "n", "uid": "n"}, "status": {"nodeInfo": {"containerRuntimeVersion": version}}}
    return lambda shop, seen: reply({"items": [node], "metadata": {}}) if seen.path == "/api/v1/nodes" else None


ADDED: dict[str, tuple[Callable[[FakeShop, Seen], Answer | None] | None, str]] = {
    "a node": (nodes("containerd://1.7.0"), ""),
    "nodes may not be listed": (
        lambda shop, seen: status(403, "Forbidden", "no nodes") if seen.path == "/api/v1/nodes" else None,
        "what a container gains on any container runtime counts",
    ),
}


@pytest.mark.parametrize("name", ADDED)
def test_the_adds_are_sent_whatever_names_the_runtime(run: HardenRun, name: str) -> None:
    before, words = ADDED[name]
    shop = shop_of("a", before=before)
    done = run(shop, "--add", "NET_BIND_SERVICE", "--yes", target=("deploy/a",))
    assert (done.status, done.item["result"]) == (0, "notProven"), done.err
    assert context(shop, "a")["capabilities"] == {"add": ["NET_BIND_SERVICE"], "drop": ["ALL"]}
    assert words in done.err


def test_a_lost_capability_is_named_and_the_command_that_adds_it_is_printed(run: HardenRun) -> None:
    shop = FakeShop(workload(), pods=lambda shop: [pod("new") if len(shop.patches) == 1 else pod("old", new=False)])
    shop.logs["new"] = "bind() to 0.0.0.0:80 failed (13: Permission denied)"
    done = run(shop, "--allow-privilege-escalation", "keep", "-c", "c")
    assert (done.status, done.item["result"], context(shop)) == (2, "rolledBack", None)
    assert "to try next: " in done.err
    assert "--add NET_BIND_SERVICE -c c --allow-privilege-escalation keep" in done.err


def test_a_broken_pod_of_a_stateful_set_is_deleted_after_the_rollback(run: HardenRun) -> None:
    shop = FakeShop(workload("StatefulSet"), pods=lambda shop: [
        pod("web-0", CRASHED, owner="web") if len(shop.patches) == 1 else pod("web-0", owner="web", new=False)
    ])  # fmt: skip
    done = run(shop, target=("sts/web",))
    assert (done.status, done.item["result"], shop.deleted, context(shop)) == (2, "rolledBack", ["web-0"], None)
    assert "pod web-0 deleted, so that a new one takes its place" in done.err


def test_a_broken_pod_that_may_not_be_deleted_is_told_with_the_command(run: HardenRun) -> None:
    denied = status(403, "Forbidden", "no")
    shop = FakeShop(
        workload("StatefulSet"),
        pods=lambda shop: [pod("web-0", CRASHED if len(shop.patches) == 1 else RUNS, owner="web")],
        before=lambda shop, seen: denied if seen.method == "DELETE" else None,
    )
    done = run(shop, target=("sts/web",))
    assert (done.item["result"], shop.deleted) == ("rolledBack", [])
    assert "its broken pod has to be deleted: kubectl delete pod web-0 -n shop" in done.item["message"]


def test_an_answer_that_is_lost_is_read_from_the_object(run: HardenRun) -> None:
    def loses(shop: FakeShop, seen: Seen) -> Answer | None:
        if is_patch(seen) and not shop.patches:
            shop.before = None
            shop(seen)
            return CUT
        return None

    shop = shop_of("a", before=loses)
    done = run(shop, target=("deploy/a",))
    assert (done.status, done.item["result"], len(shop.patches), context(shop, "a")) == (0, "notProven", 1, HARD)
