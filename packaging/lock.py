"""Writes packaging/*.lock: the version and checksum of every distribution in a release, or for its build.

python packaging/lock.py            keeps the versions that stand there where pyproject.toml allows them
python packaging/lock.py --upgrade  takes the newest
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]

LOCKS = {"requirements.lock": "pyproject.toml", "tools.lock": "--group=dist"}
"""The part of pyproject.toml that each file locks: the frozen distributions, and the tools that freeze them."""

_FLAGS = ("--quiet", "--universal", "--python-version=3.10", "--generate-hashes", "--no-annotate", "--no-header")


def lock(folder: Path, *flags: str) -> None:
    """Write the files into a folder. The versions in existing files are kept."""
    for name, part in LOCKS.items():
        command = [uv(), "pip", "compile", part, *_FLAGS, f"--output-file={folder / name}", *flags]
        subprocess.run(command, check=True, cwd=ROOT)


def uv() -> str:
    """The path of uv in this Python environment."""
    return str(Path(sys.executable).with_name("uv"))


if __name__ == "__main__":
    lock(Path(__file__).parent, *sys.argv[1:])
