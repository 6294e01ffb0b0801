"""Writes packaging/*.lock: every distribution that a release is made of or with, by version and checksum.

python packaging/lock.py            keeps the versions that stand there where pyproject.toml allows them
python packaging/lock.py --upgrade  takes the newest
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]

LOCKS = {"requirements.lock": "pyproject.toml", "tools.lock": "--group=dist"}
"""The file -> which part of pyproject.toml it locks: what is frozen, and what freezes."""

_FLAGS = ("--quiet", "--universal", "--python-version=3.10", "--generate-hashes", "--no-annotate", "--no-header")


def lock(folder: Path, *flags: str) -> None:
    """Writes the files into a folder. Versions in files that are there are kept."""
    for name, part in LOCKS.items():
        command = [uv(), "pip", "compile", part, *_FLAGS, f"--output-file={folder / name}", *flags]
        subprocess.run(command, check=True, cwd=ROOT)


def uv() -> str:
    """The uv of this environment."""
    return str(Path(sys.executable).with_name("uv"))


if __name__ == "__main__":
    lock(Path(__file__).parent, *sys.argv[1:])
