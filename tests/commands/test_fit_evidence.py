"""--evidence FILE: any file is read or refused in one line, and none stops or slows the run."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from kubectl_caps.commands.fit import evidence_files
from kubectl_caps.commands.fit.evidence_files import read_evidence
from kubectl_caps.errors import InputError

PROFILE = {"kind": "ApplicationProfile"}
ANCHORS = "\n".join(f"  a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 12))
BOMB = f"""kind: ApplicationProfile
x:
  a0: &a0 [CHOWN]
{ANCHORS}
spec: {{containers: [{{name: c, capabilities: [*a11]}}]}}
"""


@pytest.mark.parametrize(
    "document",
    [
        {**PROFILE, "spec": ["x"]},
        {**PROFILE, "spec": "x"},
        {**PROFILE, "spec": {"containers": ["x", 3]}},
        {**PROFILE, "spec": {"containers": {"name": "c"}}},
        {**PROFILE, "spec": {"containers": [{"name": "c", "capabilities": 7}]}},
        {**PROFILE, "spec": {"containers": [{"name": ["c"], "capabilities": [None]}]}},
        {"capName": "CAP_CHOWN", "k8s": "x", "verdict": "deny"},
        {"capName": "CAP_CHOWN", "container": {"a": 1}},
        {"cap": 10**30},
        [[[]], None, 3, "x"],
    ],
    ids=str,
)
def test_json_of_another_shape_is_no_evidence(tmp_path: Path, document: Any) -> None:
    (file := tmp_path / "e.json").write_text(json.dumps(document))
    found = read_evidence([str(file)], ["c"])
    assert (found.likely, found.possible) == (frozenset(), frozenset())


@pytest.mark.parametrize(
    "text",
    [
        BOMB,
        "kind: ApplicationProfile\nspec: 2026-99-99",
        "kind: ApplicationProfile\nspec: " + "[" * 20_000,
        "kind: ApplicationProfile\nspec: " + "[" * 20_000 + "]" * 20_000,
        "\0\xff" * 5000,
    ],
    ids=lambda text: repr(text[:40]),
)
def test_an_unreadable_text_is_no_evidence_and_costs_no_time(tmp_path: Path, text: str) -> None:
    (file := tmp_path / "e").write_text(text, encoding="latin-1")
    began = time.process_time()
    assert not read_evidence([str(file)], ["c"]).likely
    assert time.process_time() - began < 5


def test_evidence_that_is_nested_too_deep_is_refused(tmp_path: Path) -> None:
    (file := tmp_path / "e").write_text("[" * 200_000)
    with pytest.raises(InputError, match="nested too deeply to be read"):
        read_evidence([str(file)], ["c"])


def test_a_file_that_is_too_large_or_never_ends_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evidence_files, "_LARGEST", 1 << 20)
    with pytest.raises(InputError, match="/dev/zero: larger than 1 MiB"):
        read_evidence(["/dev/zero"], ["c"])
