"""Compares `inspect -f` with other linters of manifests, at three sizes, in a file each and all in one file.

    .venv/bin/python benchmarks/inspect_files.py [COUNT...]

tools.py builds the other linters once, into ~/.cache/kubectl-caps-bench. kubeaudit and checkov run only their checks of
capabilities. kube-score has no such check and runs only its check for privileged containers. kubesec runs all its
checks, with schemas that accept everything, because its own schemas are on the internet. kubeaudit and kubesec read
one file.
"""

import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import tools
from manifests import files, one_file
from pairs import CAPS, Command, exponent, in_turn, not_run, row

SIZES = (1_000, 3_000, 10_000)
SLOW = 5
"""A program that takes more processor seconds runs only once, and not for more manifests."""


def others(path: Path) -> Mapping[str, Command | None]:
    """The commands of the other programs. None for a program that cannot read the path."""
    paths = sorted(map(str, path.iterdir())) if path.is_dir() else [str(path)]
    checkov = ["-d" if path.is_dir() else "-f", str(path)]
    alone = path.is_file()
    return {
        "kube-score": tools.kube_score(*paths),
        "kubeaudit": tools.program("kubeaudit", "capabilities", "-f", *paths) if alone else None,
        "kubesec": tools.kubesec(*paths) if alone else None,
        "checkov": tools.checkov(*checkov),
    }


slow: dict[str, int] = {}
"""The programs that were too slow, and the number of bytes for which they were."""


def measured(work: str, path: Path) -> float:
    """Print a row for each other program, and return the processor seconds of `inspect`."""
    ours = [*CAPS, "inspect", "-f", str(path)]
    read = path.iterdir() if path.is_dir() else [path]
    size = sum(one.stat().st_size for one in read)
    seconds = in_turn({"ours": ours})["ours"].processor
    for name, command in others(path).items():
        if command is None:
            not_run(work, name, "takes one file, or could not be built here")
            continue
        if size > 2 * slow.get(name, size):
            not_run(work, name, f"it takes more than {SLOW} s of the processor for fewer manifests")
            continue
        quick = in_turn({name: command}, 1, done=range(256))[name].processor < SLOW
        found = in_turn({"ours": ours, name: command}, None if quick else 1, done=range(256))
        own, other = found["ours"], found[name]
        if not quick:
            slow.setdefault(name, size)
        row(work, name, own.ratio(other), 1.0, f"ours {own}; {name} {other}")
    return seconds


def main(*counts: int) -> None:
    """Measure each size in both forms, and then the growth of the cost."""
    counts = counts or SIZES
    taken: dict[str, list[float]] = {"a file each": [], "all in one": []}
    for count in counts:
        with tempfile.TemporaryDirectory() as place:
            paths = (files(Path(place, "files"), count), one_file(Path(place, "all.yaml"), count))
            for (way, seconds), path in zip(taken.items(), paths, strict=True):
                seconds.append(measured(f"inspect -f, {count:,} manifests, {way}", path))
    for way, seconds in taken.items():
        sizes = ", ".join(f"{count:,}: {one:.2f} s" for count, one in zip(counts, seconds, strict=True))
        row(f"inspect -f, {way}: exponent", "linear growth", exponent(counts, seconds), 1.05, sizes, unit="")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
