"""What running containers used of the capabilities that they hold, in the time that they were traced."""

from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

from kubectl_caps.core.kubernetes.workloads import Workload
from kubectl_caps.core.linux.sets import CapabilitySet
from kubectl_caps.core.trace.report import CallError, CapabilityCheck, EvidenceKind


class ContainerUsage(Struct, frozen=True):
    """One container of a workload, over all of its traced pods. `held` are capabilities that it holds (short names)."""

    name: str
    held: frozenset[str]
    checks: tuple[CapabilityCheck, ...] = ()
    errors: tuple[CallError, ...] = ()

    @property
    def used(self) -> frozenset[str]:
        """The capabilities that its processes were granted."""
        return frozenset(check.capability for check in self.checks if check.granted)

    @property
    def never_used(self) -> tuple[str, ...]:
        """What it holds and was not granted once."""
        return CapabilitySet.from_names(self.held - self.used).short_names


class WorkloadUsage(Struct, frozen=True):
    """A workload that was traced for `seconds`, in so many `pods`. `gaps` say what the record misses."""

    workload: Workload
    pods: int
    seconds: float
    kind: EvidenceKind | None
    containers: tuple[ContainerUsage, ...]
    gaps: tuple[str, ...] = ()


def summed(checks: Iterable[CapabilityCheck]) -> tuple[CapabilityCheck, ...]:
    """The checks of several pods, equal ones added up, what was granted most first."""
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
    name: str, held: Iterable[str], checks: Iterable[CapabilityCheck], errors: Iterable[CallError]
) -> ContainerUsage:
    """The usage of a container, by what the records of its pods have of it."""
    named = (replace(check, container=name) for check in checks)
    return ContainerUsage(name, frozenset(held), summed(named), tuple(replace(one, container=name) for one in errors))


def key_of(pod_uid: str, container: str) -> str:
    """How a container of a pod is called in a record of several pods."""
    return f"{pod_uid}/{container}"
