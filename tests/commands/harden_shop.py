"""Runs `harden` from its command line against a server in memory, and tells what was said and what was sent."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fake_shop import FakeShop, Obj
from loopback import Answer, Seen, serving

from kubectl_caps.commands.harden import compare_logs, watcher
from kubectl_caps.commands.shared import late_patch
from kubectl_caps.main import main

QUICK = ("--canary=false", "--timeout", "1s", "--settle", "0", "-o", "json")
HARD = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
CUT = Answer(cut=-1)


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    status: int
    out: str
    err: str

    @property
    def items(self) -> list[Obj]:
        """The objects of a JSON answer."""
        found: list[Obj] = json.loads(self.out)["items"] if self.out else []
        return found

    @property
    def item(self) -> Obj:
        """The only object."""
        (item,) = self.items
        return item


class HardenRun:
    """Runs `harden` against a shop, without the pauses of a real one."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self.capsys = folder, capsys
        patch.setattr(watcher, "POLL", 0.02)
        patch.setattr(watcher, "PATIENCE", 0.1)
        patch.setattr(compare_logs, "_EVERY", 0.0)
        patch.setattr(late_patch, "LATE", 0.3)

    def __call__(
        self, shop: FakeShop, *args: str, target: tuple[str, ...] = ("deploy/web",), quick: tuple[str, ...] = QUICK
    ) -> Done:
        """What the command said and how it ended."""
        where = ("-n", "shop") if target else ()
        with serving(shop) as server:
            config = server.kubeconfig(self.folder)
            code = main(["harden", *target, *where, *quick, *args, "--kubeconfig", config])
        out, err = self.capsys.readouterr()
        return Done(code, out, err)

    def undo(self, shop: FakeShop, file: Path, *args: str) -> Done:
        """`harden --undo FILE`."""
        quick = ("--timeout", "1s", "--settle", "0", "-o", "json", "--yes")
        return self(shop, "--undo", str(file), *args, target=(), quick=quick)


def is_patch(seen: Seen) -> bool:
    """Whether a request changes the object."""
    return seen.method == "PATCH" and "dryRun" not in seen.query


def context(shop: FakeShop, name: str = "web") -> Any:
    """The container's security context as it is stored."""
    (obj,) = (obj for (_, stored), obj in shop.objects.items() if stored == name)
    spec = obj["spec"].get("jobTemplate", obj)["spec"]
    return spec["template"]["spec"]["containers"][0].get("securityContext")
