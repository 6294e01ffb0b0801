"""Real lines of programs that ran without a capability: tests/core/diagnosis/real_lines.jsonl.

About a hundred operations in C, Go, Java, Node.js, Perl, PHP, Python, Ruby and Rust, some hundred commands, daemons of
Debian 12, and programs of tests/cluster/refused ran as root in namespaces of their own (kernel 6.18). First they ran
with the fourteen default capabilities of containerd (some with what else they need), then without one at a time.
"""

import json
from pathlib import Path

from msgspec import Struct, convert


class RealLines(Struct, frozen=True):
    """The lines that a program printed without a capability, and not with it.

    `needs` are the capabilities without which the program printed something else, `without` those that it ran
    without. `named` are those that the lines name for certain or likely, `possible` the others.
    """

    program: str
    needs: list[str]
    without: list[str]
    lines: list[str]
    named: list[str]
    possible: list[str] = []


REAL = [
    convert(json.loads(line), RealLines)
    for line in Path(__file__).with_suffix(".jsonl").read_text(encoding="utf-8").splitlines()
]
