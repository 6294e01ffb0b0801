"""The tracer's awk program, on a record of this project's test node and on lines made by hand."""

from pathlib import Path

import pytest
from kernel_record import (
    AWKS,
    CONTAINER,
    SANDBOX,
    UID,
    attach,
    check,
    counted,
    event,
    failed,
    fork,
    program,
    report,
)

SILENT = (Path(__file__).parent / "silent.txt").read_text()
"""`touch x; chown 5 x; chroot / true; exec sleep` on containerd 2.2, runc 1.1, Linux 6.18; a few lines of others."""
INTO_CGROUP = (Path(__file__).parent / "into_cgroup.txt").read_text()
"""`sh -c "touch x; chown 5 x"`, which clone3(2) made in a cgroup v2 as systemd's driver calls it; Linux 6.18."""
CHOWN = "security_capable capable_wrt_inode_uidgid setattr_prepare ext4_setattr chown_common __x64_sys_chown"
START = attach(10) + fork(10, 11) + fork(11, 12)
"""runc puts its child into the cgroup, and the child's grandchild becomes the container."""


def checks(record: str) -> set[tuple[str, str, str, int, int, int]]:
    return {
        (one.process, one.capability, one.call, one.granted, one.refused, one.failed) for one in report(record).checks
    }


@pytest.mark.parametrize("awk", AWKS, ids=[" ".join(words) for words in AWKS])
def test_a_real_record_is_counted(awk: list[str]) -> None:
    found = report(SILENT, awk=awk)
    used = {(one.process, one.capability, one.call, one.granted) for one in found.checks if not one.optional}
    assert used == {("sh", "CHOWN", "chown", 1), ("sh", "SYS_CHROOT", "chroot", 1)}
    assert (set(found.seen), found.gap(["c"])) == ({"c"}, "")


@pytest.mark.parametrize("awk", AWKS, ids=[" ".join(words) for words in AWKS])
def test_a_process_that_is_made_in_its_cgroup_is_seen(awk: list[str]) -> None:
    found = report(INTO_CGROUP, awk=awk)
    assert found.gap(["c"]) == ""
    assert ("chown", "CHOWN", "fchownat", 1) in {
        (one.process, one.capability, one.call, one.granted) for one in found.checks
    }


def populated(pid: int, cgroup: str = "", value: int = 1) -> str:
    """A cgroup has its first process, or has lost its last one."""
    path = cgroup or f"/kubepods.slice/kubepods-pod{UID}.slice/{CONTAINER}.scope"
    return event(pid, f"cgroup_notify_populated: root=0 id=7 level=4 path={path} val={value}")


def test_the_container_s_cgroup_is_the_first_of_those_that_have_a_process_now() -> None:
    above = populated(10, f"/kubepods.slice/kubepods-pod{UID}.slice") + populated(10, "/kubepods.slice")
    made = populated(10) + above + fork(10, 11) + program(11, "/bin/sh")
    assert checks(made + check(11, 0, granted=True)) == {("sh", "CHOWN", "", 1, 0, 0)}


@pytest.mark.parametrize(
    "between",
    [attach(12, by=10), program(10, "/bin/other"), failed(10, 2, -1)],
    ids=["attached", "executed", "went on"],
)
def test_a_process_that_the_attaching_runtime_makes_later_does_not_count(between: str) -> None:
    later = populated(10) + between + fork(10, 11) + program(11, "/bin/sh")
    assert checks(later + check(11, 0, granted=True)) == set()


def test_a_cgroup_that_has_lost_its_last_process_takes_nobody_in() -> None:
    emptied = populated(10, value=0) + fork(10, 11) + program(11, "/bin/sh")
    assert checks(emptied + check(11, 0, granted=True)) == set()


def test_nothing_of_other_pods_leaves_the_node() -> None:
    text = counted(SILENT)
    assert {line.split("\t")[2] for line in text.splitlines() if "\t" in line and not line.startswith("end")} == {
        f"{UID}/{SANDBOX}",
        f"{UID}/{CONTAINER}",
    }
    assert counted(SILENT, uids=["00000000-8bed-4659-95d3-e5cbb06a0dd9"]) == "end\t0\n"


