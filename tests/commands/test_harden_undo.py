"""harden --undo-to and --undo against a server in memory: what the file says, and what an undo leaves alone."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from fake_shop import CRASHED, FakeShop, Obj, pod, workload
from harden_shop import CUT, HARD, HardenRun, context, is_patch
from loopback import Answer, Seen, serving, status

Prepare = Callable[[FakeShop, Obj], None]
DENIED = status(403, "Forbidden", "no")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> HardenRun:
    """Runs `harden` against a shop."""
    return HardenRun(tmp_path, monkeypatch, capsys)


def stored(shop: FakeShop) -> Obj:
    """The only object of the server."""
    (obj,) = shop.objects.values()
    return obj


def container(shop: FakeShop) -> Obj:
    """The only container of the only object."""
    found: Obj = stored(shop)["spec"]["template"]["spec"]["containers"][0]
    return found


def answers(*found: Answer | None) -> Callable[[FakeShop, Seen], Answer | None]:
    """These answers to the patches, one after the other; None leaves a patch to the server, and so does the end."""
    left = list(found)
    return lambda shop, seen: left.pop(0) if is_patch(seen) and left else None


def sets(**values: Any) -> Prepare:
    """Somebody who sets fields of the security context after the run."""
    return lambda shop, item: container(shop)["securityContext"].update(values)


def says(**values: Any) -> Prepare:
    """A file in which the object has other fields."""
    return lambda shop, item: item.update(values)


def is_taken_away(shop: FakeShop, item: Obj) -> None:
    """Somebody who takes the hardening away by hand."""
    del container(shop)["securityContext"]


def is_gone(shop: FakeShop, item: Obj) -> None:
    """Somebody who deletes the object."""
    shop.objects.clear()


def is_another(shop: FakeShop, item: Obj) -> None:
    """Somebody who deletes the object and makes one of its name."""
    stored(shop)["metadata"]["uid"] = "another"


def has_no_template(shop: FakeShop, item: Obj) -> None:
    """An object whose template cannot be read."""
    stored(shop)["spec"]["template"]["spec"]["containers"] = "none"


@dataclass(frozen=True)
class Case:
    """What happened since the run, and what its undo comes to; `left` is the context that is stored afterwards."""

    result: str
    message: str = ""
    since: Prepare = lambda shop, item: None
    flags: tuple[str, ...] = ()
    shop: dict[str, Any] = field(default_factory=dict)
    left: Any = None
    said: str = ""
    sent: int = 1
    kind: str = "Deployment"


REFUSED: dict[str, Any] = {"left": HARD, "sent": 0}
MINE_IS_THEIRS = {"allowPrivilegeEscalation": True}
CASES = {
    "nothing happened": Case("undone", said="deployment.apps/web: the change is taken back"),
    "a StatefulSet": Case("undone", kind="StatefulSet"),
    "a DaemonSet": Case("undone", kind="DaemonSet"),
    "nobody watches": Case("undone", flags=("--wait=false",)),
    "somebody set one of its fields": Case(
        "failed", "changed by somebody else since, left alone: ", sets(allowPrivilegeEscalation=True),
        left=MINE_IS_THEIRS, said="the change is partly taken back",
    ),
    "somebody set a field beside it": Case("undone", since=sets(runAsUser=5), left={"runAsUser": 5}),
    "somebody set every field of it": Case(
        "refused", "changed by somebody else since, left alone",
        sets(allowPrivilegeEscalation=True, capabilities={"drop": ["NET_RAW"]}),
        left={"allowPrivilegeEscalation": True, "capabilities": {"drop": ["NET_RAW"]}}, sent=0,
    ),
    "somebody took it away": Case("unchanged", since=is_taken_away, sent=0),
    "another object of that name": Case("refused", "it is not the object that was hardened", is_another, **REFUSED),
    "that run rolled it back": Case("unchanged", "--force undoes the rest", says(result="rolledBack"), **REFUSED),
    "that run rolled it back, --force": Case("undone", since=says(result="rolledBack"), flags=("--force",)),
    "a namespace of the system": Case(
        "refused", "it is in a namespace of the system; --force goes on", says(namespace="kube-system"), **REFUSED
    ),
    "a namespace of the system, --force": Case("undone", since=says(namespace="kube-system"), flags=("--force",)),
    "the server says no": Case("failed", "no", shop={"before": answers(DENIED)}, left=HARD, sent=0),
    "a conflict at first": Case("undone", shop={"before": answers(status(409, "Conflict", "no"))}),
    "a conflict each time": Case(
        "failed", "busy", shop={"before": answers(*[status(409, "Conflict", "busy")] * 9)}, left=HARD, sent=0
    ),
    "the undo is lost": Case(
        "failed", "the patch may still be applied", shop={"before": answers(CUT)}, left=HARD, sent=0,
        said="to undo it: kubectl patch deployments.apps web -n shop",
    ),
    "not healthy afterwards": Case(
        "failed", "undone, but not healthy: ", shop={"pods": lambda shop: [pod("x", CRASHED)]}
    ),
    "not to be seen afterwards": Case(
        "failed", "undone, but not healthy: ",
        shop={"before": lambda shop, seen: DENIED if seen.path.endswith("/pods") and shop.patches else None},
    ),
    "--dry-run=client": Case("planned", flags=("--dry-run=client",), **REFUSED),
    "--dry-run=server": Case("planned", flags=("--dry-run=server",), **REFUSED),
    "--dry-run=server, refused": Case(
        "refused", "no", flags=("--dry-run=server",), **REFUSED,
        shop={"before": lambda shop, seen: DENIED if "dryRun" in seen.query else None},
    ),
}  # fmt: skip


def hardened(run: HardenRun, file: Path, kind: str = "Deployment") -> FakeShop:
    """A shop whose object was hardened, and the file of that run."""
    owner = "rs" if kind == "Deployment" else "web"
    shop = FakeShop(workload(kind), pods=lambda shop: [pod("x", new=bool(shop.patches), owner=owner)])
    done = run(shop, "--undo-to", str(file), target=(f"{kind}/web",))
    assert (done.status, context(shop)) == (0, HARD), done.err
    assert f" harden --undo {file}" in done.err
    shop.patches.clear()
    return shop


@pytest.mark.parametrize("name", CASES)
def test_an_undo_takes_back_the_fields_that_nobody_changed_since(run: HardenRun, tmp_path: Path, name: str) -> None:
    case, file = CASES[name], tmp_path / "undo.json"
    shop = hardened(run, file, case.kind)
    document = json.loads(file.read_text())
    case.since(shop, document["items"][0])
    file.write_text(json.dumps(document))
    shop.before, shop.pods = case.shop.get("before"), case.shop.get("pods", shop.pods)
    done = run.undo(shop, file, *case.flags)
    assert (done.item["result"], case.message in done.item["message"]) == (case.result, True), done.item["message"]
    assert (context(shop), len(shop.patches)) == (case.left, case.sent)
    assert done.status == (0 if case.result in ("undone", "unchanged", "planned") else 2)
    assert case.said in done.err


UNREADABLE: dict[str, tuple[Prepare, str]] = {
    "the object is gone": (is_gone, "not found"),
    "a template that is none": (has_no_template, "Deployment web: "),
    "a kind of another version": (says(kind="Gadget", apiVersion="x/v1"), "a kind that this version does not know"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_an_object_that_cannot_be_undone_is_an_error_that_names_it(run: HardenRun, tmp_path: Path, name: str) -> None:
    file = tmp_path / "undo.json"
    shop = hardened(run, file)
    document = json.loads(file.read_text())
    UNREADABLE[name][0](shop, document["items"][0])
    file.write_text(json.dumps(document))
    done = run.undo(shop, file)
    assert (done.status, done.items, shop.patches) == (2, [], [])
    assert UNREADABLE[name][1] in done.err


def at(*path: str | int) -> Callable[[Obj, Any], None]:
    """Sets a value somewhere in the document."""

    def put(document: Any, value: Any) -> None:
        for step in path[:-1]:
            document = document[step]
        document[path[-1]] = value

    return put


ODD: dict[str, tuple[Callable[[Obj, Any], None], Any, str]] = {
    "another document": (at("kind"), "Report", "kind Report is not Hardening"),
    "items that are none": (at("items"), 3, "not a saved undo"),
    "a name that is a path": (at("items", 0, "name"), "../x", 'invalid name "../x"'),
    "an operation that is none": (at("items", 0, "undo"), [{"op": "move"}], "its undo is no JSON Patch of ours"),
    "a field that harden does not write": (
        at("items", 0, "undo"),
        [{"op": "test", "path": "/spec/replicas", "value": 1}, {"op": "replace", "path": "/spec/replicas", "value": 0}],
        "harden does not write spec.replicas",
    ),
}


@pytest.mark.parametrize("name", ODD)
def test_a_file_that_harden_cannot_have_written_is_refused_by_undo(run: HardenRun, tmp_path: Path, name: str) -> None:
    file, (put, value, words) = tmp_path / "undo.json", ODD[name]
    shop = hardened(run, file)
    document = json.loads(file.read_text())
    put(document, value)
    file.write_text(json.dumps(document))
    done = run.undo(shop, file)
    assert (done.status, done.out, context(shop), shop.patches) == (2, "", HARD, [])
    assert words in done.err
    assert done.err.rstrip().endswith("nothing was undone"), done.err


def test_a_file_that_cannot_be_read_is_named(run: HardenRun, tmp_path: Path) -> None:
    shop = FakeShop(workload())
    (tmp_path / "cut.json").write_text('{"kind": ')
    for name, words in (("none.json", "does not exist"), ("", "is a directory"), ("cut.json", "not a saved undo")):
        done = run.undo(shop, tmp_path / name)
        assert (done.status, shop.patches) == (2, [])
        assert str(tmp_path / name) in done.err
        assert words in done.err


def test_a_file_that_exists_is_not_overwritten(run: HardenRun, tmp_path: Path) -> None:
    (tmp_path / "undo.json").write_text("mine")
    shop = FakeShop(workload())
    done = run(shop, "--undo-to", str(tmp_path / "undo.json"))
    assert (done.status, shop.patches, (tmp_path / "undo.json").read_text()) == (2, [], "mine")
    assert "exists already, and may be needed to undo another run" in done.err


def test_no_patch_is_sent_if_the_undo_file_cannot_be_written(run: HardenRun, tmp_path: Path) -> None:
    shop = FakeShop(workload())
    done = run(shop, "--undo-to", str(tmp_path / "no" / "undo.json"))
    assert (done.status, shop.patches) == (2, [])
    assert "no such file or directory; nothing was changed" in done.err


def test_a_file_that_cannot_be_kept_up_to_date_is_an_error(run: HardenRun, tmp_path: Path) -> None:
    folder = tmp_path / "there"
    folder.mkdir()

    def moves(shop: FakeShop, seen: Seen) -> None:
        if is_patch(seen):
            folder.rename(tmp_path / "elsewhere")

    shop = FakeShop(workload(), before=moves)
    done = run(shop, "--undo-to", str(folder / "undo.json"))
    assert (done.status, done.item["result"]) == (2, "patched")
    assert "the file does not say how every object ended" in done.err


@pytest.mark.parametrize(
    ("pods", "item"),
    [
        (None, ("notProven", "patched; the run had not ended")),
        ([pod("new", CRASHED)], ("failed", "rolled back; the run had not ended")),
    ],
    ids=["while it is watched", "while its rollback is watched"],
)
def test_a_killed_run_leaves_its_progress_and_the_undo(
    run: HardenRun, tmp_path: Path, pods: list[Obj] | None, item: tuple[str, str]
) -> None:
    file, reached, go_on = tmp_path / "undo.json", Event(), Event()
    last = 1 if pods is None else 2

    def hold(shop: FakeShop, seen: Seen) -> Answer | None:
        if len(shop.patches) == last and seen.method == "GET":
            reached.set()
            go_on.wait(20)
        return None

    shop = FakeShop(workload(), before=hold, pods=lambda shop: pods if pods and shop.patches else [pod("x", new=False)])
    with serving(shop) as server:
        command = [sys.executable, "-m", "kubectl_caps", "harden", "deploy/web", "-n", "shop", "--canary=false",
                   "--settle", "0", "--undo-to", str(file), "--kubeconfig", server.kubeconfig(tmp_path)]  # fmt: skip
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            assert reached.wait(30)
            os.kill(process.pid, signal.SIGKILL)
        go_on.set()
    (saved,) = json.loads(file.read_text())["items"]
    assert ((saved["result"], saved["message"]), bool(saved["left"])) == (item, True)
    shop.before, shop.pods = None, lambda shop: [pod("old", new=False)]
    done = run.undo(shop, file)
    assert (done.status, done.item["result"], context(shop)) == (0, "undone" if last == 1 else "unchanged", None)
