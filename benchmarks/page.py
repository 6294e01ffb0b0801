"""Writes docs/benchmarks.md from the results of this checkout: the last figure of each row.

    .venv/bin/python benchmarks/page.py
"""

import json
import os
import platform
from pathlib import Path
from typing import Any

from pairs import RESULTS, verdict

PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"
HEAD = """# Benchmarks

`make bench` compares the cost of a command with the command that it replaces, or with a floor: a program that does only
the unavoidable work. The scripts in `benchmarks/` write this page.

- The commands of a pair take turns, so that other load on the machine affects both. A figure is the median of the runs.
- Time is processor time (user and system) of the process and its children. On a shared machine the time by the clock
  also depends on other programs. It is printed too, and counts only if a row says so.
- Memory is the highest resident size of the process. ± is the spread: (highest - lowest) / median.
- Each turn gives a ratio: the figure of kubectl caps divided by the other figure. The row shows the median of these
  ratios. **OVER** means a figure above its bound. Bounds are not changed.
- `fit` has a goal and no bound, because most of its time is `--settle`, for which it watches its trial pods.
- Of each five manifests, three are Deployments of forty lines, one is a Service and one a ConfigMap.

"""


def rows() -> list[dict[str, Any]]:
    """The last result of each row, in the order of the first measurements."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for line in RESULTS.read_text().splitlines():
        result = json.loads(line)
        found[result["work"], result["against"]] = result
    return list(found.values())


def line(result: dict[str, Any]) -> str:
    """One row of the table."""
    if result["figure"] is None:
        return f"| {result['work']} | {result['against']} | | | not run: {result['detail']} |"
    figure, bound = (f"{result[name]:,.4g}{result['unit']}" for name in ("figure", "bound"))
    found = verdict(result).replace("OVER", "**OVER**")
    most = f"goal: {bound}" if result["goal"] else bound
    return f"| {result['work']} | {result['against']} | {figure} | {most} | {found}: {result['detail']} |"


def main() -> None:
    """Write the page."""
    found = rows()
    days = sorted({result["day"] for result in found})
    machine = f"{os.cpu_count()} processors ({platform.machine()}), Linux {platform.release()}"
    measured = f"Measured from {days[0]} to {days[-1]} on {machine}, Python {platform.python_version()}.\n\n"
    table = ["| work | against | figure | at most | verdict |", "|---|---|---|---|---|", *map(line, found)]
    PAGE.write_text(HEAD + measured + "\n".join(table) + "\n")


if __name__ == "__main__":
    main()
