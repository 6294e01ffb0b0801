"""A log or strace output, read line by line: what it points to, how often, and in which lines."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubectl_caps.core.explain.log import LISTED, Explanation, Reading, mask

SETUID = "setuid(33) = -1 EPERM (Operation not permitted)"
LOG = "nginx: [emerg] bind() to 0.0.0.0:80 failed (13: Permission denied)"


def read(*lines: str) -> tuple[Explanation, ...]:
    """What some lines say."""
    reading = Reading()
    for line in lines:
        reading.read(line)
    return reading.explanations()


def test_equal_lines_are_one_explanation_with_their_numbers() -> None:
    found = read("starting", SETUID, "[pid 7] setresuid(1, 1, 1) = -1 EPERM (Operation not permitted)", "", SETUID)
    assert [(item.capabilities, item.count, item.lines, item.subject) for item in found] == [
        (("SETUID",), 3, (2, 3, 5), SETUID)
    ]


def test_a_log_and_a_trace_may_be_mixed() -> None:
    assert [item.capabilities for item in read(SETUID, LOG)] == [("SETUID",), ("NET_BIND_SERVICE",)]


def test_text_that_a_traced_program_writes_is_not_counted_again() -> None:
    assert read('write(2, "chown: /a: Operation not permitted", 34) = 34') == ()


def test_capabilities_come_first_then_surer_causes_and_unknown_ones_last() -> None:
    found = read(
        "something: Operation not permitted",
        "touch: /x: Read-only file system",
        'openat(AT_FDCWD, "/a", O_RDONLY) = -1 EACCES (Permission denied)',
        "chown: /a: Operation not permitted",
        "getrandom(0x7ffd, 8, 0) = -1 EPERM (Operation not permitted)",
        SETUID,
    )
    assert [(item.capabilities, item.cause, item.told) for item in found] == [
        (("SETUID",), "capability", True),
        (("CHOWN",), "capability", True),
        (("DAC_OVERRIDE",), "capability", True),
        ((), "setting", True),
        ((), "other", False),
        ((), "other", False),
    ]


def test_only_the_first_numbers_are_kept_of_many() -> None:
    (found,) = read(*[SETUID] * 1000)
    assert (found.count, found.lines) == (1000, tuple(range(1, LISTED + 1)))


def test_alternative_capabilities_of_a_call_are_kept() -> None:
    (found,) = read("perf_event_open({type=1}, -1, 0, -1, 0) = -1 EACCES (Permission denied)")
    assert found.needs == (("PERFMON",), ("SYS_ADMIN",))
    assert found.capabilities == ("PERFMON",)


def test_the_sets_of_a_status_file_are_masks() -> None:
    found = read("Name:\tnginx", "CapPrm:\t0000000000000400", "CapEff:\t0000000000000400", "NoNewPrivs:\t0")
    assert [(item.kind, item.subject, item.why, item.capabilities) for item in found] == [
        ("mask", "0000000000000400", "Prm", ("NET_BIND_SERVICE",)),
        ("mask", "0000000000000400", "Eff", ("NET_BIND_SERVICE",)),
    ]


@pytest.mark.parametrize(
    ("word", "count"),
    [
        ("00000000a80425fb", 14),
        ("a80425fb", 14),
        ("0xA80425FB", 14),
        ("0X400", 1),
        ("5fb", 9),
        ("425fb", 11),
        ("800405fb", 11),
        ("1ffffffffff", 41),
        ("3fffffffff", 38),
        ("CapEff:\t00000000a80425fb", 14),
        ("CapBnd: 0000000000000000", 0),
        ("CapAmb:0", 0),
        ("0", 0),
        ("0xbad", 8),
        ("ffffffffffffffff", 64),
    ],
)
def test_masks_in_every_spelling(word: str, count: int) -> None:
    (found,) = mask(word)
    assert len(found.capabilities) == count


@pytest.mark.parametrize("word", ["", "bad", "face", "0x", "12345678901234567", "a80425fg", "CapXyz: 0", "Cap 1", "-1"])
def test_other_words_are_no_masks(word: str) -> None:
    assert mask(word) == ()


def test_a_long_log_is_read_in_seconds() -> None:
    """Ordinary lines of a log, of which most say nothing."""
    started = time.process_time()
    read(*(f'10.0.0.{number % 250} - - [24/Nov/2026] "GET /{number} HTTP/1.1" 200 612' for number in range(20_000)))
    assert time.process_time() - started < 10


@given(st.lists(st.text() | st.binary().map(lambda data: data.decode(errors="replace")), max_size=5))
def test_no_text_is_an_error(lines: list[str]) -> None:
    for item in read(*lines):
        assert item.count <= len(lines)
        assert item.lines
