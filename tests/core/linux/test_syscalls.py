"""The table of system calls: complete, and every capability in it real."""

import pytest

from kubectl_caps.core.diagnosis.syscalls import BY_CALL, OPERATIONS, Operation, asked_for, needed
from kubectl_caps.core.linux.capabilities import BY_NAME, CAPABILITIES

WORST = ("low", "medium", "high", "critical")

SILENT = {
    "FSETID": "without it the kernel clears the bits and says nothing",
    "NET_BROADCAST": "nothing asks for it",
    "MAC_OVERRIDE": "asked for by Smack only",
    "MAC_ADMIN": "asked for by Smack only",
}
"""Capabilities whose lack no system call tells of."""


def ids(operation: Operation) -> str:
    """What the row is about."""
    return operation.what


@pytest.mark.parametrize("operation", OPERATIONS, ids=ids)
def test_rows_name_real_capabilities_in_short_descriptions(operation: Operation) -> None:
    assert all(name in BY_NAME for names in operation.needs for name in names)
    assert operation.calls
    assert operation.errors
    assert not operation.what.endswith((".", "needs"))
    assert operation.what == operation.what.strip()


@pytest.mark.parametrize("operation", OPERATIONS, ids=ids)
def test_the_least_dangerous_alternative_comes_first(operation: Operation) -> None:
    risks = [max(WORST.index(BY_NAME[name].risk) for name in names) for names in operation.needs]
    assert risks == sorted(risks)


def test_every_capability_is_asked_for_by_something_but_four() -> None:
    assert {capability.name for capability in CAPABILITIES if not asked_for(capability.name)} == set(SILENT)


def test_only_programs_that_do_not_start_lack_capabilities_without_a_name() -> None:
    nameless = {operation.calls for operation in OPERATIONS if operation.kind == "capability" and not operation.needs}
    assert nameless == {("execve", "execveat")}


@pytest.mark.parametrize(
    ("word", "needs"),
    [
        ("clock_settime", "SYS_TIME"),
        ("chown", "CHOWN"),
        ("setgroups", "SETGID"),
        ("initgroups", "SETGID"),
        ("chroot", "SYS_CHROOT"),
        ("bind", "NET_BIND_SERVICE"),
        ("so_mark", "NET_ADMIN or NET_RAW"),
        ("kill", "KILL"),
        ("mlock", "IPC_LOCK"),
        ("perf_event_open", "PERFMON or SYS_ADMIN"),
        ("init_module", "SYS_MODULE"),
        ("open_by_handle_at", "DAC_READ_SEARCH"),
    ],
)
def test_the_first_operation_of_a_word_is_its_usual_one(word: str, needs: str) -> None:
    assert needed(BY_CALL[word][0].needs) == needs


@pytest.mark.parametrize(
    ("needs", "words"),
    [
        ((), ""),
        ((("KILL",),), "KILL"),
        ((("NET_ADMIN",), ("NET_RAW",)), "NET_ADMIN or NET_RAW"),
        ((("SYS_ADMIN", "SYS_CHROOT"),), "SYS_ADMIN and SYS_CHROOT"),
        ((("BPF", "PERFMON"), ("SYS_ADMIN",)), "BPF and PERFMON, or SYS_ADMIN"),
    ],
)
def test_alternative_capabilities_are_joined_by_or(needs: tuple[tuple[str, ...], ...], words: str) -> None:
    assert needed(needs) == words
