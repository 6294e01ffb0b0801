"""Compares `inspect -A` with `kubectl get pods -A` on an API server with 5,000 and with 50,000 pods, without nodes.

    PYTHONPATH=tests/cluster .venv/bin/python benchmarks/inspect_list.py [PODS...]

The pods come from 300 templates, as in a cluster; from as many templates as pods, which differ in their images; and in
the worst case all pods differ, with containers of other names in each. Each size gets a new API server.
"""

import multiprocessing
import os
import sys
from collections.abc import Sequence
from functools import partial

from pairs import CAPS, Figures, Measure, in_turn, not_run, row
from pods import TEMPLATES, fill
from testbed.cluster import Cluster
from testbed.needs import kubectl
from testbed.serve import running

FEW, MANY = 5_000, 50_000
KINDS = {"300 templates": (FEW, MANY), "as many images": (FEW,), "all different": (FEW, MANY)}
"""The sorts of templates, and the numbers of pods that are measured of each."""
OURS = {
    "inspect -A": [*CAPS, "inspect", "-A"],
    "inspect -A -o json": [*CAPS, "inspect", "-A", "-o", "json"],
}
THEIRS = {"-o json": [kubectl(), "get", "pods", "-A", "-o", "json"], "table": [kubectl(), "get", "pods", "-A"]}


MEGABYTES = 0.25
"""Memory that `kubectl get pods -o json` takes for a pod."""


def theirs(pods: int) -> dict[str, Sequence[str]]:
    """kubectl's commands. The command for JSON is left out if the machine has not enough memory."""
    free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e6
    return {name: command for name, command in THEIRS.items() if name == "table" or pods * MEGABYTES < free}


def measured(pods: int, kind: str) -> dict[str, Figures]:
    """The figures on a new API server."""
    templates, names = TEMPLATES if kind == "300 templates" else pods, {"other_names": kind == "all different"}
    with running("api") as place:
        # In another process: a command's highest resident size counts from its fork, with the memory of its parent.
        work = partial(fill, Cluster(place), pods, templates, **names)
        filling = multiprocessing.get_context("fork").Process(target=work)
        filling.start()
        filling.join()
        if filling.exitcode:
            raise SystemExit(filling.exitcode)
        runs = None if pods <= FEW else 2
        return in_turn(OURS | theirs(pods), runs, {"KUBECONFIG": str(place.kubeconfig)})


def print_rows(what: str, found: dict[str, Figures]) -> None:
    """A row for each output and bound."""
    for name in OURS:
        ours = found[name]
        bounds: tuple[tuple[str, Measure, str, float], ...] = (
            ("time", "processor", "-o json", 1 / 8),
            ("memory", "megabytes", "-o json", 1 / 8),
            ("time", "processor", "table", 1 / 2),
        )
        for called, measure, against, bound in bounds:
            work, other = f"{name}, {what}: {called}", f"kubectl get pods -A, {against}"
            if against not in found:
                not_run(work, other, f"kubectl takes more memory than this machine has free; ours {ours}")
                continue
            row(work, other, ours.ratio(found[against], measure), bound, f"ours {ours}; kubectl {found[against]}")


def main(*sizes: int) -> None:
    """Measure every size with each kind of templates."""
    for kind, counts in KINDS.items():
        memory: dict[str, list[float]] = {name: [] for name in OURS}
        for pods in sizes or counts:
            found = measured(pods, kind)
            print_rows(f"{pods:,} pods, {kind}", found)
            for name, megabytes in memory.items():
                megabytes.append(found[name].megabytes)
        for name, found_memory in memory.items():
            few, many = found_memory[0], found_memory[-1]
            work = f"{name}, {kind}: memory at {(sizes or counts)[-1]:,} pods"
            if len(found_memory) > 1:
                row(work, f"{(sizes or counts)[0]:,}", many / few, 1.5, f"{many:.0f} MB and {few:.0f} MB")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
