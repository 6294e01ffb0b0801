"""Compares the start of the program with bare Python: help, the completion of a flag, `inspect` of one file.

    .venv/bin/python benchmarks/start_up.py
"""

import sys
import tempfile
from pathlib import Path

from manifests import one_file
from pairs import CAPS, in_turn, row

ROWS = {
    "--help": (["--help"], 3.0),
    "completion of a flag": (["__complete", "inspect", "--fail-on="], 4.0),
    "inspect -f of one file": (["inspect", "-f", "FILE"], 8.0),
}


def main() -> None:
    """Measure, and print a row for each."""
    with tempfile.TemporaryDirectory() as folder:
        path = one_file(Path(folder, "one.yaml"), 1)
        commands = {
            work: [*CAPS, *(str(path) if one == "FILE" else one for one in flags)] for work, (flags, _) in ROWS.items()
        }
        found = in_turn({"python": [sys.executable, "-c", "pass"], **commands})
    bare = found.pop("python")
    for work, figures in found.items():
        detail = f"{figures.processor * 1000:.0f} ms and {bare.processor * 1000:.0f} ms of the processor"
        row(work, "python -c pass", figures.ratio(bare), ROWS[work][1], detail)


if __name__ == "__main__":
    main()
