"""Lines that are kept for later: all of them, in their order, at every reading, and in little memory."""

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubectl_caps.report import held_lines
from kubectl_caps.report.held_lines import HeldLines

LINES = st.lists(st.binary(max_size=30).map(lambda line: line.replace(b"\n", b"")))


def held(lines: list[bytes], plain: int) -> HeldLines:
    found = HeldLines(plain)
    for line in lines:
        found.add(line)
    return found


@pytest.mark.parametrize("plain", [0, 40, 1 << 20])
@given(lines=LINES)
def test_the_lines_come_back_in_their_order_at_every_reading(lines: list[bytes], plain: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(held_lines, "_BLOCK", 20)
        found = held(lines, plain)
        assert list(found) == lines
        assert list(found) == lines


def test_a_hundred_megabytes_of_like_lines_take_a_fifth_of_them() -> None:
    tracemalloc.start()
    found = held([], 24 << 20)
    for number in range(100_000):
        found.add(b"%d" % number + b" a container of a deployment" * 40)
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size < 25 << 20
    assert sum(1 for _ in found) == 100_000
