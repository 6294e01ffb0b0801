"""How long `--help` of the frozen program takes beside the interpreter in it, and the size of the archive.

    PYTHONPATH=tests/cluster:packaging .venv/bin/python benchmarks/start.py [RUNS]

The aims: four times at most, and 20 MB. The two are run in turn; the medians count.
"""

import os
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from interpreter import PROGRAM
from two_clones import CLONES, two_clones


@dataclass(frozen=True)
class Cost:
    """Milliseconds: by the clock, and of the processor."""

    wall: float
    processor: float


def measure(command: Sequence[str]) -> Cost:
    """One run with its output thrown away. Raises SystemExit where it fails."""
    start = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"error: {' '.join(command)} failed")
    return Cost((time.monotonic() - start) * 1000, (usage.ru_utime + usage.ru_stime) * 1000)


def main(runs: int) -> None:
    """Prints a line for each program, and one for the archive."""
    [archive] = (two_clones() / CLONES[0] / "dist").glob("kubectl-caps_*_*.tar.gz")
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(archive) as tar:
            tar.extractall(folder, filter="tar")
        commands = {
            "its interpreter, doing nothing": [f"{folder}/python/{PROGRAM}", "-I", "-S", "-c", "pass"],
            "kubectl-caps --help": [f"{folder}/kubectl-caps", "--help"],
        }
        costs: dict[str, list[Cost]] = {title: [] for title in commands}
        for _ in range(runs):
            for title, command in commands.items():
                costs[title].append(measure(command))
    bare, caps = (median(cost.processor for cost in some) for some in costs.values())
    for title, some in costs.items():
        wall, processor = median(cost.wall for cost in some), median(cost.processor for cost in some)
        print(f"{title:32} {wall:6.1f} ms, {processor:6.1f} ms of the processor")
    print(f"ratio {caps / bare:.1f} (aim: at most 4); archive {archive.stat().st_size / 1e6:.1f} MB (aim: at most 20)")


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 30)
