"""What harden says of a patch beside what the API server really stored, for each way in which an answer can go wrong.

`patched`, `rolled back` and `undone` are said of what the server confirmed, by its answer or when it was read again.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
from loopback import Answer, Seen, status
from middleman import CUT, Middleman, between, is_patch
from test_harden_live import CONTEXT, HARDENED, Shop, workload
from testbed.cluster import Cluster

from kubectl_caps.commands.shared import late_patch

THEIRS = {"capabilities": {"drop": ["NET_RAW"]}}
PAGE = Answer(b"<html>welcome</html>", content_type="text/html")
TIMEOUT = status(504, "Timeout", "request did not complete within the allotted timeout")
INTERNAL = status(500, "InternalError", "etcdserver: request timed out")
REQUEST_TIMEOUT = Answer(b"request timeout", 408, content_type="text/plain")
CONFLICT = status(409, "Conflict", "the object has been modified")
INVALID = status(422, "Invalid", "the server rejected our request due to an error in our request")
FORBIDDEN = status(403, "Forbidden", "deployments.apps is forbidden")
TOO_LATE = status(404, "NotFound", 'deployments.apps "web" not found')


@dataclass(frozen=True)
class Fault:
    """What becomes of a patch: `does` is done with it, `answer` is sent instead of the server's; what holds afterwards.

    `does`: `store` it, `lose` it, store it `late` (when the object has been read twice), `delete` the object before it
    arrives, or let somebody else `change` the same field before.
    """

    does: str
    answer: Answer | None
    stored: bool
    open: bool = False


FAULTS = {
    "answered": Fault("store", None, True),
    "stored, no answer": Fault("store", CUT, True),
    "stored, half an answer": Fault("store", Answer(b'{"kind": "Deployment", "metadata"', cut=20), True),
    "stored, a login page": Fault("store", PAGE, True),
    "stored, 500": Fault("store", INTERNAL, True),
    "stored, 504": Fault("store", TIMEOUT, True),
    "stored, 408": Fault("store", REQUEST_TIMEOUT, True),
    "stored, 409 as a proxy that asks twice gets": Fault("store", CONFLICT, True),
    "stored, 422 as a proxy that asks twice gets": Fault("store", INVALID, True),
    "stored late, no answer": Fault("late", CUT, True),
    "stored late, 504": Fault("late", TIMEOUT, True),
    "stored late, 408": Fault("late", REQUEST_TIMEOUT, True),
    "lost, no answer": Fault("lose", CUT, False, open=True),
    "lost, 500": Fault("lose", INTERNAL, False, open=True),
    "lost, 504": Fault("lose", TIMEOUT, False, open=True),
    "lost, a login page": Fault("lose", PAGE, False, open=True),
    "lost, 403": Fault("lose", FORBIDDEN, False),
    "lost, 409": Fault("lose", CONFLICT, False),
    "lost, 422": Fault("lose", INVALID, False),
    "changed before, 422": Fault("change", None, False),
    "changed before, no answer": Fault("change", CUT, False, open=True),
    "deleted before, 404": Fault("delete", None, False),
    "deleted before, no answer": Fault("delete", CUT, False),
    "not deleted, 404": Fault("lose", TOO_LATE, False),
}
WORDS = {"patch": ": the change is made", "rollback": " rolled back", "undo": ": the change is taken back"}
RESULTS = {"patch": "notProven", "rollback": "rolledBack", "undo": "undone"}


class Way:
    """Between harden and the server: from the `first` patch on, patches meet the fault."""

    def __init__(self, shop: Shop, fault: Fault, first: int) -> None:
        self.shop, self.fault, self.first = shop, fault, first
        self.patches = self.reads = 0
        self.held: Seen | None = None
        self.middleman: Middleman | None = None

    def __call__(self, seen: Seen) -> Answer | None:
        if self.held and seen.method == "GET" and seen.path.endswith("/web"):
            self.reads += 1
            if self.reads == 3:
                self.deliver(self.held)
        if not is_patch(seen):
            return None
        self.patches += 1
        return self._meet(seen) if self.patches >= self.first else None

    def _meet(self, seen: Seen) -> Answer | None:
        if self.fault.does == "store" and self.fault.answer:
            self.deliver(seen)
        elif self.fault.does == "late":
            self.held = seen
        elif self.patches == self.first and self.fault.does == "delete":
            self.shop.cluster.kubectl("delete", "deploy", "web", "-n", self.shop.namespace)
        elif self.patches == self.first and self.fault.does == "change":
            self.shop.patch("web", {"op": "add", "path": CONTEXT, "value": THEIRS})
        return self.fault.answer

    def deliver(self, seen: Seen) -> None:
        """Pass a patch on to the server, whose answer nobody gets."""
        assert self.middleman
        assert self.middleman.deliver(seen).status in (200, 422)


@pytest.fixture
def shop(api_cluster: Cluster, namespace: str, capfd: pytest.CaptureFixture[str]) -> Shop:
    """A fresh namespace."""
    return Shop(api_cluster, namespace, capfd)


@pytest.mark.parametrize("case", FAULTS)
@pytest.mark.parametrize("direction", WORDS)
def test_only_a_change_that_the_server_confirmed_is_called_done(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str, direction: str
) -> None:
    fault = FAULTS[case]
    monkeypatch.setattr(late_patch, "LATE", 1 if fault.open else 60)
    shop.make(workload("web", replicas=1 if direction == "rollback" else 0))
    args = ["deploy/web", "--force", "--timeout", "1s", "--settle", "0", "-o", "json"]
    if direction == "undo":
        assert shop.harden("deploy/web", "--undo-to", str(tmp_path / "undo")).status == 0
        args = ["--undo", str(tmp_path / "undo"), "--yes", "-o", "json"]
    way = Way(shop, fault, first=2 if direction == "rollback" else 1)
    with between(shop.cluster, tmp_path, before=way) as way.middleman:
        done = shop.harden(*args, kubeconfig=way.middleman.kubeconfig, namespace=direction != "undo")
    (item,) = done.items
    assert is_made(shop, direction, fault) == fault.stored
    assert (f"deployment.apps/web{WORDS[direction]}" in done.err) == fault.stored, done.err
    assert (item["result"] == RESULTS[direction]) == fault.stored, item
    assert done.status == (0 if fault.stored and direction != "rollback" else 2)
    assert ("the patch may still be applied: " in item["message"]) == fault.open, item["message"]
    if fault.open:
        assert " kubectl patch deployments.apps web" in done.err.partition("may still be applied")[2]
    if fault.does == "delete":
        assert "to undo it" not in done.err


def is_made(shop: Shop, direction: str, fault: Fault) -> bool:
    """Whether the patch of this direction is what the server has stored."""
    if "web" not in shop.list("deployments"):
        return False
    assert (shop.context("web") == THEIRS) == (fault.does == "change")
    return bool(shop.context("web") == (HARDENED if direction == "patch" else None))


def test_a_patch_that_comes_after_all_is_undone_by_the_command_that_was_printed_again(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(late_patch, "LATE", 1)
    shop.make(workload("web"))
    before = shop.get("deployments", "web")["spec"]
    with between(shop.cluster, tmp_path, before=lambda seen: CUT if is_patch(seen) else None) as middleman:
        done = shop.harden("deploy/web", kubeconfig=middleman.kubeconfig)
        (patch,) = [seen for seen in middleman.seen if is_patch(seen)]
        assert middleman.deliver(patch).status == 200
    assert (done.status, shop.context("web")) == (2, HARDENED)
    (line,) = [line for line in done.err.splitlines() if "; to undo it: " in line]
    operations = line.rpartition(" -p ")[2].strip("'")
    json.loads(operations)
    shop.cluster.kubectl("patch", "deploy", "web", "-n", shop.namespace, "--type=json", "-p", operations)
    assert shop.get("deployments", "web")["spec"] == before


def test_a_rollout_is_watched_when_its_patch_turns_up_late(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(late_patch, "LATE", 60)
    shop.make(workload("web", replicas=1))
    way = Way(shop, FAULTS["stored late, 504"], first=1)
    flags = ("--force", "--timeout", "1s", "--rollback=false", "-o", "json")
    with between(shop.cluster, tmp_path, before=way) as way.middleman:
        (item,) = shop.harden("deploy/web", *flags, kubeconfig=way.middleman.kubeconfig).items
    assert (item["result"], shop.context("web")) == ("failed", HARDENED)
    assert item["message"].startswith("timed out after 1 s: ")
