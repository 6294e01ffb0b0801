"""Reading strace: its lines in every dress, and which capability is behind each refused call (refused.strace)."""

import re
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubectl_caps.core.diagnosis.strace import Refusal, Trace, is_traced, needs_of, operation_of
from kubectl_caps.core.diagnosis.syscalls import OPERATIONS, Operation, needed

WORDS = {
    "EPERM": "Operation not permitted",
    "EACCES": "Permission denied",
    "EROFS": "Read-only file system",
    "ENOMEM": "Cannot allocate memory",
}
SETUID = Refusal("setuid", "33", "EPERM")


def recorded() -> list[tuple[str, str]]:
    """The lines of refused.strace with what they need."""
    needs, found = "", []
    for line in Path(__file__).with_name("refused.strace").read_text().splitlines():
        if line.startswith("["):
            needs = line[1:-1]
        elif line and not line.startswith("#"):
            error = re.fullmatch(r".* = -1 (E[A-Z]+)", line)
            found.append((f"{line} ({WORDS[error[1]]})" if error else line, needs))
    return found


LINES = recorded()


def read(line: str) -> Refusal:
    """The refusal of one line."""
    refusal = Trace().read(line)
    assert refusal is not None
    return refusal


def behind(line: str) -> Operation:
    """The row of the table that knows it."""
    operation = operation_of(read(line))
    assert operation is not None
    return operation


@pytest.mark.parametrize(("line", "needs"), LINES)
def test_a_refused_call_needs_these_capabilities(line: str, needs: str) -> None:
    refusal = read(line)
    assert needed(needs_of(refusal, behind(line))) == needs
    assert is_traced(line)


def test_every_operation_has_a_recorded_line() -> None:
    seen = [behind(line) for line, _ in LINES]
    assert [item.what for item in OPERATIONS if item not in seen] == []


@pytest.mark.parametrize(
    "line",
    [
        "setuid(33) = -1 EPERM (Operation not permitted)",
        "setuid(33)                              = -1 EPERM (Operation not permitted)",
        "[pid 24913] setuid(33) = -1 EPERM (Operation not permitted)",
        "[pid     7] setuid(33) = -1 EPERM (Operation not permitted)",
        "24913 setuid(33) = -1 EPERM (Operation not permitted)",
        "18:36:50 setuid(33) = -1 EPERM (Operation not permitted)",
        "24913 18:36:50.199396 setuid(33) = -1 EPERM (Operation not permitted) <0.000020>",
        "[pid 24913] 1795544646.123456 setuid(33) = -1 EPERM (Operation not permitted)",
        "     0.000034 setuid(33) = -1 EPERM (Operation not permitted)",
        "[00007f1b2c3d4e5f] setuid(33) = -1 EPERM (Operation not permitted)",
        "setuid(33) = -1 EPERM (Operation not permitted) (INJECTED)",
    ],
)
def test_text_around_a_call_does_not_matter(line: str) -> None:
    assert read(line) == SETUID


def test_a_call_that_is_interrupted_is_put_together_by_process() -> None:
    trace = Trace()
    lines = [
        '[pid 7] bind(3, {sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr("0.0.0.0")}, 16 <unfinished ...>',
        "[pid 8] bind(4, {sa_family=AF_INET, sin_port=htons(8080)}, 16 <unfinished ...>",
        "[pid 7] <... bind resumed>) = -1 EACCES (Permission denied)",
        "[pid 8] <... bind resumed>) = 0",
    ]
    found = [trace.read(line) for line in lines]
    assert [item and item.call for item in found] == [None, None, "bind", None]
    assert found[2] is not None
    assert "htons(80)" in found[2].arguments
    assert all(is_traced(line) for line in lines)


def test_a_call_whose_beginning_was_not_seen_is_still_a_refusal() -> None:
    assert read("[pid 7] <... setuid resumed>) = -1 EPERM (Operation not permitted)") == Refusal("setuid", "", "EPERM")


