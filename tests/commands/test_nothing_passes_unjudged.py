"""A gate over a folder of any shape passes only where every complete object in it was judged.

EXAMPLES sets how many trees are tried.
"""

import io
import json
import os
import tempfile
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tree_writer import Tree

from kubectl_caps.main import main

FAULTS = (0, 0, 0.02, 0.1)


def inspected(tree: Tree, *flags: str) -> tuple[int, set[str], str]:
    """The exit status of a gate over a tree, the names of the objects that it judged, and what it said."""
    out, said = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(said):
        status = main(["inspect", "-f", str(tree.root), "-o", "json", *flags])
    return status, {item["name"] for item in json.loads(out.getvalue())["items"]}, said.getvalue()


@settings(max_examples=int(os.environ.get("EXAMPLES", "100")), deadline=None)
@given(st.integers(0, 2**40), st.sampled_from(FAULTS))
def test_a_gate_passes_only_where_every_complete_object_was_judged(seed: int, faults: float) -> None:
    with tempfile.TemporaryDirectory() as folder:
        tree = Tree(Path(folder, "tree"), Random(seed), faults)
        status, judged, said = inspected(tree, "-R", "--fail-on", "high")
    assert status in (0, 1, 2), said
    assert judged <= tree.complete, said
    if status == 0:
        assert judged == tree.complete, said
        assert judged, said
        assert not tree.bad, said
    if status < 2:
        assert judged == tree.complete, said
    if not faults and tree.complete:
        assert status == 0, said


@pytest.mark.parametrize("faults", sorted(set(FAULTS)))
def test_the_random_trees_give_every_exit_status(faults: float, tmp_path: Path) -> None:
    """Without this the property above could hold because no gate ever passes, or because none ever fails."""
    found = set()
    for seed in range(40):
        tree = Tree(tmp_path / str(seed), Random(seed), faults)
        found.add(inspected(tree, "-R", "--fail-on", "high")[0])
    assert found >= ({0, 2} if faults else {0})
