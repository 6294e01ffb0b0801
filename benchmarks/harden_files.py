"""Compares `harden -f --check`, `--diff` and `--write` with a floor that reads, parses with PyYAML, and writes.

    .venv/bin/python benchmarks/harden_files.py [COUNT...]

The manifests are in a folder with a file for each, and in one file. Each run begins with the original files.
"""

import sys
import tempfile
from pathlib import Path

from manifests import files, one_file
from pairs import CAPS, exponent, in_turn, row

SIZES = (1_000, 2_000, 4_000)
FLOOR = """
import pathlib, sys, yaml
path = pathlib.Path(sys.argv[1])
for one in sorted(path.iterdir()) if path.is_dir() else [path]:
    text = one.read_text()
    for _ in yaml.load_all(text, yaml.CSafeLoader):
        pass
    one.write_text(text)
"""
FLAGS = ("--check", "--diff", "--write")


def measured(work: str, path: Path) -> dict[str, float]:
    """Print a row for each flag, and return the processor seconds of each."""
    texts = {one: one.read_bytes() for one in (path.iterdir() if path.is_dir() else [path])}

    def restore() -> None:
        # Files are overwritten, not deleted: before ext4 makes a file, it looks at every recently deleted file.
        for one, text in texts.items():
            one.write_bytes(text)

    commands = {flag: [*CAPS, "harden", "-f", str(path), flag] for flag in FLAGS}
    found = in_turn({"floor": [sys.executable, "-c", FLOOR, str(path)], **commands}, before=restore)
    floor = found.pop("floor")
    for flag, figures in found.items():
        row(f"harden -f {flag}, {work}", "floor", figures.ratio(floor), 2.0, f"{figures}; floor {floor}")
    return {flag: figures.processor for flag, figures in found.items()}


def main(*counts: int) -> None:
    """Measure each size in both forms, and then the growth of the cost."""
    counts = counts or SIZES
    taken: dict[str, list[dict[str, float]]] = {"a file each": [], "all in one": []}
    for count in counts:
        with tempfile.TemporaryDirectory() as place:
            paths = (files(Path(place, "files"), count), one_file(Path(place, "all.yaml"), count))
            for (way, seconds), path in zip(taken.items(), paths, strict=True):
                seconds.append(measured(f"{count:,} manifests, {way}", path))
    for way, seconds in taken.items():
        for flag in FLAGS:
            figures = [one[flag] for one in seconds]
            sizes = ", ".join(f"{count:,}: {one:.2f} s" for count, one in zip(counts, figures, strict=True))
            row(f"harden -f {flag}, {way}: exponent", "linear growth", exponent(counts, figures), 1.05, sizes, unit="")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
