"""Checks a release with the real krew: its validator, an installation, and the installed plugin through kubectl.

    PYTHONPATH=tests/cluster python packaging/check.py      (after `make dist`)
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from testbed import build, needs
from testbed.serve import running

ROOT = Path(__file__).parents[1]
MANIFEST = ROOT / "krew-manifest.yaml"
ARCHIVE = ROOT / "dist" / "kubectl-caps_linux_amd64.tar.gz"
_MODULE = Path(__file__).parent / "krew"
_PROGRAMS = ("krew", "validate-krew-manifest")


def _steps(out: Path) -> list[list[str]]:
    commands = [f"sigs.k8s.io/krew/cmd/{program}" for program in _PROGRAMS]
    return [["go", "build", "-C", str(_MODULE), "-v", "-trimpath", "-o", f"{out}/", *commands]]


KREW = build.Product("krew", "0.5.0", (_MODULE / "go.mod").read_bytes() + (_MODULE / "tools.go").read_bytes(), _steps)


def main() -> None:
    """Exits with the first thing that fails."""
    if not ARCHIVE.exists():
        sys.exit(f"error: {ARCHIVE} does not exist; `make dist` makes it")
    build.build(KREW)
    with tempfile.TemporaryDirectory() as folder:
        # The validator wants a file to be called as the plugin.
        named = shutil.copy(MANIFEST, Path(folder, "caps.yaml"))
        subprocess.run([KREW.folder / "validate-krew-manifest", "-skip-install", "-manifest", named], check=True)
        path = f"{folder}/bin:{Path(sys.prefix, 'bin')}:{os.environ['PATH']}"
        env = {**os.environ, "KREW_ROOT": folder, "PATH": path}
        options = [f"--manifest={MANIFEST}", f"--archive={ARCHIVE}"]
        subprocess.run([KREW.folder / "krew", "install", *options], check=True, env=env)
        _use(Path(folder, "bin", "kubectl-caps"), env)
    print("krew takes the manifest, installs the archive, and the plugin works")


def _use(plugin: Path, env: dict[str, str]) -> None:
    """Every part that is loaded late: files, the cluster's client, an answer of a real server."""
    subprocess.run([plugin, "inspect", "-f", ROOT / "examples"], check=True, env=env)
    with running("api") as place:
        in_cluster = {**env, "KUBECONFIG": str(place.kubeconfig)}
        kubectl = needs.kubectl()
        # kubectl finds the plugin on PATH; the one of this environment must not be what answers.
        assert shutil.which("kubectl-caps", path=env["PATH"]) == str(plugin)
        subprocess.run([kubectl, "apply", "-f", ROOT / "examples" / "nginx.yaml"], check=True, env=in_cluster)
        subprocess.run([kubectl, "caps", "inspect"], check=True, env=in_cluster)


if __name__ == "__main__":
    main()
