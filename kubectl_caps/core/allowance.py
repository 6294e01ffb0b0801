"""What somebody has accepted of a container or a pod, as the judgments see it."""

from msgspec import Struct

from kubectl_caps.core.linux.capabilities import UnknownCapability, canonical
from kubectl_caps.core.linux.sets import CapabilitySet

PRIVILEGED = "privileged"
"""Among capabilities: that the container is privileged, and with it every capability."""

_EVERY = CapabilitySet((1 << 64) - 1)


class Allowance(Struct, frozen=True):
    """What does not count: capabilities by canonical name, `ALL` or `privileged`, and Pod Security checks by id."""

    capabilities: frozenset[str] = frozenset()
    checks: frozenset[str] = frozenset()

    @property
    def privileged(self) -> bool:
        """Whether it may be privileged, and hold everything."""
        return PRIVILEGED in self.capabilities

    @property
    def numbers(self) -> CapabilitySet:
        """The capabilities that do not count."""
        if self.capabilities & {PRIVILEGED, "ALL"}:
            return _EVERY
        return CapabilitySet.from_names(self.capabilities)

    def covers(self, name: str) -> bool:
        """Whether a declared add does not count, however it is spelled."""
        if self.capabilities & {PRIVILEGED, "ALL"}:
            return True
        try:
            return canonical(name) in self.capabilities
        except UnknownCapability:
            return False


NOTHING = Allowance()
