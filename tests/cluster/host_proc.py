"""The processes of containers as this machine sees them: no exec, no shell, every thread."""

import re
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from kubectl_caps.core.linux.sets import CapabilitySet, ProcessSets

_FIELDS = {
    "bounding": "CapBnd",
    "permitted": "CapPrm",
    "effective": "CapEff",
    "inheritable": "CapInh",
    "ambient": "CapAmb",
}


def threads(containers: Mapping[str, str]) -> Iterator[tuple[str, ProcessSets]]:
    """The name and the sets of every thread of this machine that is in one of these containers (id -> name)."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            group = (folder / "cgroup").read_text()
            mine = next((found for found in re.findall(r"[0-9a-f]{64}", group) if found in containers), None)
            for task in (folder / "task").iterdir() if mine else ():
                status = (task / "status").read_text()
                if not status.startswith("Name:\trunc:["):  # runc itself, about to become the program
                    yield containers[mine or ""], sets_of(status)
        except (FileNotFoundError, ProcessLookupError):
            continue


def await_threads(container: str) -> list[ProcessSets]:
    """The sets of the threads of a container that was just started."""
    deadline = time.monotonic() + 20
    while not (found := [sets for _, sets in threads({container: ""})]):
        assert time.monotonic() < deadline, f"container {container} has no process"
        time.sleep(0.05)
    return found


def own() -> ProcessSets:
    """The sets of this process: containerd of the node tier is a child of it, and has the same."""
    return sets_of(Path("/proc/self/status").read_text())


def sets_of(text: str) -> ProcessSets:
    """The sets that a /proc/PID/status shows."""
    status = {name: value.strip() for name, _, value in (line.partition(":") for line in text.splitlines())}
    sets = {name: CapabilitySet.from_hex(status[field]) for name, field in _FIELDS.items()}
    return ProcessSets(**sets, no_new_privs=status["NoNewPrivs"] == "1")
