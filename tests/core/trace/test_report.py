"""The counts of a tracer as values: gaps, optional checks, and what overlayfs asks for itself."""

import pytest
from kernel_record import CONTAINER, attach, check, program, report

from kubectl_caps.core.trace.calls import call_name, call_of
from kubectl_caps.core.trace.optional import OPTIONAL, is_of_the_mounter
from kubectl_caps.core.trace.report import TraceReport, trace_report

BEGIN = attach(12) + program(12, "/bin/sh")


def test_lost_events_make_a_record_incomplete() -> None:
    assert report(BEGIN).gap(["c"]) == ""
    assert report(BEGIN, lost=7).gap(["c"]) == "7 events were lost, as the node made more than were read"


def test_a_container_whose_start_was_not_seen_makes_a_record_incomplete() -> None:
    assert report(BEGIN).gap(["c", "side"]) == "the start of container side was not seen"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "the tracer ended before it was asked"),
        ("mode\tcapabilities\tx86_64\n", "the tracer ended before it was asked"),
        ("problem\tthe trace instance is gone\n", "the trace instance is gone"),
        ("mode\tcapabilities\tx86_64\nend\t0\n", "the tracer ended before it was asked"),
        ("mode\tcapabilities\tx86_64\nend\t0\nlost\tx\n", "the tracer ended before it was asked"),
    ],
    ids=["nothing", "no end", "problem", "no losses", "no number"],
)
def test_half_an_output_is_no_record(text: str, problem: str) -> None:
    found = trace_report(text, {CONTAINER: "c"})
    assert (found.problem, found.gap(["c"])) == (problem, problem)


def test_lines_of_another_shape_are_passed_over() -> None:
    wrong = f"asked\t1\nasked\tx\t{CONTAINER}\ta\t0\t0\t\n"
    text = f"mode\tcalls\taarch64\n{wrong}error\t2\t{CONTAINER}\ta\t54\t-1\t\nend\t0\nlost\t0\n"
    found = trace_report(text, {CONTAINER: "c"})
    assert isinstance(found, TraceReport)
    assert [(one.call, one.error, one.count) for one in found.errors] == [("fchownat", "EPERM", 2)]
    assert found.checks == ()


@pytest.mark.parametrize(
    ("number", "stack", "is_optional"),
    [
        (21, "security_vm_enough_memory_mm do_brk_flags __do_sys_brk", True),
        (21, "security_capable ns_capable path_mount __x64_sys_mount", False),
        (4, "security_capable capable_wrt_inode_uidgid setattr_copy ext4_setattr chmod_common __x64_sys_chmod", True),
        (8, "cap_capset security_capset __do_sys_capset", True),
        (8, "security_capable ns_capable cap_task_prctl security_task_prctl __do_sys_prctl", False),
        (12, "security_capable sockopt_ns_capable sk_setsockopt __sys_setsockopt __x64_sys_setsockopt", True),
        (12, "security_capable ns_capable rtnetlink_rcv_msg netlink_rcv_skb __sys_sendto", False),
        (24, "security_capable capable do_prlimit __do_sys_prlimit64", False),
    ],
    ids=["overcommit", "mount", "setgid bit", "capset", "bounding set", "socket option", "netlink", "limit"],
)
def test_the_stack_tells_a_check_that_is_not_yet_a_need(number: int, stack: str, is_optional: bool) -> None:
    (found,) = report(BEGIN + check(12, number, granted=True, stack=stack)).checks
    assert bool(found.optional) == is_optional


@pytest.mark.parametrize(
    ("stack", "is_mounter"),
    [
        ("<security_capable<capable_wrt_inode_uidgid<setattr_prepare<ovl_setattr<notify_change<__x64_sys_chown", False),
        ("<security_capable<generic_permission<ovl_permission<inode_permission<path_openat<__x64_sys_openat", False),
        ("<security_capable<generic_permission<inode_permission<ovl_permission<inode_permission<path_openat", True),
        ("<security_capable<capable<xattr_permission<vfs_getxattr<ovl_check_protattr<ovl_get_inode", True),
        ("<security_capable<setattr_prepare<ext4_setattr<notify_change<ovl_setattr<notify_change<chown_common", True),
        ("<security_capable<ns_capable<__x64_sys_chroot", False),
    ],
    ids=["chown", "own permission", "lower permission", "attribute", "lower chown", "no overlay"],
)
def test_checks_of_the_one_who_mounted_the_image_are_told_apart(stack: str, is_mounter: bool) -> None:
    assert is_of_the_mounter(stack) == is_mounter


def test_every_row_of_optional_checks_has_a_reason_and_a_source() -> None:
    assert all(row.says and row.source and row.capability.isupper() for row in OPTIONAL)


@pytest.mark.parametrize(
    ("stack", "call"),
    [
        ("<ns_capable<__x64_sys_chroot", "chroot"),
        ("<cap_capset<security_capset<__do_sys_capset", "capset"),
        ("<ns_capable_setid<__sys_setresuid", "setresuid"),
        ("<do_filp_open<do_sys_openat2<__arm64_sys_openat", "openat"),
        ("<do_mmap<ksys_mmap_pgoff", "mmap"),
        ("<capable_wrt_inode_uidgid<chown_common", ""),
    ],
)
def test_the_system_call_is_read_from_the_stack(stack: str, call: str) -> None:
    assert call_of(stack) == call


def test_numbers_of_system_calls_go_by_machine() -> None:
    assert (call_name("x86_64", 92), call_name("aarch64", 54), call_name("riscv64", 54)) == (
        "chown", "fchownat", "NR 54",
    )  # fmt: skip
