"""What records of a privileged container and of its trials show besides capabilities."""

import pytest
from kernel_record import attach, check, event, failed, program, report

from kubectl_caps.core.trace.privileged_use import missed_in_trials, missed_without_privileged, used_besides
from kubectl_caps.core.trace.report import CallError, CapabilityCheck, MadeCall, TraceReport
from kubectl_caps.core.trace.runtime_default import (
    MOUNTS,
    RECORDED_CALLS,
    is_refused_by_default,
    opening_capabilities,
)

BEGIN = attach(12) + program(12, "/bin/sh")
CHROOT = "security_capable ns_capable __x64_sys_chroot"


def result(pid: int, call: str, value: str) -> str:
    """The end of a call, as an event of `events/syscalls` prints it."""
    return event(pid, f"sys_{call} -> {value}")


def missed(trial: TraceReport, usual: TraceReport) -> list[tuple[str, str, str, int]]:
    return [(one.right, one.process, one.call, one.count) for one in missed_without_privileged(trial, usual, ["c"])]


def test_calls_that_succeed_are_counted_and_those_that_fail_are_not() -> None:
    calls = result(12, "mount", "0x0") * 2 + result(12, "keyctl", "0x1b1a3f7d")
    lost = result(12, "mount", "0xfffffffffffffffe") + result(99, "mount", "0x0")
    found = report(BEGIN + calls + lost)
    assert set(found.made or ()) == {MadeCall("c", "sh", "mount", 2), MadeCall("c", "sh", "keyctl", 1)}


def test_the_runtime_s_own_mounts_do_not_count() -> None:
    assert report(attach(12) + result(12, "pivot_root", "0x0") + program(12, "/bin/sh")).made == ()


def test_a_refused_check_before_a_call_that_succeeds_fails_no_later_call() -> None:
    refused = check(12, 18, granted=False, stack=CHROOT)
    between = result(12, "mount", "0x0")
    (found,) = report(BEGIN + refused + between + failed(12, 161, -1)).checks
    assert found.failed == 0


def test_a_read_only_file_system_is_an_error_that_no_capability_explains() -> None:
    trial = report(BEGIN + check(12, 0, granted=False, stack="__x64_sys_openat") + failed(12, 257, -30))
    assert trial.errors == (CallError("c", "sh", "openat", "EROFS", 1),)
    assert [one.failed for one in trial.checks] == [0]
    assert missed(trial, report(BEGIN)) == [("readOnly", "sh", "openat", 1)]


def test_an_error_that_the_baseline_has_as_well_is_not_missed() -> None:
    same = report(BEGIN + failed(12, 257, -30) + failed(12, 257, -1))
    assert missed(same, same) == []


def test_a_call_that_fails_for_a_capability_is_not_missed() -> None:
    trial = report(BEGIN + check(12, 18, granted=False, stack=CHROOT) + failed(12, 161, -1))
    assert missed(trial, report(BEGIN)) == []
    assert missed(report(BEGIN + failed(12, 161, -1)), report(BEGIN)) == [("refused", "sh", "chroot", 1)]


def test_on_older_kernels_the_table_of_explain_tells_what_a_capability_explains() -> None:
    trial = report(BEGIN + failed(12, 161, -1) + failed(12, 257, -30), mode="calls")
    assert missed(trial, report(BEGIN, mode="calls")) == [("readOnly", "sh", "openat", 1)]


def test_a_check_that_no_trial_comes_to_is_missed() -> None:
    asks = report(BEGIN + check(12, 34, granted=True, stack="check_syslog_permissions __x64_sys_openat"))
    silent = report(BEGIN)
    assert missed(silent, asks) == [("notReached", "sh", "openat", 1)]
    assert missed(asks, asks) == []
    assert [one.right for one in missed_in_trials([silent, silent], asks, ["c"])] == ["notReached"]
    assert missed_in_trials([silent, asks], asks, ["c"]) == ()


def test_checks_that_are_not_yet_a_need_are_not_missed() -> None:
    optional = CapabilityCheck("c", "sh", "SYS_ADMIN", "brk", granted=3, optional="memory is reserved")
    assert missed(report(BEGIN), TraceReport(checks=(optional,))) == []


def test_what_an_incomplete_record_lacks_says_nothing() -> None:
    asks = report(BEGIN + check(12, 34, granted=True, stack="__x64_sys_openat"))
    lossy = report(BEGIN + failed(12, 257, -30), lost=3)
    assert missed(lossy, asks) == [("readOnly", "sh", "openat", 1)]
    assert [one.right for one in missed_in_trials([lossy, report(BEGIN)], asks, ["c"])] == ["readOnly", "notReached"]
    assert missed(report(BEGIN + failed(12, 257, -30)), report(BEGIN, lost=1)) == []


@pytest.mark.parametrize(
    ("call", "held", "right"),
    [
        ("keyctl", {"SYS_ADMIN"}, "seccomp"),
        ("mount", set[str](), "seccomp"),
        ("mount", {"SYS_ADMIN"}, "mount"),
        ("bpf", {"BPF"}, ""),
        ("mbind", {"SYS_NICE"}, ""),
        ("mbind", {"CHOWN"}, "seccomp"),
    ],
)
def test_what_a_profile_refuses_goes_by_the_capabilities_of_the_answer(call: str, held: set[str], right: str) -> None:
    found = used_besides([MadeCall("c", "sh", call, 2)], {("c", name) for name in held} | {("other", "SYS_ADMIN")})
    assert [one.right for one in found] == ([right] if right else [])


def test_every_recorded_call_is_refused_without_capabilities() -> None:
    assert all(is_refused_by_default(call, ()) for call in RECORDED_CALLS)
    assert set(RECORDED_CALLS) > MOUNTS
    assert opening_capabilities("bpf") == ("BPF", "SYS_ADMIN")
    assert not is_refused_by_default("openat", ())
