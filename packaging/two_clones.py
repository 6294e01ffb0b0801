"""Builds the release of one commit in two clones with different folder names, in the cache of the test programs.

Changes that are not committed count: `git stash create` makes a commit of the tracked files, and changes nothing else.
"""

import platform
import shutil
import ssl
import subprocess
import sys
import time
from pathlib import Path

from testbed import build

ROOT = Path(__file__).parents[1]
CLONES = ("one", "and another")
"""The folders of the clones. In each, dist/ has the results of `make dist`, and `status` the later output of git."""

_KEPT = 24 * 3600
"""The seconds for which a release of another commit stays in the cache."""


def two_clones() -> Path:
    """The folder of the two clones, built unless this Python has built them already. Raises build.BuildFailed."""
    product = _product(_git("stash", "create") or _git("rev-parse", "HEAD"))
    for old in build.cache().glob("release-*"):
        if old != product.folder and time.time() - old.stat().st_mtime > _KEPT:
            shutil.rmtree(old) if old.is_dir() else old.unlink()
    build.build(product)
    return product.folder


def _product(commit: str) -> build.Product:
    # The sources, and the parts of this machine: the interpreter with its libraries.
    recipe = [_git("rev-parse", f"{commit}^{{tree}}"), sys.version, platform.platform(), ssl.OPENSSL_VERSION]
    return build.Product("release", "HEAD", "\0".join(recipe).encode(), lambda out: _steps(out, commit))


def _steps(out: Path, commit: str) -> list[list[str]]:
    script = """
        git clone --quiet --shared --no-checkout "$1" "$2"
        cd "$2"
        git -c advice.detachedHead=false checkout --quiet "$3"
        make dist PYTHON="$4"
        status=$(git status --short)
        echo "$status" > status
        rm -rf build .git
    """
    python = getattr(sys, "_base_executable", sys.executable)
    return [["sh", "-exc", script, "sh", str(ROOT), str(out / name), commit, python] for name in CLONES]


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
