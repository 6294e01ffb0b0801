"""A copy of what is installed from a checkout, as a repository of its own: as GitHub would serve this version."""

import os
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
_INSTALLED = ("kubectl_caps", "pyproject.toml", "README.md", "LICENSE", ".pre-commit-hooks.yaml", "action.yml")
_NO_SETTINGS = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
_COMMITTER = {f"GIT_{who}_{what}": "test@example.com" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
ENVIRONMENT = {**{k: v for k, v in os.environ.items() if not k.startswith("GIT_")}, **_NO_SETTINGS, **_COMMITTER}
"""This machine's environment without its settings of git."""


def git(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """git in a folder. A failure is an AssertionError with its words, except where a hook refuses a commit."""
    done = subprocess.run(["git", *arguments], cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert done.returncode == 0 or arguments[0] == "commit", done.stderr
    return done


def make_checkout(folder: Path) -> str:
    """Makes the repository in `folder` and returns the id of its only commit."""
    folder.mkdir()
    for name in (name for name in _INSTALLED if (ROOT / name).exists()):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, folder / name)
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message=this version")
    return git(folder, "rev-parse", "HEAD").stdout.strip()
