"""Builds the other programs once into ~/.cache/kubectl-caps-bench: Go modules with a go.mod each, checkov with pip."""

import os
import subprocess
import sys
from pathlib import Path

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kubectl-caps-bench"
LIMIT = 600
"""Seconds for a build."""

GO = {
    "kube-score": ("github.com/zegl/kube-score", "v1.20.0", "github.com/zegl/kube-score/cmd/kube-score"),
    "kubeaudit": ("github.com/Shopify/kubeaudit", "v0.22.2", "github.com/Shopify/kubeaudit/cmd"),
    "kubesec": ("github.com/controlplaneio/kubesec/v2", "v2.14.2", "github.com/controlplaneio/kubesec/v2"),
}
"""The module, version and package of each program."""


def program(name: str, *flags: str) -> list[str] | None:
    """A command of a program, which is built if it is missing; None if the build fails."""
    path = CACHE / "bin" / name
    if not path.exists():
        try:
            _go(name, path) if name in GO else _checkov(path)
        except (OSError, subprocess.SubprocessError) as error:
            print(f"{name}: {error}", file=sys.stderr)
            return None
    return [str(path), *flags]


def kube_score(*paths: str) -> list[str] | None:
    """The command of kube-score with only its check for privileged containers."""
    command = program("kube-score")
    if command is None:
        return None
    listed = subprocess.run([*command, "list"], capture_output=True, text=True, check=True).stdout
    checks = [line.partition(",")[0] for line in listed.splitlines()]
    left_out = [f"--ignore-test={check}" for check in checks if check != "container-security-context-privileged"]
    return [*command, "score", "--output-format=ci", *left_out, *paths]


def kubesec(*paths: str) -> list[str] | None:
    """The command of kubesec with schemas that accept everything."""
    schemas = CACHE / "schemas"
    schemas.mkdir(parents=True, exist_ok=True)
    for kind in ("deployment", "service", "configmap"):
        (schemas / f"{kind}.json").write_text('{"type": "object"}')
    return program("kubesec", "scan", "--schema-location", f"{schemas}/{{{{.ResourceKind}}}}.json", *paths)


def checkov(*flags: str) -> list[str] | None:
    """The command of checkov with only its checks of capabilities: added ones, NET_RAW, any, SYS_ADMIN."""
    checks = "CKV_K8S_25,CKV_K8S_28,CKV_K8S_37,CKV_K8S_39"
    alone = ["--quiet", "--compact", "--skip-download", "--framework", "kubernetes", "--check", checks]
    return program("checkov", *alone, *flags)


def _go(name: str, path: Path) -> None:
    module, version, package = GO[name]
    folder = CACHE / "src" / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "go.mod").write_text(f"module bench\n\ngo 1.25\n\nrequire {module} {version}\n")
    (folder / "tools.go").write_text(f'//go:build tools\n\npackage bench\n\nimport _ "{package}"\n')
    command = ["go", "build", "-mod=mod", "-trimpath", "-o", str(path), package]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=LIMIT)


def _checkov(path: Path) -> None:
    folder, uv = CACHE / "checkov", str(Path(sys.executable).parent / "uv")
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True, timeout=LIMIT)
    install = [uv, "pip", "install", "--quiet", "--python", str(folder / "bin" / "python"), "checkov"]
    subprocess.run(install, check=True, capture_output=True, timeout=LIMIT)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(folder / "bin" / "checkov")
