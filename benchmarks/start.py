"""Compares `--help` of the frozen program with its bare interpreter, and prints the size of the archive.

    PYTHONPATH=tests/cluster:packaging .venv/bin/python benchmarks/start.py
"""

import tarfile
import tempfile

from interpreter import PROGRAM
from pairs import in_turn, row
from two_clones import CLONES, two_clones


def main() -> None:
    """Measure, and print a row for each measurement."""
    [archive] = (two_clones() / CLONES[0] / "dist").glob("kubectl-caps_*_*.tar.gz")
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(archive) as tar:
            tar.extractall(folder, filter="tar")
        commands = {
            "bare": [f"{folder}/python/{PROGRAM}", "-I", "-S", "-c", "pass"],
            "help": [f"{folder}/kubectl-caps", "--help"],
        }
        found = in_turn(commands, done=(0,))
    bare, caps = found["bare"], found["help"]
    detail = f"{caps.processor * 1000:.0f} ms and {bare.processor * 1000:.0f} ms of the processor"
    row("--help of the archive's program", "its interpreter", caps.ratio(bare), 4.0, detail)
    row("the archive for krew", "its aim", archive.stat().st_size / 1e6, 20, unit=" MB")


if __name__ == "__main__":
    main()
