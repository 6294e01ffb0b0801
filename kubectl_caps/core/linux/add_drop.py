"""The rules by which runtimes read `capabilities.add` and `drop`, and the adds that have no effect."""

from collections.abc import Callable, Sequence

from msgspec import Struct

from kubectl_caps.core.linux.capabilities import BY_NAME
from kubectl_caps.core.linux.sets import CapabilitySet


class Names(Struct, frozen=True):
    """An add or drop list as a runtime reads it; the runtime does not know the `unknown_names`."""

    all: bool
    named: CapabilitySet
    unknown_names: tuple[str, ...]


AddDrop = Callable[[CapabilitySet, CapabilitySet, Names, Names], CapabilitySet]
"""From the default capabilities, the capabilities of ALL, add and drop to the set of the container."""


def drop_wins(defaults: CapabilitySet, everything: CapabilitySet, add: Names, drop: Names) -> CapabilitySet:
    """containerd and CRI-O: add ALL, drop ALL, add each, drop each (WithCapabilities, SpecSetupCapabilities)."""
    start = CapabilitySet() if drop.all else everything if add.all else defaults
    return (start | add.named) - drop.named


def add_wins(defaults: CapabilitySet, everything: CapabilitySet, add: Names, drop: Names) -> CapabilitySet:
    """Docker: add ALL beats drop ALL, and an add beats the drop of the same name (TweakCapabilities)."""
    if add.all:
        return everything - drop.named
    return add.named if drop.all else (defaults - drop.named) | add.named


def read_names(names: Sequence[str], known: CapabilitySet, *, prefix_optional: bool) -> Names:
    """Read a list as a runtime that knows the capabilities `known`. No runtime distinguishes upper and lower case."""
    everything, mask, unknown_names = False, 0, []
    for name in names:
        text = upper(name)
        capability = BY_NAME.get(text.removeprefix("CAP_") if prefix_optional else text)
        if text == "ALL":
            everything = True
        elif capability and capability.number in known:
            mask |= 1 << capability.number
        else:
            unknown_names.append(name)
    return Names(everything, CapabilitySet(mask), tuple(unknown_names))


def ineffective_adds(add: list[str], drop: list[str]) -> list[str]:
    """The adds that the same container also drops, so that neither containerd nor CRI-O grants them.

    Both runtimes compare in upper case and apply drops last. An add with `CAP_` has no effect on containerd anyway, and
    a drop of the same name without `CAP_` removes it on CRI-O.
    """
    dropped = {name.upper() for name in drop} - {"ALL"}
    return [name for name in add if {name.upper(), name.upper().removeprefix("CAP_")} & dropped]


def runtime_dependent_adds(add: list[str], drop: list[str]) -> list[str]:
    """The adds that are dropped only with a `CAP_` prefix. containerd ignores such a drop, and CRI-O applies it."""
    dropped, void = {name.upper() for name in drop}, ineffective_adds(add, drop)
    return [name for name in add if f"CAP_{name.upper()}" in dropped and name not in void]


def upper(name: str) -> str:
    """Upper case as by Go's strings.ToUpper, which maps each character to one character."""
    return "".join(large if len(large := character.upper()) == 1 else character for character in name)


def numbers_up_to_last(available: CapabilitySet) -> CapabilitySet:
    """Every capability of a kernel whose last capability is the last one in `available`."""
    return CapabilitySet((1 << available.mask.bit_length()) - 1)
