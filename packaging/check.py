"""Checks a release with the real krew: its validator, an installation, and the installed plugin through kubectl.

PYTHONPATH=tests/cluster python packaging/check.py      (after `make dist`)
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from krew_manifest import name_of, platform_here
from testbed import build, needs
from testbed.serve import running

ROOT = Path(__file__).parents[1]
DIST = ROOT / "dist"
_MODULE = Path(__file__).parent / "krew"
_PROGRAMS = ("krew", "validate-krew-manifest")


def _steps(out: Path) -> list[list[str]]:
    commands = [f"sigs.k8s.io/krew/cmd/{program}" for program in _PROGRAMS]
    return [["go", "build", "-C", str(_MODULE), "-v", "-trimpath", "-o", f"{out}/", *commands]]


KREW = build.Product("krew", "0.5.0", (_MODULE / "go.mod").read_bytes() + (_MODULE / "tools.go").read_bytes(), _steps)


def check(dist: Path, kubeconfig: Path, namespace: str) -> None:
    """Check the results of `make dist` on a cluster. Raises CalledProcessError for the first failing command."""
    build.build(KREW)
    manifest, archive = dist / "krew-manifest.yaml", dist / name_of(*platform_here())
    with tempfile.TemporaryDirectory() as folder:
        # The validator demands a file with the name of the plugin.
        named = shutil.copy(manifest, Path(folder, "caps.yaml"))
        subprocess.run([KREW.folder / "validate-krew-manifest", "-skip-install", "-manifest", named], check=True)
        path = f"{folder}/bin:{Path(sys.prefix, 'bin')}:{os.environ['PATH']}"
        env = {**os.environ, "KREW_ROOT": folder, "PATH": path}
        options = [f"--manifest={manifest}", f"--archive={archive}"]
        subprocess.run([KREW.folder / "krew", "install", *options], check=True, env=env)
        _use(Path(folder, "bin", "kubectl-caps"), {**env, "KUBECONFIG": str(kubeconfig)}, namespace)


def _use(plugin: Path, env: dict[str, str], namespace: str) -> None:
    """Use every part that is imported late: files, the cluster's client, an answer of a real server."""
    subprocess.run([plugin, "inspect", "-f", ROOT / "examples"], check=True, env=env)
    kubectl = needs.kubectl()
    # kubectl finds the plugin on PATH. The plugin of this Python environment must not be the one that runs.
    assert shutil.which("kubectl-caps", path=env["PATH"]) == str(plugin)
    subprocess.run([kubectl, "apply", "-n", namespace, "-f", ROOT / "examples/nginx.yaml"], check=True, env=env)
    subprocess.run([kubectl, "caps", "inspect", "-n", namespace], check=True, env=env)


if __name__ == "__main__":
    if not (DIST / "krew-manifest.yaml").exists():
        sys.exit("error: dist/krew-manifest.yaml does not exist; `make dist` makes it")
    with running("api") as place:
        check(DIST, place.kubeconfig, "default")
    print("krew takes the manifest, installs the archive, and the plugin works")
