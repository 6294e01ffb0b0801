"""The capabilities that a change of its security context gives a container, on each runtime."""

from collections.abc import Mapping, Sequence
from functools import lru_cache

from msgspec import Struct

from kubectl_caps.core.assess.assess import request_of
from kubectl_caps.core.assess.risk import dangers, shares_nothing
from kubectl_caps.core.kubernetes.container import Container
from kubectl_caps.core.kubernetes.pod import PodSpec
from kubectl_caps.core.linux.capabilities import BY_NUMBER, Risk, worst
from kubectl_caps.core.linux.prediction import ContainerRequest, predict
from kubectl_caps.core.linux.runtimes import Runtime, possible, runtime_of
from kubectl_caps.core.linux.sets import ProcessSets
from kubectl_caps.core.warnings.images import file_capabilities

UNTOLD = runtime_of(None)
"""The runtime that is assumed if nothing names the runtime."""


class Side(Struct, frozen=True):
    """A container in its pod, before or after a change."""

    container: Container
    spec: PodSpec

    def on(self, runtime: Runtime) -> ProcessSets:
        """The prediction on a runtime."""
        return predict(runtime, request_of(self.container, self.spec)).sets


class Gain(Struct, frozen=True):
    """A capability that a container does not hold today and would hold after the change, its risk, and the runtimes.

    `expected` is true if one of these runtimes is on a node or is the assumed runtime.
    """

    container: str
    capability: str
    risk: Risk
    runtimes: tuple[str, ...]
    expected: bool


def capability_risks(side: Side) -> Mapping[str, Risk]:
    """The risk of each capability that a container can come to hold on any runtime, by canonical name."""
    request = request_of(side.container, side.spec)
    if shares_nothing(side.container, side.spec):
        return _risks_alone(request)
    return _risks(request, side)


@lru_cache(1_000)
def _risks_alone(request: ContainerRequest) -> Mapping[str, Risk]:
    """The risks of every container with this request that shares nothing with its node."""
    return _risks(request, Side(Container(), PodSpec()))


def _risks(request: ContainerRequest, side: Side) -> dict[str, Risk]:
    found: dict[str, Risk] = {}
    for runtime in possible(UNTOLD):
        for name, risk in dangers(request, predict(runtime, request).sets, side.container, side.spec):
            found[name] = worst(risk, found.get(name, "none"))
    return found


def gained_capabilities(before: Side, after: Side, there: Sequence[Runtime]) -> list[Gain]:
    """The capabilities that a change adds to a container's effective or bounding set.

    `there` are the runtimes of the container's nodes, or the assumed runtime.
    """
    new: dict[int, list[Runtime]] = {}
    today, wanted = (request_of(side.container, side.spec) for side in (before, after))
    for runtime in dict.fromkeys([*there, *possible(UNTOLD)]):
        now, then = predict(runtime, today).sets, predict(runtime, wanted).sets
        for number in (then.effective - now.effective) | (then.bounding - now.bounding):
            new.setdefault(number, []).append(runtime)
    known = capability_risks(after) if new else {}
    return [
        Gain(
            container=after.container.name,
            capability=BY_NUMBER[number].name,
            risk=known.get(BY_NUMBER[number].name, BY_NUMBER[number].risk),
            runtimes=tuple(dict.fromkeys(runtime.name for runtime in where)),
            expected=any(runtime in there for runtime in where),
        )
        for number, where in sorted(new.items())
    ]


def gain_words(found: Sequence[Gain]) -> str:
    """`gains SYS_ADMIN (critical risk), which it does not hold today`, with the runtimes if none is expected."""
    names = with_risks([gain.capability for gain in found], {gain.capability: gain.risk for gain in found})
    runtimes = dict.fromkeys(name for gain in found if not gain.expected for name in gain.runtimes)
    where = f" on {' or '.join(runtimes)}" if runtimes else ""
    return f"gains {names}, which it does not hold today{where}"


def with_risks(names: Sequence[str], found: Mapping[str, Risk]) -> str:
    """`NET_ADMIN (high risk), CHOWN (low risk)`. A name that no runtime grants has no risk."""
    known = [found.get(name.upper().removeprefix("CAP_")) for name in names]
    return ", ".join(f"{name} ({risk} risk)" if risk else name for name, risk in zip(names, known, strict=True))


def file_capabilities_unmet(side: Side) -> list[str]:
    """The file capabilities of a known image that its container does not get on every runtime."""
    needed, runtimes = file_capabilities(side.container.image), possible(UNTOLD)
    return [name for name in needed if any(name not in side.on(runtime).bounding for runtime in runtimes)]
