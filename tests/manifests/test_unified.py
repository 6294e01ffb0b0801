"""The diff of known edits: what `patch` makes of it, how it compares with difflib's, what it costs."""

import difflib
import subprocess
import tempfile
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from manifest_writer import Writer

from kubectl_caps.core.harden.plan import HardenOptions, harden
from kubectl_caps.core.kubernetes.kinds import kind_of
from kubectl_caps.core.kubernetes.workloads import read_workloads
from kubectl_caps.manifests.edit.edit import Edit, Edited, edited
from kubectl_caps.manifests.edit.lines import Splice
from kubectl_caps.manifests.edit.unified import unified
from kubectl_caps.manifests.edit.write import diff
from kubectl_caps.manifests.read.objects import ManifestObject, objects
from kubectl_caps.manifests.read.text import SourceFile

CASES = sorted((Path(__file__).parents[1] / "cases").glob("*.before.*"))


def hardened(name: str, text: str) -> tuple[SourceFile, Edited]:
    """A file and its hardening, whatever could be edited of it."""
    file, edits = SourceFile(name, text), []
    for document in objects(file, ""):
        if isinstance(document, ManifestObject) and (
            kind := kind_of(document.object["apiVersion"], document.object["kind"])
        ):
            obj = document.object
            edits.append(Edit(document, harden(obj, tuple(read_workloads(kind, obj, {})), HardenOptions()).patch))
    return file, edited(file, edits)


def searched(name: str, old: str, new: str) -> list[str]:
    """The diff as difflib finds it."""
    sides = [[f"{line}\n" for line in text.split("\n")] for text in (old, new)]
    for lines in sides:
        last = lines.pop().removesuffix("\n")
        lines += [last] if last else []
    found = difflib.unified_diff(sides[0], sides[1], f"a/{name}", f"b/{name}")
    return [line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in found]


def patched(old: str, lines: list[str]) -> str:
    """What patch(1) makes of a text."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "x.yaml")
        path.write_bytes(old.encode())
        command = ["patch", "-s", "-p1", "--binary", "--fuzz=0", "-d", folder]
        subprocess.run(command, input="".join(lines).encode(), check=True)
        return path.read_bytes().decode()


@settings(max_examples=100)
@given(st.integers(0, 2**40), st.booleans())
def test_patch_makes_the_new_text_of_the_old_one(seed: int, ends: bool) -> None:
    text = Writer(Random(seed)).file()
    file, made = hardened("x.yaml", text if ends else text.rstrip("\r\n"))
    lines = list(diff(file, made))
    assert bool(lines) == (made.text != file.text)
    assert not lines or patched(file.text, lines) == made.text


TEXT = st.lists(st.sampled_from(["a\n", "b\n", "c\r\n", "\n"]), min_size=1, max_size=12).map("".join)


@settings(max_examples=300)
@given(TEXT, st.data())
def test_any_splices_are_a_valid_diff(text: str, data: st.DataObject) -> None:
    places = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6, unique=True)))
    pieces = zip(places[::2], places[1::2], strict=False)
    found = [Splice(start, end, data.draw(st.sampled_from(["", "x", "x\n", "y\nz\n"]))) for start, end in pieces]
    new = text
    for splice in reversed(found):
        new = new[: splice.start] + splice.text + new[splice.end :]
    if not new.endswith("\n"):
        return  # edits of manifests keep the last line end
    lines = list(unified(text, found, ("a/x.yaml", "b/x.yaml")))
    assert not lines or patched(text, lines) == new
    assert bool(lines) == (text != new)


@pytest.mark.parametrize("end", [True, False], ids=["last line end", "none"])
@pytest.mark.parametrize("case", CASES, ids=lambda path: path.name.partition(".")[0])
def test_the_diff_equals_the_one_that_difflib_finds(case: Path, end: bool) -> None:
    text = case.read_text() if end else case.read_text().rstrip("\n")
    file, made = hardened("x.yaml", text)
    assert list(diff(file, made)) == searched("x.yaml", file.text, made.text)


def test_four_times_the_objects_take_four_times_the_comparisons(monkeypatch: pytest.MonkeyPatch) -> None:
    """The lines that are compared are counted: a searched diff compares lines of different objects."""
    compared = 0
    real = difflib.SequenceMatcher

    def counting(junk: None, old: list[str], new: list[str]) -> difflib.SequenceMatcher[str]:
        nonlocal compared
        compared += len(old) * len(new)
        return real(junk, old, new)

    monkeypatch.setattr(difflib, "SequenceMatcher", counting)
    pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n  - name: c\n    securityContext:\n"
    pod += "      capabilities:\n        drop: [KILL]\n---\n"
    costs = []
    for count in (20, 80):
        compared = 0
        assert len(list(diff(*hardened("x.yaml", pod * count)))) > count
        costs.append(compared)
    assert 0 < costs[1] <= costs[0] * 4
