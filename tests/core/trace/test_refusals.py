"""What the record of a trial says of the capabilities that the trial took."""

import pytest
from kernel_record import attach, check, event, failed, program, report

from kubectl_caps.core.trace.raw_arguments import operation_needs
from kubectl_caps.core.trace.refusals import refusals

BEGIN = attach(12) + program(12, "/usr/sbin/nginx")
CHOWN = "security_capable setattr_prepare chown_common __x64_sys_fchownat"


def told(record: str, taken: set[str], *, mode: str = "capabilities", usual: str = "") -> list[tuple[str, str, bool]]:
    before = report(usual, mode=mode) if usual else None
    found = refusals(report(record, mode=mode), {"c": taken}, before)
    return [(item.capability, item.words, item.failed) for item in found]


def test_a_taken_capability_that_the_kernel_refused_is_named() -> None:
    record = BEGIN + check(12, 0, granted=False, stack=CHOWN) + failed(12, 260, -1)
    words = "the kernel refused CHOWN to nginx in fchownat, and the call failed"
    assert told(record, {"CHOWN", "SETUID"}) == [("CHOWN", words, True)]


@pytest.mark.parametrize(
    "record",
    [
        check(12, 0, granted=True, stack=CHOWN),
        check(12, 2, granted=False, stack="generic_permission __x64_sys_openat"),
        check(12, 4, granted=False, stack="setattr_copy __x64_sys_chmod"),
    ],
    ids=["granted", "not held before", "optional"],
)
def test_other_checks_are_no_refusals(record: str) -> None:
    assert told(BEGIN + record, {"CHOWN", "FSETID"}) == []


def test_a_refused_check_whose_call_went_on_is_no_failed_call() -> None:
    assert [item[2] for item in told(BEGIN + check(12, 0, granted=False, stack=CHOWN), {"CHOWN"})] == [False]


def test_without_the_event_a_failed_call_tells_what_it_needs() -> None:
    words = "fchownat of nginx ended with EPERM, which needs CHOWN"
    assert told(BEGIN + failed(12, 260, -1), {"CHOWN"}, mode="calls") == [("CHOWN", words, True)]


def test_without_the_event_calls_that_fail_today_as_well_do_not_count() -> None:
    record = BEGIN + failed(12, 260, -1)
    assert told(record, {"CHOWN"}, mode="calls", usual=record) == []


def test_without_the_event_the_first_alternative_that_was_taken_counts() -> None:
    opened = event(12, "sys_exit: NR 2 = -13")
    assert [item[0] for item in told(BEGIN + opened, {"DAC_OVERRIDE", "CHOWN"}, mode="calls")] == ["DAC_OVERRIDE"]
    assert told(BEGIN + opened, {"CHOWN"}, mode="calls") == []


@pytest.mark.parametrize(
    ("call", "error", "arguments", "needs"),
    [
        ("chown", "EPERM", "", (("CHOWN",),)),
        ("prctl", "EPERM", "(18, 24, 0, 0, 0, 0)", (("SETPCAP",),)),
        ("prctl", "EPERM", "(2f, 2, a, 0, 0, 0)", ()),
        ("prctl", "EPERM", "(18, 0, 0, 0, 0, 0)", (("SETPCAP",),)),
        ("prctl", "EPERM", "", ()),
        ("prctl", "EPERM", "(18, nonsense)", ()),
        ("setsockopt", "EPERM", "(3, 1, 24, 7ffd0, 4, 0)", (("NET_ADMIN",), ("NET_RAW",))),
        ("setsockopt", "EPERM", "(3, 1, 20, 7ffd0, 4, 0)", (("NET_ADMIN",),)),
        ("setsockopt", "EPERM", "(3, 1, 2, 7ffd0, 4, 0)", ()),
        ("socket", "EPERM", "(2, 3, 1, 0, 0, 0)", (("NET_RAW",),)),
        ("socket", "EPERM", "(11, 80003, 300, 0, 0, 0)", (("NET_RAW",),)),
        ("socket", "EACCES", "(2, 2, 1, 0, 0, 0)", ()),
        ("unshare", "EPERM", "(20000, 0, 0, 0, 0, 0)", (("SYS_ADMIN",),)),
        ("clone", "EPERM", "(10000011, 0, 0, 0, 0, 0)", ()),
        ("mknodat", "EPERM", "(ffffff9c, 7ffd0, 21b6, 103, 0, 0)", (("MKNOD",),)),
        ("ioctl", "EPERM", "(3, 8914, 7ffd0, 0, 0, 0)", (("NET_ADMIN",),)),
        ("bind", "EACCES", "(3, 7ffd0, 10, 0, 0, 0)", (("NET_BIND_SERVICE",),)),
        ("getpid", "EPERM", "", ()),
    ],
)
def test_raw_arguments_decide_what_a_failed_call_needs(
    call: str, error: str, arguments: str, needs: tuple[tuple[str, ...], ...]
) -> None:
    assert operation_needs(call, error, arguments) == needs
