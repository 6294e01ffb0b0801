"""Which sets of capabilities a program works with, each tried as a pod of its own: without `fit` and its judgement."""

import copy
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

from test_harden_node import Place

Sets = Mapping[str, frozenset[str]]
"""By container, what is added to drop ALL."""
Probe = Callable[[str], bool]
"""Whether the pod with a name serves rightly."""

STAYS = 4.0
"""Seconds that a pod has to stay up."""
_REFUSED = re.compile(r"not permitted|denied", re.I)


class BruteForce:
    """Tries sets of one pod spec side by side; `ends` says that its containers are meant to end well."""

    def __init__(self, place: Place, name: str, spec: Mapping[str, Any], *, ends: bool = False) -> None:
        self.place, self.name, self.spec, self.ends = place, name, spec, ends

    def tried(self, sets: Sequence[Sets], probe: Probe = lambda pod: True) -> list[bool]:
        """Which of these sets work; the pods are gone afterwards."""
        names = [f"brute-{self.name}-{number}" for number in range(len(sets))]
        self.place.apply(*(self._pod(*pair) for pair in zip(names, sets, strict=True)))
        ends = dict[str, bool]()
        up = dict[str, float]()
        while len(ends) < len(names):
            time.sleep(0.5)
            for item in self.place.get("pods", "-l", f"brute={self.name}")["items"]:
                name = item["metadata"]["name"]
                if name not in ends and (end := self._end(item, up, probe)) is not None:
                    ends[name] = end
        self.place.node.kubectl(
            "delete", "pods", "-n", self.place.name, "-l", f"brute={self.name}", "--wait=false", "--grace-period=0"
        )
        return [ends[name] for name in names]

    def _end(self, item: Mapping[str, Any], up: dict[str, float], probe: Probe) -> bool | None:
        name, status = item["metadata"]["name"], item["status"]
        phase = status.get("phase")
        if phase in ("Succeeded", "Failed"):
            return self.ends and phase == "Succeeded"
        states = status.get("containerStatuses", ())
        if any("terminated" in one["state"] for one in (*states, *status.get("initContainerStatuses", ()))
               if one["state"].get("terminated", {}).get("exitCode")):  # fmt: skip
            return False
        if self.ends or not states or not all(one["ready"] for one in states):
            return None
        if time.monotonic() - up.setdefault(name, time.monotonic()) < STAYS:
            return None
        return probe(name) and not _REFUSED.search(self._logs(name))

    def _logs(self, name: str) -> str:
        return self.place.node.kubectl("logs", "-n", self.place.name, name, "--all-containers").stdout

    def _pod(self, name: str, sets: Sets) -> dict[str, Any]:
        spec = copy.deepcopy({**self.spec, "restartPolicy": "Never", "terminationGracePeriodSeconds": 0})
        for container in (*spec.get("initContainers", ()), *spec["containers"]):
            rights = {"drop": ["ALL"], "add": sorted(sets.get(container["name"], ()))}
            container["securityContext"] = {"capabilities": rights, "allowPrivilegeEscalation": False}
        return {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "labels": {"brute": self.name}},
            "spec": spec,
        }


def each_left_out(sets: Sets) -> Iterator[Sets]:
    """The sets that have one member less."""
    for container, names in sets.items():
        for name in sorted(names):
            yield {**sets, container: names - {name}}


def subsets(held: Sequence[str], size: int, container: str = "c") -> list[Sets]:
    """All sets of one container of at most so many members."""
    return [{container: frozenset(names)} for count in range(size + 1) for names in combinations(held, count)]
