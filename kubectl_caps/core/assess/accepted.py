"""`Accepted`: the capabilities and checks that exemptions accept for a container or a pod."""

from msgspec import Struct

from kubectl_caps.core.linux.capabilities import UnknownCapability, canonical
from kubectl_caps.core.linux.sets import CapabilitySet

PRIVILEGED = "privileged"
"""The name, in a list of capabilities, that stands for `privileged: true` and so for every capability."""

_EVERY = CapabilitySet((1 << 64) - 1)


class Accepted(Struct, frozen=True):
    """Findings that do not count: capabilities by canonical name, `ALL` or `privileged`; Pod Security checks by id."""

    capabilities: frozenset[str] = frozenset()
    checks: frozenset[str] = frozenset()

    @property
    def privileged(self) -> bool:
        """Whether the container may be privileged. A privileged container holds every capability."""
        return PRIVILEGED in self.capabilities

    @property
    def numbers(self) -> CapabilitySet:
        """The capabilities that do not count."""
        if self.capabilities & {PRIVILEGED, "ALL"}:
            return _EVERY
        return CapabilitySet.from_names(self.capabilities)

    def covers(self, name: str) -> bool:
        """Whether a declared add does not count. The spelling of the name does not matter."""
        if self.capabilities & {PRIVILEGED, "ALL"}:
            return True
        try:
            return canonical(name) in self.capabilities
        except UnknownCapability:
            return False


NOTHING = Accepted()
