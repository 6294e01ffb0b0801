"""`covered.py REPORT FOLDER...`: prints how many lines of each folder ran, by slipcover's JSON; fails where few did."""

import json
import sys
from pathlib import Path

LEAST = 85
"""Percent of a folder's lines that tier 1 alone has to run."""

Files = dict[str, dict[str, list[int]]]


def share(files: Files, folder: str) -> float:
    """Percent of the lines below kubectl_caps/`folder` that ran."""
    mine = [lines for name, lines in files.items() if name.startswith(f"kubectl_caps/{folder}/")]
    ran, missed = (sum(len(lines[kind]) for lines in mine) for kind in ("executed_lines", "missing_lines"))
    return 100 * ran / (ran + missed)


def main(report: str, *folders: str) -> int:
    """The exit status."""
    files: Files = json.loads(Path(report).read_text())["files"]
    shares = {folder: share(files, folder) for folder in folders}
    for folder, percent in shares.items():
        print(f"Tier 1 covers {percent:.0f} % of {folder}")
    return int(min(shares.values()) < LEAST)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
