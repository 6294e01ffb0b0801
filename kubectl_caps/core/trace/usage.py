"""Sums up the capabilities that running containers hold, and those that they used while they were traced."""

from collections import Counter
from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

from kubectl_caps.core.kubernetes.workloads import Workload
from kubectl_caps.core.linux.sets import CapabilitySet
from kubectl_caps.core.trace.privileged_use import PrivilegedUse, used_besides
from kubectl_caps.core.trace.report import CallError, CapabilityCheck, EvidenceKind, MadeCall


class ContainerUsage(Struct, frozen=True):
    """The usage of one container of a workload, in all its traced pods. `held` are short names of capabilities.

    `besides` are the calls that a profile RuntimeDefault refuses.
    """

    name: str
    held: frozenset[str]
    checks: tuple[CapabilityCheck, ...] = ()
    errors: tuple[CallError, ...] = ()
    besides: tuple[PrivilegedUse, ...] = ()

    @property
    def used(self) -> frozenset[str]:
        """The capabilities that the kernel granted to the container's processes."""
        return frozenset(check.capability for check in self.checks if check.granted)

    @property
    def never_used(self) -> tuple[str, ...]:
        """The capabilities that the container holds and that the kernel never granted."""
        return CapabilitySet.from_names(self.held - self.used).short_names


class WorkloadUsage(Struct, frozen=True):
    """The usage of a workload, traced for `seconds` in so many `pods`. `gaps` say why the record is incomplete."""

    workload: Workload
    pods: int
    seconds: float
    kind: EvidenceKind | None
    containers: tuple[ContainerUsage, ...]
    gaps: tuple[str, ...] = ()


def summed(checks: Iterable[CapabilityCheck]) -> tuple[CapabilityCheck, ...]:
    """The checks of several pods with the counts of equal checks added up, the most granted checks first."""
    found = dict[CapabilityCheck, CapabilityCheck]()
    for check in checks:
        key = replace(check, granted=0, refused=0, failed=0)
        other = found.get(key, key)
        found[key] = replace(
            key,
            granted=other.granted + check.granted,
            refused=other.refused + check.refused,
            failed=other.failed + check.failed,
        )
    return tuple(sorted(found.values(), key=lambda one: (-one.granted, -one.refused, one.capability, one.process)))


def container_usage(
    name: str,
    held: Iterable[str],
    checks: Iterable[CapabilityCheck],
    errors: Iterable[CallError],
    made: Iterable[MadeCall] = (),
) -> ContainerUsage:
    """The usage of a container, from the checks and errors of all its pods. `held` are short names."""
    named = (replace(check, container=name) for check in checks)
    counts = Counter[MadeCall]()
    for call in made:
        counts[replace(call, container=name, count=0)] += call.count
    calls = [replace(call, count=count) for call, count in counts.items()]
    has = frozenset(held)
    own_errors = tuple(replace(one, container=name) for one in errors)
    besides = tuple(used_besides(calls, {(name, capability) for capability in has}))
    return ContainerUsage(name, has, summed(named), own_errors, besides)


def key_of(pod_uid: str, container: str) -> str:
    """The name of a pod's container in a record of several pods."""
    return f"{pod_uid}/{container}"
