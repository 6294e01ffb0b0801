"""Records of tracefs as tests write them, and the tracer's awk program, run on them."""

import shutil
import subprocess
from collections.abc import Iterable

from kubectl_caps.core.trace.follow import FOLLOW, MOST_KEYS, pod_pattern
from kubectl_caps.core.trace.report import TraceReport, trace_report

UID = "319c0f36-8bed-4659-95d3-e5cbb06a0dd9"
"""The pod of silent.txt."""
SANDBOX = "bb4e50de08ff36aa9e3c1293db247352ab3e99c03018c7b4b56e036480113d2d"
CONTAINER = "504c3a7559c045e68d4acf2f95ef82363f98b4361bddbeab83165bcc2316ba2b"

AWKS = [words for words in (["busybox", "awk"], ["mawk"], ["gawk"], ["awk"]) if shutil.which(words[0])]
"""Every awk of this machine."""


def attach(pid: int, cgroup: str = f"/kubepods/besteffort/pod{UID}/{CONTAINER}", *, by: int = 1) -> str:
    """The runtime puts a process into a cgroup."""
    cgroup = f"dst_root=4 dst_id=9 dst_level=5 dst_path={cgroup}"
    return event(by, f"cgroup_attach_task: {cgroup} pid={pid} comm=runc:[0:PAR")


def fork(parent: int, child: int) -> str:
    """A process makes another one."""
    return event(parent, f"sched_process_fork: comm=a b pid={parent} child_comm=a b child_pid={child}")


def program(pid: int, file: str, old: int | None = None) -> str:
    """A process runs a program."""
    return event(old or pid, f"sched_process_exec: filename={file} pid={pid} old_pid={old or pid}")


def check(pid: int, number: int, *, granted: bool, stack: str = "") -> str:
    """A capability check, with the kernel's stack."""
    result = 0 if granted else -1
    text = f"cap_capable: cred 00000000402cc687, target_ns 0, capable_ns 0, cap {number}, ret {result}"
    frames = ["trace_event_raw_event_cap_capable", "cap_capable", *stack.split(), "do_syscall_64"]
    return event(pid, text) + (event(pid, "<stack trace>", *frames) if stack else "")


def failed(pid: int, number: int, error: int) -> str:
    """A system call that ended with an error."""
    return event(pid, f"sys_exit: NR {number} = {error}")


def event(pid: int, text: str, *frames: str) -> str:
    """A line of `trace`, as Linux 6.18 prints it; the name in front is the one of later."""
    return f"    a b (c)-{pid}   [000] .....   698.798056: {text}\n" + "".join(f" => {frame}\n" for frame in frames)


def counted(record: str, awk: list[str] = AWKS[0], uids: Iterable[str] = (UID,), most: int = MOST_KEYS) -> str:
    """The output of the awk program."""
    flags = ["-v", f"uids={pod_pattern(list(uids))}", "-v", f"most={most}", FOLLOW]
    return subprocess.run([*awk, *flags], input=record, capture_output=True, text=True, check=True).stdout


def report(record: str, *, lost: int = 0, mode: str = "capabilities", awk: list[str] = AWKS[0]) -> TraceReport:
    """The record as `fit` reads it."""
    text = f"mode\t{mode}\tx86_64\tyes\n{counted(record, awk)}lost\t{lost}\n"
    return trace_report(text, {CONTAINER: "c"})
