"""The dangers of a container on every runtime that it may run on, and as root if it may be root.

If the runtime is not known, the risk is the worst over all runtimes. If a crafted image can evade runAsNonRoot
(`Request.may_evade`), the risk is that of root.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from kubectl_caps.core.assess.accepted import Accepted
from kubectl_caps.core.assess.risk import dangers
from kubectl_caps.core.kubernetes.container import Container
from kubectl_caps.core.kubernetes.pod import PodSpec
from kubectl_caps.core.linux.capabilities import WORST_FIRST, Risk, worst
from kubectl_caps.core.linux.prediction import ContainerRequest, predict
from kubectl_caps.core.linux.runtimes import Runtime, possible
from kubectl_caps.core.linux.sets import CapabilitySet, ProcessSets


class Case(Struct, frozen=True):
    """The request and the capability sets that a container may have.

    `runtimes` are the runtimes of this case. They are empty if the case is that of the printed prediction.
    """

    request: ContainerRequest
    sets: ProcessSets
    runtimes: tuple[str, ...] = ()


class Danger(Struct, frozen=True):
    """A capability or a shared part of the node, its risk, and the runtimes as in `Case`."""

    risk: Risk
    runtimes: tuple[str, ...] = ()

    def words(self, name: str) -> str:
        """`SYS_ADMIN`, or `SYS_ADMIN on cri-o and docker`."""
        return f"{name} on {' and '.join(self.runtimes)}" if self.runtimes else name


def cases(
    request: ContainerRequest,
    places: Iterable[tuple[Runtime, CapabilitySet | None]],
    observed: Iterable[ProcessSets] = (),
) -> list[Case]:
    """Every case of a container. A place is a runtime and the capabilities that ALL stands for on its node."""
    found: dict[tuple[ContainerRequest, ProcessSets], tuple[str, ...]] = {}
    seen = request
    for shown, node_all in places:
        for runtime in possible(shown):
            asked = replace(request, non_root=False) if request.may_evade(runtime) else request
            seen = asked if request.may_evade(runtime) else seen
            sets = predict(runtime, asked, node_all).sets
            _add(found, (asked, sets), () if runtime.name == shown.name else (runtime.name,))
    for sets in observed:
        found[seen, sets] = ()
    return [Case(request, sets, runtimes) for (request, sets), runtimes in found.items()]


def dangers_in(cases: Sequence[Case], container: Container, spec: PodSpec, allowed: Accepted) -> dict[str, Danger]:
    """The dangers of a container in all cases, each with its worst risk, without the accepted findings."""
    found: dict[tuple[str, Risk], tuple[str, ...]] = {}
    for case in cases:
        for name, risk in dangers(case.request, case.sets, container, spec, allowed):
            _add(found, (name, risk), case.runtimes)
    result: dict[str, Danger] = {}
    for (name, risk), runtimes in sorted(found.items(), key=lambda item: WORST_FIRST.index(item[0][1]), reverse=True):
        result[name] = Danger(risk, runtimes)
    return {name: result[name] for name in dict.fromkeys(name for name, _ in found)}


def risk_in(found: dict[str, Danger]) -> Danger:
    """The worst risk of some dangers, and the runtimes on which the risk is that bad."""
    risk = worst("none", *(danger.risk for danger in found.values()))
    decisive = [danger.runtimes for danger in found.values() if danger.risk == risk]
    return Danger(risk, tuple(_distinct(decisive)) if all(decisive) else ())


def _add(found: dict[tuple[Any, Any], tuple[str, ...]], key: tuple[Any, Any], runtimes: tuple[str, ...]) -> None:
    """Add runtimes to an entry. If the printed prediction has the danger too (no runtimes), the entry names none."""
    before = found.get(key, runtimes)
    found[key] = tuple(_distinct([before, runtimes])) if before and runtimes else ()


def _distinct(groups: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield from dict.fromkeys(name for group in groups for name in group)
