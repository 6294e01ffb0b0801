"""Random manifests: only what is meant differs when parsed, only its lines as text, and a second run changes nothing.

The oracle is another reader (PyYAML's own safe loader), and what hardening means said once more in a few lines.
`EXAMPLES=20000 pytest tests/manifests/test_edit_property.py` searches longer.
"""

import difflib
import io
import json
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from random import Random
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from manifest_writer import Writer

from kubectl_caps.main import main

OURS = re.compile(r"securityContext|allowPrivilegeEscalation|capabilities|drop|add|ctr-.*\{|\{.*ctr-")
ITEM = re.compile(r"""\s*-? *['"]?[A-Za-z_]+['"]?\s*(#.*)?|\s*[\]}]|\s*# c\d+;""")


def parsed(text: str) -> list[Any]:
    return [json.loads(text)] if text.startswith("{") else list(yaml.load_all(text, yaml.CSafeLoader))


def hard(obj: Any, added: list[str]) -> Any:
    """The object as hardening should leave it."""
    if isinstance(obj, list):
        return [hard(item, added) for item in obj]
    if not isinstance(obj, dict):
        return obj
    result = {key: hard(value, added) for key, value in obj.items()}
    for key in ("containers", "initContainers"):
        for container in result.get(key) or ():
            harden_container(container, added)
    return result


def harden_container(container: dict[str, Any], added: list[str]) -> None:
    context = dict(container.get("securityContext") or {})
    if context.get("privileged"):
        return
    before = context.get("capabilities") or {}
    gone = {name.upper() for name in before.get("drop") or ()} - {"ALL"}
    adds = [name for name in before.get("add") or () if name.upper() not in gone]
    adds += [name for name in added if name not in adds]
    capabilities = {**before, "drop": ["ALL"]}
    if before.get("add") or adds:
        capabilities["add"] = adds
        if not adds:
            del capabilities["add"]
    container["securityContext"] = {**context, "allowPrivilegeEscalation": False, "capabilities": capabilities}


def strange_lines(before: str, after: str) -> Iterator[str]:
    """Changed lines that have nothing to do with capabilities; a comma more at a line's end is no change."""
    old, new = ([line.removesuffix(",") for line in text.splitlines() if line.strip()] for text in (before, after))
    for line in difflib.unified_diff(old, new, n=0):
        if line[:2] not in ("--", "++", "@@") and not OURS.search(line) and not ITEM.fullmatch(line[1:]):
            yield line


def blank_lines(text: str) -> int:
    return sum(not line.strip() for line in text.splitlines())


def run(*argv: str) -> tuple[int, str]:
    said = io.StringIO()
    with redirect_stdout(io.StringIO()), redirect_stderr(said):
        return main(argv), said.getvalue()


@settings(max_examples=int(os.environ.get("EXAMPLES", "60")))
@given(st.integers(0, 2**40), st.sampled_from([[], ["CHOWN"], ["SYS_PTRACE", "KILL"]]))
def test_only_the_intended_lines_change(seed: int, added: list[str]) -> None:
    before = Writer(Random(seed)).file()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "x.yaml")
        path.write_text(before, newline="")
        argv = ["-f", str(path), *(f"--add={name}" for name in added), *(["--yes"] if added else [])]
        assert run("harden", *argv, "--write")[0] == 0, before
        after = path.read_bytes().decode()
        assert parsed(after) == hard(parsed(before), added), after
        assert list(strange_lines(before, after)) == []
        assert blank_lines(before) == blank_lines(after)
        assert set(re.findall(r"# c\d+;", before)) == set(re.findall(r"# c\d+;", after)), after
        status, said = run("harden", *argv, "--check")
        stays = re.search(r"""privileged['"]?\s*:\s*true""", after)
        assert status == (2 if "nothing to judge" in said else int(stays is not None)), after
        assert run("harden", *argv, "--write")[0] == 0
        assert path.read_bytes().decode() == after