def test_the_runtime_s_own_work_before_the_program_does_not_count() -> None:
    itself = program(12, "/proc/self/exe") + check(12, 6, granted=True) + program(12, "/dev/fd/7")
    assert checks(START + check(10, 8, granted=True) + itself) == set()
    assert checks(START + itself + program(12, "/bin/sh") + check(12, 6, granted=True)) == {
        ("sh", "SETGID", "", 1, 0, 0)
    }


def test_children_and_threads_count_and_keep_the_name_of_their_program() -> None:
    tree = START + program(12, "/bin/sh") + fork(12, 13) + fork(13, 14) + check(14, 0, granted=True)
    assert checks(tree) == {("sh", "CHOWN", "", 1, 0, 0)}
    thread = START + program(12, "/bin/sh") + fork(12, 13) + program(12, "/a b/ng inx", old=13)
    assert checks(thread + check(12, 0, granted=True)) == {("ng inx", "CHOWN", "", 1, 0, 0)}


def test_a_pid_that_is_used_again_by_another_pod_does_not_count() -> None:
    again = START + program(12, "/bin/sh") + fork(12, 13) + fork(99, 13) + check(13, 0, granted=True)
    assert checks(again) == set()


def test_a_refused_check_fails_the_call_that_ends_with_an_error_after_it() -> None:
    begin = START + program(12, "/bin/sh")
    refused = check(12, 0, granted=False, stack=CHOWN)
    assert checks(begin + refused + failed(12, 92, -1)) == {("sh", "CHOWN", "chown", 0, 1, 1)}
    assert checks(begin + refused) == {("sh", "CHOWN", "chown", 0, 1, 0)}
    assert checks(begin + refused + failed(12, 161, -1)) == {("sh", "CHOWN", "chown", 0, 1, 0)}


def test_a_stack_of_another_cpu_in_between_does_not_count_for_a_check() -> None:
    line, _, stack = check(12, 0, granted=True, stack=CHOWN).partition("\n")
    other = check(50, 21, granted=True, stack="security_vm_enough_memory_mm __x64_sys_brk")
    mixed = START + program(12, "/bin/sh") + line + "\n" + other + stack
    assert checks(mixed) == {("sh", "CHOWN", "chown", 1, 0, 0)}


def test_the_end_mark_ends_the_record() -> None:
    end = event(1, "tracing_mark_write: kubectl-caps end")
    assert checks(START + program(12, "/bin/sh") + end + check(12, 0, granted=True)) == set()


@pytest.mark.parametrize(
    "cgroup",
    [
        pytest.param(f"/kubepods.slice/kubepods-pod{UID.replace('-', '_')}.slice/cri-containerd-{CONTAINER}.scope"),
        pytest.param(f"/kubepods/pod{UID}/crio-{CONTAINER}/container"),
        pytest.param(f"/../..//kubelet/kubepods/burstable/pod{UID}/{CONTAINER}"),
    ],
    ids=["systemd", "crio", "nested"],
)
def test_the_cgroups_of_other_drivers_are_known(cgroup: str) -> None:
    assert checks(attach(12, cgroup) + program(12, "/bin/sh") + check(12, 0, granted=True))


def test_processes_that_run_already_are_given_by_seeds() -> None:
    assert checks(f"seed\t12\t{UID}/{CONTAINER}\tnginx\n" + check(12, 0, granted=True)) == {
        ("nginx", "CHOWN", "", 1, 0, 0)
    }


def test_a_seed_that_is_still_the_runtime_s_counts_from_its_program_on() -> None:
    begin = f"seed\t12\t{UID}/{CONTAINER}\trunc:[2:INIT]\n" + check(12, 6, granted=True)
    assert checks(begin) == set()
    assert checks(begin + program(12, "/bin/sh") + check(12, 0, granted=True)) == {("sh", "CHOWN", "", 1, 0, 0)}


def test_seeds_may_be_marks_in_the_record() -> None:
    marks = event(1, "tracing_mark_write: kubectl-caps seeds"), event(1, "tracing_mark_write: kubectl-caps seeded")
    record = marks[0] + attach(12).replace("runc:[0:PAR", "nginx") + marks[1] + check(12, 0, granted=True)
    assert checks(record) == {("nginx", "CHOWN", "", 1, 0, 0)}


def test_too_many_different_lines_are_said() -> None:
    many = "".join(program(12, f"/bin/x{number}") for number in range(30))
    text = counted(START + many, most=10)
    assert len(text.splitlines()) == 11
    assert text.splitlines()[-1] == "end\t20"
