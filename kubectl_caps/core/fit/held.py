"""Finds the capabilities that the containers of a workload hold today. A trial may add only these."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from kubectl_caps.core.assess.assess import request_of
from kubectl_caps.core.assess.processes import Observation
from kubectl_caps.core.diagnosis.attribution import Loss
from kubectl_caps.core.fit.search_types import Grant, Grants
from kubectl_caps.core.kubernetes.container import Container
from kubectl_caps.core.kubernetes.pod import PodSpec, members
from kubectl_caps.core.linux.prediction import predict
from kubectl_caps.core.linux.runtimes import Runtime
from kubectl_caps.core.linux.sets import CapabilitySet


def varied_containers(spec: PodSpec, chosen: Sequence[str]) -> list[str]:
    """The names of the containers whose capabilities are searched: the `chosen` ones, or all but ephemeral ones."""
    names = [member.container.name for member in members(spec) if member.role != "ephemeral"]
    return [name for name in names if not chosen or name in chosen]


def held_today(spec: PodSpec, containers: Sequence[str], runtime: Runtime, seen: Mapping[str, CapabilitySet]) -> Grants:
    """The bounding sets of these containers: as `seen` in /proc, or else as the runtime sets them."""
    found: set[Grant] = set()
    for name, container in _containers(spec, containers):
        bounding = seen.get(name) or predict(runtime, request_of(container, spec)).sets.bounding
        found |= {(name, capability) for capability in bounding.short_names if not capability.startswith("CAP_")}
    return frozenset(found)


def needs_to_be_seen(spec: PodSpec, containers: Sequence[str]) -> list[str]:
    """The containers that are privileged or add ALL. Only /proc shows their capabilities, which depend on the node."""
    return [
        name
        for name, container in _containers(spec, containers)
        if container.security.privileged or "ALL" in {add.upper() for add in container.capabilities.add or ()}
    ]


def main_user(seen: Iterable[Observation]) -> int | None:
    """The most frequent user id of the processes that do not run as root; None if all run as root."""
    users = Counter(process.uid for item in seen for process in item.processes if process.uid)
    return next((user for user, _ in users.most_common(1)), None)


def losses_of(held: Grants, adds: Grants, containers: Sequence[str]) -> dict[str, Loss]:
    """By container: the capabilities that a trial takes away, and the capabilities that it leaves."""
    return {
        name: Loss(
            frozenset(capability for where, capability in held - adds if where == name),
            frozenset(capability for where, capability in adds if where == name),
        )
        for name in containers
    }


def _containers(spec: PodSpec, names: Sequence[str]) -> Iterator[tuple[str, Container]]:
    for member in members(spec):
        if member.container.name in names:
            yield member.container.name, member.container
