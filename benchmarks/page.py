"""docs/benchmarks.md of the results of this checkout: the last figure of each row.

    .venv/bin/python benchmarks/page.py
"""

import json
import os
import platform
from pathlib import Path
from typing import Any

from pairs import RESULTS

PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"
HEAD = """# Benchmarks

`make bench` measures what a command costs beside what it replaces, or beside a floor. The scripts in `benchmarks/`
write this page.

- The commands of a pair take turns, so that what else the machine does hits both. A figure is the median of the runs.
- Time is that of the processor, user and system together, of the process and its children. On a shared machine the
  clock tells of others; it is named beside, and counts only where a row says so.
- Memory is the highest resident size of the process. ± is the spread: (highest - lowest) / median.
- A ratio is ours divided by theirs. **OVER** is a figure that misses its bound; the bound is not changed.
- The manifests are Deployments, Services and ConfigMaps, three, one and one of each five, forty lines a Deployment.

"""


def rows() -> list[dict[str, Any]]:
    """The last result of each row, in the order in which the rows were first measured."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for line in RESULTS.read_text().splitlines():
        result = json.loads(line)
        found[result["work"], result["against"]] = result
    return list(found.values())


def line(result: dict[str, Any]) -> str:
    """One row of the table."""
    if result["figure"] is None:
        return f"| {result['work']} | {result['against']} | | | not run: {result['detail']} |"
    verdict = "PASS" if result["figure"] <= result["bound"] else "**OVER**"
    figure, bound = (f"{result[name]:,.4g}{result['unit']}" for name in ("figure", "bound"))
    return f"| {result['work']} | {result['against']} | {figure} | {bound} | {verdict}: {result['detail']} |"


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
