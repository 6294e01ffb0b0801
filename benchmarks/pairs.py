"""Measures commands in turn, so that other load on the machine affects all, and prints rows with a bound and a verdict.

A figure is the median of several runs. A ratio is the median of the ratios of each turn: the machine changes its speed
between turns more than within one. For local work, time is processor time (user and system) of the process and its
children, because on a shared machine the time by the clock depends on other programs. If a command waits for a server,
time is by the clock. Memory is the highest resident size. The spread is (highest - lowest) / median.
"""

import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from statistics import median
from typing import Any, Literal

BIN = Path(sys.executable).parent
CAPS = (sys.executable, "-m", "kubectl_caps")
RESULTS = Path(__file__).parents[1] / "build" / "benchmarks.jsonl"


@dataclass(frozen=True)
class Run:
    """The seconds of one run by the clock and by the processor, and the highest memory in megabytes."""

    clock: float
    processor: float
    megabytes: float


TURNS = 7
"""The usual number of turns at least."""
SECONDS = 20
"""Short commands take turns for so long: on a shared machine seven turns of half a second tell too little."""
Measure = Literal["clock", "processor", "megabytes"]
"""The name of a figure of a run."""


@dataclass(frozen=True)
class Figures:
    """The runs of one command, one for each turn."""

    runs: Sequence[Run]

    def each(self, measure: Measure) -> Sequence[float]:
        """The figure of each run."""
        return [getattr(run, measure) for run in self.runs]

    def ratio(self, other: "Figures", measure: Measure = "processor") -> float:
        """The median ratio to the other command's figure of the same turn."""
        return median(one / two for one, two in zip(self.each(measure), other.each(measure), strict=True))

    @property
    def clock(self) -> float:
        """The median seconds by the clock."""
        return median(self.each("clock"))

    @property
    def processor(self) -> float:
        """The median processor seconds."""
        return median(self.each("processor"))

    @property
    def megabytes(self) -> float:
        """The median memory in megabytes."""
        return median(self.each("megabytes"))

    @property
    def spread(self) -> float:
        """The difference between the slowest and the fastest run, divided by the median."""
        found = self.each("processor")
        return (max(found) - min(found)) / self.processor

    def __str__(self) -> str:
        return f"{self.processor:.2f} s ({self.clock:.2f} s by the clock), {self.megabytes:.0f} MB, ±{self.spread:.0%}"


Command = Sequence[str]


def run(command: Command, env: Mapping[str, str] | None = None, done: Sequence[int] = (0, 1)) -> Run:
    """Run a command once, without its output. Raises SystemExit for an exit status that is not in `done`."""
    started = time.monotonic()
    environment = {**os.environ, **(env or {})}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    _, status, usage = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status) not in done:
        raise SystemExit(f"error: {' '.join(command)[:300]} ended with {os.waitstatus_to_exitcode(status)}")
    return Run(time.monotonic() - started, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def in_turn(
    commands: Mapping[str, Command],
    runs: int | None = None,
    env: Mapping[str, str] | None = None,
    before: Callable[[], object] = lambda: None,
    done: Sequence[int] = (0, 1),
) -> dict[str, Figures]:
    """The figures of commands that take turns. `before` is called before each run.

    The first run of each command does not count. Slow commands take turns exactly `runs` times, and each run counts.
    """
    found: dict[str, list[Run]] = {name: [] for name in commands}
    began = time.monotonic()
    least, seconds = (runs, 0) if runs else (TURNS, SECONDS)
    for turn in count(1 if runs else 0):
        if turn > least and time.monotonic() - began > seconds:
            break
        for name, command in commands.items():
            before()
            one = run(command, env, done)
            if turn:
                found[name].append(one)
    return {name: Figures(some) for name, some in found.items()}


def exponent(sizes: Sequence[int], seconds: Sequence[float]) -> float:
    """The exponent of the growth from the smallest to the largest size: 1 is linear, 2 is quadratic."""
    if len(sizes) == 1:
        return 1.0
    return math.log(seconds[-1] / seconds[0]) / math.log(sizes[-1] / sizes[0])


def row(
    work: str, against: str, figure: float, bound: float, detail: str = "", unit: str = "x", *, goal: bool = False
) -> None:
    """Print a row with its verdict, and store it for the page. A figure may be above a goal, but not above a bound."""
    result = {"work": work, "against": against, "figure": figure, "bound": bound, "unit": unit}
    result |= {"detail": detail, "goal": goal}
    figures = f"{figure:,.4g}{unit} ({'goal' if goal else 'at most'} {bound:,.4g}{unit})"
    print(f"{verdict(result)}  {work}, against {against}: {figures}  {detail}", flush=True)
    keep(result)


def verdict(result: Mapping[str, Any]) -> str:
    """PASS or OVER for a row with a bound; for a row with a goal, whether the goal is reached."""
    words = ("goal reached", "goal missed") if result["goal"] else ("PASS", "OVER")
    return words[result["figure"] > result["bound"]]


def not_run(work: str, against: str, why: str) -> None:
    """Print and store the reason why a row was not measured."""
    print(f"not run  {work}, against {against}: {why}", flush=True)
    keep({"work": work, "against": against, "figure": None, "bound": None, "unit": "", "detail": why})


def keep(result: Mapping[str, object]) -> None:
    """Add a row to the results of this checkout, from which page.py writes docs/benchmarks.md."""
    RESULTS.parent.mkdir(exist_ok=True)
    with RESULTS.open("a") as file:
        file.write(json.dumps({"day": time.strftime("%Y-%m-%d"), **result}) + "\n")
