"""python -m fuzz SECONDS SEED: fuzz each target for its share of the time; 1 if something broke.

What reaches more is added to fuzz/corpus, what broke to fuzz/findings, where each is tested from then on.
"""

import contextlib
import io
import json
import sys
import tempfile
from pathlib import Path
from random import Random

from coverage import Coverage

from fuzz.loop import Fuzzer
from fuzz.targets import TARGETS, Target

HERE = Path(__file__).parent
KEPT = 150
"""Texts of a target that its stored corpus has at most."""


def main(seconds: float, seed: int) -> int:
    """Fuzz, print a line for each target, and return the exit status."""
    broken = 0
    print(f"seed {seed}, {seconds / len(TARGETS):g} s for each target")
    for name, target in TARGETS.items():
        fuzzer = Fuzzer(name, target, Random(f"{seed} {name}"))
        known = len(fuzzer.corpus)
        fuzzer.run(seconds / len(TARGETS))
        _store(name, "corpus", fuzzer.new, KEPT)
        _store(name, "findings", list(dict.fromkeys(text for text, _ in fuzzer.findings)), KEPT)
        broken += len(fuzzer.findings)
        print(
            f"{name}: corpus {known} + {len(fuzzer.new)}, {fuzzer.runs} runs, {len(fuzzer.arcs)} arcs, "
            f"{_branches(target, fuzzer.corpus)}, {len(fuzzer.findings)} findings",
            flush=True,
        )
        for text, error in fuzzer.findings[:5]:
            print(f"  {error[:300]}\n    {text[:200]!r}")
    return int(broken > 0)


def _store(name: str, kind: str, texts: list[str], most: int) -> None:
    path = HERE / kind / f"{name}.jsonl"
    path.parent.mkdir(exist_ok=True)
    old = path.read_text().splitlines() if path.exists() else []
    lines = list(dict.fromkeys([*old, *(json.dumps(text) for text in texts)]))[:most]
    if lines:
        path.write_text("".join(f"{line}\n" for line in lines))


def _branches(target: Target, corpus: list[str]) -> str:
    """The branches of the target's part of the program that its corpus takes."""
    root = HERE.parents[1] / "kubectl_caps"
    include = [str(root / part) + ("" if part.endswith(".py") else "/*") for part in target.source]
    measured = Coverage(data_file=None, branch=True, include=include, config_file=False)
    measured.start()
    for text in corpus:
        with contextlib.suppress(Exception):
            target.check(text)
    measured.stop()
    with tempfile.NamedTemporaryFile(suffix=".json") as file, contextlib.redirect_stdout(io.StringIO()):
        measured.json_report(outfile=file.name)
        totals = json.loads(Path(file.name).read_text())["totals"]
    return f"{totals['covered_branches']} of {totals['num_branches']} branches"


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]), int(sys.argv[2])))