@pytest.mark.parametrize(
    "line",
    [
        "setuid(33) = 0",
        'openat(AT_FDCWD, "/x", O_RDONLY) = -1 ENOENT (No such file or directory)',
        "mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, 3, 0) = -1 ENOMEM (Cannot allocate memory)",
        'write(2, "x = -1 EPERM (Operation not permitted)", 38) = 38',
        'write(2, "Operation not permitted", 23) = 23',
        "accept4(3, 0x7ffd, [16], 0) = ? ERESTARTSYS (To be restarted if SA_RESTART is set)",
        'execve("/bin/true", ["true"], 0x7ffd /* 35 vars */) = 0',
        "brk(NULL) = 0x5581",
        'write(2, "2026/11/24 18:42:32 [emerg] 2301"..., 93chown("/a", 1) failed (1: Operation not permitted)',
    ],
)
def test_other_calls_are_no_refusals(line: str) -> None:
    assert Trace().read(line) is None
    assert is_traced(line)


@pytest.mark.parametrize(
    "line",
    [
        "2026/11/24 10:44:20 [emerg] 1#1: setgid(1) failed (1: Operation not permitted)",
        'fatal: chroot("/run/sshd"): Operation not permitted [preauth]',
        "--- SIGCHLD {si_signo=SIGCHLD, si_code=CLD_EXITED} ---",
        "+++ exited with 0 +++",
        "x = 3",
        "chown(x) was refused = -1 EPERM",
        "",
    ],
)
def test_the_output_of_a_program_is_not_a_traced_call(line: str) -> None:
    assert Trace().read(line) is None
    assert not is_traced(line)


def test_capset_names_the_wanted_capabilities() -> None:
    line = (
        "capset({version=_LINUX_CAPABILITY_VERSION_3, pid=0}, {effective=1<<CAP_SYS_CHROOT, "
        "permitted=1<<CAP_NET_BIND_SERVICE|1<<CAP_SYS_CHROOT, inheritable=0}) = -1 EPERM (Operation not permitted)"
    )
    assert needs_of(read(line), behind(line)) == (("SYS_CHROOT", "NET_BIND_SERVICE"),)


def test_a_call_that_no_row_knows_has_no_operation() -> None:
    assert operation_of(read("getrandom(0x7ffd, 8, 0) = -1 EPERM (Operation not permitted)")) is None
    assert operation_of(read('chown("/x", 1, 1) = -1 EROFS (Read-only file system)')) is not None
    assert operation_of(read("setuid(33) = -1 EACCES (Permission denied)")) is None


def test_calls_that_never_resume_take_no_memory() -> None:
    trace = Trace()
    for pid in range(10_000):
        assert trace.read(f"[pid {pid}] setuid({pid} <unfinished ...>") is None
    assert len(trace._unfinished) < 5_000


@pytest.mark.parametrize(
    "part", ["(", "[pid 1] ", "a(", " = -1 ", ")", "{error=-EPERM ", "0x1, ", '"/proc/1/ns', "CAP_A"]
)
@pytest.mark.parametrize("call", ["openat", "bind", "bpf", "recvmsg", "capset", "sendmsg"])
def test_hostile_lines_are_read_in_time_with_their_length(part: str, call: str) -> None:
    started = time.process_time()
    line = f"{call}({part * (500_000 // len(part))}) = -1 EPERM (Operation not permitted)"
    refusal = Trace().read(line)
    if refusal:
        operation = operation_of(refusal)
        assert operation is None or needs_of(refusal, operation) is not None
    is_traced(line)
    assert time.process_time() - started < 1


@settings(max_examples=30)
@given(st.lists(st.text() | st.sampled_from([line for line, _ in LINES]), max_size=5))
def test_no_text_is_an_error(parts: list[str]) -> None:
    trace = Trace()
    for part in [*parts, "".join(parts)]:
        refusal = trace.read(part)
        if refusal:
            operation_of(refusal)
        is_traced(part)


@pytest.mark.parametrize(
    "text", ["Die Operation ist nicht erlaubt", "Operación no permitida", "Operaci\ufffdn no permitida"]
)
def test_the_error_is_read_in_every_language(text: str) -> None:
    assert read(f"setuid(33) = -1 EPERM ({text})") == SETUID
