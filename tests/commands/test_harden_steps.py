"""harden from the command line to its result, against a server and controllers in memory: what each sight leads to."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from fake_shop import CRASHED, FakeShop, Obj, pod, workload
from harden_shop import CUT, HARD, HardenRun, context, is_patch
from loopback import Answer, Seen, status

from kubectl_caps.commands.harden.rollout import Rollout
from kubectl_caps.core.harden.result import HardenResult
from kubectl_caps.core.kubernetes.snapshot import Snapshot

THEIRS = ("allowPrivilegeEscalation", True)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> HardenRun:
    """Runs `harden` against a shop."""
    return HardenRun(tmp_path, monkeypatch, capsys)


def crashing(shop: FakeShop) -> list[Obj]:
    """New pods that crash; the old ones ran."""
    return [pod("new", CRASHED) if len(shop.patches) == 1 else pod("old", new=len(shop.patches) > 1)]


def answers(*found: Answer | None) -> Callable[[FakeShop, Seen], Answer | None]:
    """These answers to the patches, one after the other; None leaves a patch to the server, and so does the end."""
    left = list(found)
    return lambda shop, seen: left.pop(0) if is_patch(seen) and left else None


def refuses(what: str, code: int = 403, after: int = 1) -> Callable[[FakeShop, Seen], Answer | None]:
    """A server that refuses whatever has this in its path, once so many patches were made."""
    words = status(code, "Forbidden", f"{what} is forbidden")
    return lambda shop, seen: words if what in seen.path and len(shop.patches) >= after else None


def meddles(value: Any, *path: str | int) -> Callable[[FakeShop, Seen], None]:
    """Somebody who sets a field of the template after the patch, once."""

    def meddle(shop: FakeShop, seen: Seen) -> None:
        if len(shop.patches) == 1 and not is_patch(seen):
            at = shop.objects["deployments", "web"]["spec"]["template"]["spec"]
            for step in path[:-1]:
                at = at[step]
            at[path[-1]] = value

    return meddle


CONTEXT: tuple[str | int, ...] = ("containers", 0, "securityContext")

@dataclass(frozen=True)
class Case:
    """A shop, the flags, and what has to be said and stored; `shop` has a Deployment with one pod unless told."""

    result: str
    message: str = ""
    flags: tuple[str, ...] = ()
    shop: dict[str, Any] = field(default_factory=dict)
    spec: dict[str, Any] = field(default_factory=dict)
    logs: str = ""
    stays: bool = True
    said: str = ""


CASES = {
    "all stays up": Case("patched"),
    "nobody watches": Case("patched", flags=("--wait=false",)),
    "nothing to watch": Case("notProven", "not proven: it has no pods", spec={"replicas": 0}),
    "pods crash": Case("rolledBack", "exited with code 1", shop={"pods": crashing}, stays=False, said="rolled back"),
    "pods crash, --rollback=false": Case(
        "failed", "exited with code 1", ("--rollback=false",), shop={"pods": crashing}
    ),
    "pods crash, held": Case(
        "failed", "spec.minReadySeconds stays at 3", ("--rollback=false", "--settle", "3s"), shop={"pods": crashing}
    ),
    "pods complain": Case(
        "rolledBack", "complains, unlike the old pods", logs="cannot open: Operation not permitted", stays=False
    ),
    "pods complain, accepted": Case(
        "patched", "accepted: container c complains", ("--accept-complaints",), logs="x: Operation not permitted"
    ),
    "minReadySeconds may not be put back": Case(
        "failed", "patched, but minReadySeconds stays at 3: Error from server (Forbidden): no", ("--settle", "3s"),
        shop={"before": answers(None, status(403, "Forbidden", "no"))}, said="put it back with",
    ),
    "logs may not be read": Case(
        "notProven", "its logs were not read", shop={"before": refuses("/log")}, said="its logs cannot be read"
    ),
    "pods may not be watched any more": Case(
        "failed", "patched, but it cannot be watched any more", shop={"before": refuses("/pods")},
        said="is patched; to undo it",
    ),
    "watching stops after the rollback": Case(
        "rollbackFailed", "rolled back, but it cannot be watched",
        shop={"pods": crashing, "before": refuses("/replicasets", after=2)}, stays=False,
    ),
    "sick before": Case(
        "refused", "it is not healthy as it is", shop={"pods": lambda shop: [pod("x", {**CRASHED, "state": {
            "waiting": {"reason": "CrashLoopBackOff"}}}, new=False)]}, stays=False,
    ),
    "no time": Case("rolledBack", "timed out after 1 s", shop={"pods": lambda shop: [] if len(shop.patches) == 1 else [
        pod("x", new=bool(shop.patches))]}, stays=False),
    "the answer is cut, and the patch is lost": Case(
        "failed", "the patch may still be applied", shop={"before": answers(CUT)}, stays=False, said="to undo it"
    ),
    "a proxy refuses": Case(
        "failed", "forbidden", shop={"before": answers(status(403, "Forbidden", "forbidden"))}, stays=False
    ),
    "a conflict without a change": Case(
        "failed", "modified", shop={"before": answers(status(409, "Conflict", "modified"))}, stays=False
    ),
    "the rollback is refused": Case(
        "rollbackFailed", "could not be rolled back",
        shop={"pods": crashing, "before": answers(None, status(403, "Forbidden", "no"))}, said="undo it with",
    ),
    "the rollback conflicts at first": Case(
        "rolledBack", "exited", shop={"pods": crashing, "before": answers(None, status(409, "Conflict", "no"))},
        stays=False,
    ),
    "somebody sets another field, and pods crash": Case(
        "failed", "so the failure may come from that change; nothing was rolled back",
        shop={"pods": crashing, "before": meddles(True, "hostNetwork")}, said="to undo it",
    ),
    "somebody sets another field, and all is well": Case(
        "patched", "changed spec.template.spec.hostNetwork during the rollout",
        shop={"before": meddles(True, "hostNetwork")},
    ),
    "somebody sets what was patched": Case(
        "failed", "during the rollout", shop={"before": meddles(THEIRS[1], *CONTEXT, THEIRS[0])}, stays=False,
        said="left alone",
    ),
    "somebody removes what was patched": Case(
        "failed", "during the rollout", shop={"before": meddles({}, *CONTEXT)}, stays=False,
    ),
    "somebody sets what was patched, --rollback=false": Case(
        "failed", "during the rollout", ("--rollback=false",),
        shop={"before": meddles(THEIRS[1], *CONTEXT, THEIRS[0])}, stays=False, said="is patched; to undo it",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_pods_and_logs_decide_the_result_and_the_stored_object(run: HardenRun, name: str) -> None:
    case = CASES[name]
    shop = FakeShop(workload(**case.spec), **case.shop)
    shop.logs["new"] = case.logs if case.logs else ""
    if case.logs:  # the pod of before has another name, and says nothing
        shop.pods = lambda shop: [pod("new" if len(shop.patches) == 1 else "old", new=bool(shop.patches))]
    done = run(shop, *case.flags)
    assert (done.item["result"], case.message in done.item["message"]) == (case.result, True), done.item["message"]
    assert (context(shop) == HARD) == case.stays
    assert done.status == (0 if case.result in ("patched", "notProven") else 2)
    assert case.said in done.err


def test_no_step_runs_in_the_main_thread_where_a_signal_may_break_a_lock(
    run: HardenRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[threading.Thread] = []
    look = Rollout._look

    def seen(rollout: Rollout, job: HardenResult) -> Snapshot:
        threads.append(threading.current_thread())
        return look(rollout, job)

    monkeypatch.setattr(Rollout, "_look", seen)
    assert run(FakeShop(workload())).item["result"] == "patched"
    assert threads
    assert threading.main_thread() not in threads
