"""What is fuzzed: for each target the texts that it begins with, and what has to hold of any text."""

import contextlib
import io
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from kubectl_caps.commands.shared.files import find_workloads
from kubectl_caps.core.assess.processes import Ambiguous, ProcessScope, decode, last_pid
from kubectl_caps.core.diagnosis.diagnose import diagnose
from kubectl_caps.core.diagnosis.line_cause import Evidence
from kubectl_caps.core.explain.log import Reading
from kubectl_caps.main import main
from kubectl_caps.manifests.read.objects import ManifestObject, objects
from kubectl_caps.manifests.read.positions import Positions
from kubectl_caps.manifests.read.text import SourceFile
from kubectl_caps.report.terminal import escaped

TESTS = Path(__file__).parents[1]
_SETS = "".join(f"{name}:\t00000000a80425fb\n" for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"))
_STATUS = f"0::/\nName:\tsh\nTgid:\t1\nPid:\t1\nPPid:\t0\nUid:\t0\t0\t0\t0\n{_SETS}NoNewPrivs:\t0\nSeccomp:\t2\n"


@dataclass(frozen=True)
class Target:
    """`check` raises whatever is wrong; `source` is the part of the program whose branches are counted."""

    check: Callable[[str], None]
    seeds: Callable[[], list[str]]
    words: tuple[str, ...]
    source: tuple[str, ...]


def _manifests() -> list[str]:
    return [path.read_text(errors="replace") for path in sorted((TESTS / "cases").glob("*.*")) if "before" in path.name]


def _logs() -> list[str]:
    lines = (TESTS / "core/diagnosis/real_lines.jsonl").read_text().splitlines()
    return ["\n".join(json.loads(line)["lines"]) for line in lines[::6]]


def _read(text: str) -> None:
    """Every document is an object or one of our own errors, and every object has a place."""
    file = SourceFile("x.yaml", text)
    found = [item for item in objects(file, "x") if isinstance(item, ManifestObject)]
    positions = Positions(file)
    for one in found:
        positions.of(one, ("spec", "containers", 0, "securityContext"))
    with contextlib.redirect_stderr(io.StringIO()):
        find_workloads(found, None)


def _edit(text: str) -> None:
    """Whatever is written is written once: what was edited is not edited again, and what was not is as before."""
    data = text.encode("utf-8", "surrogatepass")
    with tempfile.TemporaryDirectory(dir=_memory()) as folder:
        path = Path(folder, "x.yaml")
        path.write_bytes(data)
        status = _quiet("harden", "-f", str(path), "--write")
        once = path.read_bytes()
        assert status in (0, 1, 2)
        again = _quiet("harden", "-f", str(path), "--write")
        assert (again, path.read_bytes()) == (status, once)


def _memory() -> str | None:
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def _quiet(*argv: str) -> int:
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()) as said:
        status = main(argv)
    assert "this is a bug" not in said.getvalue(), said.getvalue()
    return status


def _processes(text: str) -> None:
    """Every process that is read has sets that can be printed, and what is no /proc is said to be none."""
    for scope in (ProcessScope(), ProcessScope("3f2a"), ProcessScope("3f2a", shared=True, foreign=True)):
        with contextlib.suppress(Ambiguous):
            read = decode([text], scope)
            for process in read.processes if read else ():
                assert min(process.pid, process.tid) > 0
    last_pid(text)


def _log(text: str) -> None:
    """Every cause is a line of the log, and what is printed of a line has no control character."""
    lines = text.splitlines()
    reading = Reading()
    for line in lines:
        for cause in diagnose([Evidence("log", line)]):
            assert escaped(str(cause)).isprintable()
        reading.read(line)
    for explanation in reading.explanations():
        assert 0 < explanation.lines[0] <= len(lines)
    diagnose([Evidence("log", line) for line in lines] + [Evidence("event", line) for line in lines])


_YAML = (
    "---\n", "- ", ": ", "&a ", "*a", "!!str ", "<<: *a\n", "{", "}", "[", "]", "\t", "\r\n", "# c\n", "|\n", ">-\n",
    '"', "'",
    "kind: List\nitems:\n", "securityContext:", "capabilities:", "drop: [ALL]", "add:", "containers:", "\ufeff",
    "\u2028",
    "privileged: true", "? ", "null", "~", "%YAML 1.1\n", "...\n", "\x00", "\\ud800", "1e999", "0x1F", "spec:", "  ",
)  # fmt: skip
_PROC = (
    "Name:\t",
    "Pid:\t",
    "CapEff:\t",
    "ffffffffffffffff",
    "0::/",
    "\n",
    "\t",
    "-1",
    "Uid:\t",
    "\x00",
    "\u0661",
    " ",
)
_LOG = (
    "Operation not permitted", "permission denied", "EPERM", '{"msg":"', "Traceback (most recent call last):\n",
    "    at ",
    "bind() to 0.0.0.0:80 failed", "(13: ", "setuid(0)", "= -1 EPERM (", "errno=1", "\x1b[31m", "%", "\\", '"', "chown",
)  # fmt: skip

TARGETS: Mapping[str, Target] = {
    "reader": Target(_read, _manifests, _YAML, ("manifests/read",)),
    "editor": Target(_edit, _manifests, _YAML, ("manifests/edit",)),
    "processes": Target(_processes, lambda: [_STATUS, _STATUS * 2], _PROC, ("core/assess/processes.py",)),
    "log": Target(_log, _logs, _LOG, ("core/diagnosis", "core/explain/log.py")),
}


def stored(name: str, kind: str) -> Iterator[str]:
    """The texts of a target that are kept in this folder: `corpus`, what reaches more; `findings`, what once broke."""
    path = Path(__file__).parent / kind / f"{name}.jsonl"
    if path.exists():
        for line in path.read_text().splitlines():
            yield json.loads(line)
