"""A set of capabilities is a mask with names; the oracle is a frozenset of numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubectl_caps.core.linux.capabilities import UnknownCapability
from kubectl_caps.core.linux.sets import ALL_KNOWN, CapabilitySet, InvalidMask, ProcessSets

NUMBERS = st.frozensets(st.integers(0, 63))

NINE = "CHOWN DAC_OVERRIDE FOWNER FSETID KILL SETGID SETUID SETPCAP NET_BIND_SERVICE"
FOURTEEN = f"{NINE} NET_RAW SYS_CHROOT MKNOD AUDIT_WRITE SETFCAP"


def capability_set(numbers: frozenset[int]) -> CapabilitySet:
    """The set of these numbers."""
    return CapabilitySet(sum(1 << number for number in numbers))


@given(NUMBERS, NUMBERS)
def test_operators_are_the_operators_of_sets(one: frozenset[int], other: frozenset[int]) -> None:
    left, right = capability_set(one), capability_set(other)
    assert list(left | right) == sorted(one | other)
    assert list(left & right) == sorted(one & other)
    assert list(left - right) == sorted(one - other)
    assert len(left) == len(one)
    assert bool(left) == bool(one)


@given(NUMBERS, st.integers(0, 63))
def test_a_set_contains_exactly_its_numbers(numbers: frozenset[int], number: int) -> None:
    assert (number in capability_set(numbers)) == (number in numbers)


@given(NUMBERS)
def test_hex_and_names_keep_every_bit(numbers: frozenset[int]) -> None:
    capabilities = capability_set(numbers)
    assert len(capabilities.hex) == 16
    assert CapabilitySet.from_hex(capabilities.hex) == capabilities
    assert CapabilitySet.from_names(capabilities.names) == capabilities
    assert CapabilitySet.from_names(capabilities.short_names) == capabilities


@pytest.mark.parametrize(
    ("mask", "names"),
    [
        ("0000000000000000", ""),
        ("00000000a80425fb", FOURTEEN),
        ("00000000000005fb", NINE),
        ("00000000aa0435fb", f"{FOURTEEN} NET_ADMIN SYS_TIME"),
        ("0000000000000400", "NET_BIND_SERVICE"),
        ("000001ffffffffff", "ALL"),
        ("0000020000000000", "CAP_41"),
        ("8000000000000001", "CHOWN CAP_63"),
    ],
)
def test_masks_as_in_proc(mask: str, names: str) -> None:
    assert CapabilitySet.from_names(names.split()).hex == mask


def test_names_are_in_number_order_with_and_without_prefix() -> None:
    capabilities = CapabilitySet.from_names(["CAP_42", "net_raw", "CHOWN"])
    assert capabilities.names == ("CAP_CHOWN", "CAP_NET_RAW", "CAP_42")
    assert capabilities.short_names == ("CHOWN", "NET_RAW", "CAP_42")


@pytest.mark.parametrize("name", ["NET_RWA", "CAP_40", "CAP_64", "CAP_99", "41", "CAP_041", ""])
def test_a_name_that_no_kernel_has_is_refused(name: str) -> None:
    with pytest.raises(UnknownCapability):
        CapabilitySet.from_names([name])


@pytest.mark.parametrize("name", ["NET_RAW", "cap_net_raw", " Net_Raw "])
def test_membership_by_name_in_any_spelling(name: str) -> None:
    assert name in CapabilitySet(1 << 13)
    assert name not in ALL_KNOWN - CapabilitySet(1 << 13)


def test_all_is_a_member_only_of_a_set_that_has_every_known_one() -> None:
    assert "ALL" in ALL_KNOWN
    assert "ALL" not in ALL_KNOWN - CapabilitySet(1)


def test_asking_for_a_misspelt_member_is_an_error_and_not_a_no() -> None:
    with pytest.raises(UnknownCapability):
        assert "NET_RWA" in ALL_KNOWN


@pytest.mark.parametrize(
    ("text", "mask"),
    [("a80425fb", 0xA80425FB), ("0xA80425FB", 0xA80425FB), (" 1ffffffffff\n", 0x1FFFFFFFFFF), ("0" * 16, 0)],
)
def test_hex_is_read_with_or_without_0x_and_zeros(text: str, mask: int) -> None:
    assert CapabilitySet.from_hex(text) == CapabilitySet(mask)


@pytest.mark.parametrize("text", ["", "0x", "xyz", "-1", "+1", "1_0", "1" * 17, "a8 04", "١"])
def test_a_text_that_is_no_mask_is_refused(text: str) -> None:
    with pytest.raises(InvalidMask, match="must be up to 16 hexadecimal digits"):
        CapabilitySet.from_hex(text)


def test_equal_masks_make_equal_sets() -> None:
    assert {CapabilitySet(1), CapabilitySet(1), CapabilitySet(2)} == {CapabilitySet(2), CapabilitySet(1)}
    assert ProcessSets() == ProcessSets(CapabilitySet())
    assert ProcessSets().no_new_privs is None
