"""kubectl-caps as a folder that needs no Python: PyInstaller's onedir. Onefile unpacks at every start: 0.3 s."""

import os
import subprocess
import sys
from pathlib import Path

NAME = "kubectl-caps"
EPOCH = "1577836800"
"""2020-01-01, the time of everything in a release: the same sources give the same bytes."""

_FLAGS = [
    "--onedir",
    "--noconfirm",
    "--log-level=WARN",
    f"--name={NAME}",
    # Commands are imported by name when they run, which PyInstaller cannot see.
    "--collect-submodules=kubectl_caps",
    "--collect-data=kubectl_caps",
    "--copy-metadata=kubectl-caps",
    # Parts of dependencies that are of no use in a terminal.
    *(f"--exclude-module={name}" for name in ("tkinter", "pytest", "setuptools", "pip", "IPython", "numpy")),
]


def freeze(build: Path) -> Path:
    """Builds below the folder `build` and returns the folder that holds the program."""
    places = [f"--distpath={build}/frozen", f"--workpath={build}/work", f"--specpath={build}"]
    package = Path(__file__).parents[1] / "kubectl_caps"
    command = [sys.executable, "-m", "PyInstaller", *_FLAGS, *places, str(package / "__main__.py")]
    subprocess.run(command, check=True, env={**os.environ, "PYTHONHASHSEED": "0", "SOURCE_DATE_EPOCH": EPOCH})
    return build / "frozen" / NAME
