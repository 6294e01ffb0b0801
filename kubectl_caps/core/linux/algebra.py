"""The algebra of `capabilities.add` and `capabilities.drop`: how names are read, and which list wins."""

from collections.abc import Callable, Sequence

from msgspec import Struct

from kubectl_caps.core.linux.capabilities import BY_NAME
from kubectl_caps.core.linux.sets import CapabilitySet


class Names(Struct, frozen=True):
    """An add or drop list as a runtime reads it; `strangers` are the names that it does not know, as declared."""

    all: bool
    named: CapabilitySet
    strangers: tuple[str, ...]


Algebra = Callable[[CapabilitySet, CapabilitySet, Names, Names], CapabilitySet]
"""From the defaults, what ALL is, add and drop to the set of the container."""


def drop_wins(defaults: CapabilitySet, everything: CapabilitySet, add: Names, drop: Names) -> CapabilitySet:
    """containerd and CRI-O: add ALL, drop ALL, add each, drop each (WithCapabilities, SpecSetupCapabilities)."""
    start = CapabilitySet() if drop.all else everything if add.all else defaults
    return (start | add.named) - drop.named


def add_wins(defaults: CapabilitySet, everything: CapabilitySet, add: Names, drop: Names) -> CapabilitySet:
    """Docker: add ALL beats drop ALL, and an add beats the drop of the same name (TweakCapabilities)."""
    if add.all:
        return everything - drop.named
    return add.named if drop.all else (defaults - drop.named) | add.named


def read(names: Sequence[str], known: CapabilitySet, *, prefix_optional: bool) -> Names:
    """Read a list as a runtime does that knows the capabilities `known`. Case never matters to any of them."""
    everything, mask, strangers = False, 0, []
    for name in names:
        text = upper(name)
        capability = BY_NAME.get(text.removeprefix("CAP_") if prefix_optional else text)
        if text == "ALL":
            everything = True
        elif capability and capability.number in known:
            mask |= 1 << capability.number
        else:
            strangers.append(name)
    return Names(everything, CapabilitySet(mask), tuple(strangers))


def upper(name: str) -> str:
    """Upper case as Go's strings.ToUpper has it: each character stays one."""
    return "".join(large if len(large := character.upper()) == 1 else character for character in name)


def numbers_up_to_last(available: CapabilitySet) -> CapabilitySet:
    """Every capability that a kernel has whose last one is the last of `available`."""
    return CapabilitySet((1 << available.mask.bit_length()) - 1)
