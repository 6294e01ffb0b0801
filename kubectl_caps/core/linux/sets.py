"""`CapabilitySet` and `ProcessSets`: sets of capabilities, as /proc/PID/status shows them for a process."""

import re
from collections.abc import Iterable, Iterator
from functools import cache

from msgspec import Struct

from kubectl_caps.core.linux.capabilities import BY_NAME, BY_NUMBER, CAPABILITIES, canonical

_HEX = re.compile(r"(?:0[xX])?([0-9a-fA-F]{1,16})")
NUMBERED = re.compile(r"CAP_([0-9]{2})")
"""The spelling of a capability without a known name, as in runc and capsh."""

_BITS = 64


class InvalidMask(ValueError):
    """A text that is not a mask of capabilities in hexadecimal."""


class CapabilitySet(Struct, frozen=True):
    """An immutable set of capabilities. Bit n of `mask` is capability number n, which need not have a known name."""

    mask: int = 0

    @classmethod
    def from_names(cls, names: Iterable[str]) -> "CapabilitySet":
        """The set of these names, in any spelling. `ALL` means all known capabilities. Raises `UnknownCapability`."""
        mask = 0
        for name in names:
            mask |= _mask(name)
        return cls(mask)

    @classmethod
    def from_hex(cls, text: str) -> "CapabilitySet":
        """The set of a mask as in /proc (`00000000a80425fb`), with or without `0x`. Raises `InvalidMask`."""
        match = _HEX.fullmatch(text.strip())
        if not match:
            raise InvalidMask(f'invalid capability mask "{text.strip()}", must be up to 16 hexadecimal digits')
        return cls(int(match[1], 16))

    @property
    def names(self) -> tuple[str, ...]:
        """`("CAP_CHOWN", …)` in the order of numbers. A capability without a known name is `CAP_41`."""
        return _names(self.mask)

    @property
    def short_names(self) -> tuple[str, ...]:
        """`("CHOWN", …)`, in Kubernetes' spelling. A capability without a known name is `CAP_41`."""
        return _short_names(self.mask)

    @property
    def hex(self) -> str:
        """16 hexadecimal digits, as in /proc/PID/status."""
        return f"{self.mask:016x}"

    def __or__(self, other: "CapabilitySet") -> "CapabilitySet":
        return CapabilitySet(self.mask | other.mask)

    def __and__(self, other: "CapabilitySet") -> "CapabilitySet":
        return CapabilitySet(self.mask & other.mask)

    def __sub__(self, other: "CapabilitySet") -> "CapabilitySet":
        return CapabilitySet(self.mask & ~other.mask)

    def __contains__(self, capability: str | int) -> bool:
        """Whether the set has a capability, by number or by name in any spelling. Raises `UnknownCapability`."""
        wanted = 1 << capability if isinstance(capability, int) else _mask(capability)
        return self.mask & wanted == wanted

    def __iter__(self) -> Iterator[int]:
        return (number for number in range(self.mask.bit_length()) if self.mask >> number & 1)

    def __len__(self) -> int:
        return bin(self.mask).count("1")


class ProcessSets(Struct, frozen=True):
    """The five capability sets of a process, and its no_new_privs flag; None means that the flag is not known."""

    bounding: CapabilitySet = CapabilitySet()
    permitted: CapabilitySet = CapabilitySet()
    effective: CapabilitySet = CapabilitySet()
    inheritable: CapabilitySet = CapabilitySet()
    ambient: CapabilitySet = CapabilitySet()
    no_new_privs: bool | None = None


ALL_KNOWN = CapabilitySet((1 << len(CAPABILITIES)) - 1)
"""Every known capability: those of kernel 5.9. Newer kernels have no others."""


@cache
def _names(mask: int) -> tuple[str, ...]:
    return tuple(name if name.startswith("CAP_") else f"CAP_{name}" for name in _short_names(mask))


@cache
def _short_names(mask: int) -> tuple[str, ...]:
    return tuple(BY_NUMBER[number].name if number in BY_NUMBER else f"CAP_{number}" for number in CapabilitySet(mask))


def _mask(name: str) -> int:
    numbered = NUMBERED.fullmatch(name)
    if numbered and len(CAPABILITIES) <= int(numbered[1]) < _BITS:
        return 1 << int(numbered[1])
    short = canonical(name)
    return ALL_KNOWN.mask if short == "ALL" else 1 << BY_NAME[short].number
