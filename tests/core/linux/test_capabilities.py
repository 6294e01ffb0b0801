"""The table of capabilities, and how their names are read."""

import re
import time
from pathlib import Path

import pytest

from kubectl_caps.core.linux.capabilities import (
    BY_NAME,
    BY_NUMBER,
    CAPABILITIES,
    Risk,
    UnknownCapability,
    canonical,
    worst,
)

# As in include/uapi/linux/capability.h, by number.
HEADER = (
    "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE "
    "NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN "
    "SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE "
    "MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE"
)

RISKS: dict[Risk, str] = {
    "critical": "DAC_READ_SEARCH SYS_MODULE SYS_RAWIO SYS_ADMIN",
    "high": "NET_ADMIN NET_RAW SYS_PTRACE SYS_BOOT AUDIT_CONTROL MAC_OVERRIDE MAC_ADMIN PERFMON BPF",
    "medium": "CHOWN DAC_OVERRIDE FOWNER SETGID SETUID LINUX_IMMUTABLE SYS_NICE SYS_RESOURCE SYS_TIME MKNOD SYSLOG "
    "AUDIT_READ CHECKPOINT_RESTORE",
    "low": "FSETID KILL SETPCAP NET_BIND_SERVICE NET_BROADCAST IPC_LOCK IPC_OWNER SYS_CHROOT SYS_PACCT SYS_TTY_CONFIG "
    "LEASE AUDIT_WRITE SETFCAP WAKE_ALARM BLOCK_SUSPEND",
}

SINCE = {
    "2.4": "MKNOD LEASE",
    "2.6.11": "AUDIT_WRITE AUDIT_CONTROL",
    "2.6.24": "SETFCAP",
    "2.6.25": "MAC_OVERRIDE MAC_ADMIN",
    "2.6.37": "SYSLOG",
    "3.0": "WAKE_ALARM",
    "3.5": "BLOCK_SUSPEND",
    "3.16": "AUDIT_READ",
    "5.8": "PERFMON BPF",
    "5.9": "CHECKPOINT_RESTORE",
}


def test_the_table_has_the_names_of_the_kernel_header_at_their_numbers() -> None:
    assert [(capability.number, capability.name) for capability in CAPABILITIES] == list(enumerate(HEADER.split()))


def test_the_table_is_the_kernel_header_of_this_machine() -> None:
    header = Path("/usr/include/linux/capability.h")
    if not header.exists():
        pytest.skip("no kernel headers here (Debian: linux-libc-dev)")
    found = re.findall(r"^#define CAP_([A-Z_]+)\s+(\d+)$", header.read_text(), re.MULTILINE)
    known = [(capability.number, capability.name) for capability in CAPABILITIES]
    assert [(int(number), name) for name, number in found] == known


def test_the_running_kernel_has_no_capability_without_a_row() -> None:
    last = Path("/proc/sys/kernel/cap_last_cap")
    if not last.exists():
        pytest.skip("not Linux")
    assert int(last.read_text()) < len(CAPABILITIES)


def test_both_indexes_hold_every_capability() -> None:
    assert list(BY_NUMBER.values()) == list(BY_NAME.values()) == list(CAPABILITIES)


@pytest.mark.parametrize("risk", RISKS)
def test_the_risk_of_a_capability_without_shared_namespaces(risk: Risk) -> None:
    assert {capability.name for capability in CAPABILITIES if capability.risk == risk} == set(RISKS[risk].split())


def test_capabilities_that_came_after_kernel_2_2_say_since_when() -> None:
    later: dict[str, set[str]] = {}
    for capability in CAPABILITIES:
        later.setdefault(capability.since, set()).add(capability.name)
    del later["2.2"]
    assert later == {since: set(names.split()) for since, names in SINCE.items()}


@pytest.mark.parametrize("capability", CAPABILITIES, ids=lambda capability: capability.name)
@pytest.mark.parametrize("field", ["allows", "danger", "source"])
def test_every_capability_is_explained_in_words_that_follow_a_colon(capability: object, field: str) -> None:
    text = getattr(capability, field)
    assert text == text.strip()
    assert text
    assert not text.endswith(".")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("NET_RAW", "NET_RAW"),
        ("net_raw", "NET_RAW"),
        ("CAP_NET_RAW", "NET_RAW"),
        ("cap_net_raw", "NET_RAW"),
        (" Net_Raw ", "NET_RAW"),
        ("ALL", "ALL"),
        ("all", "ALL"),
        ("\tAll\n", "ALL"),
    ],
)
def test_names_are_read_liberally(text: str, name: str) -> None:
    assert canonical(text) == name


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("NET_RWA", 'unknown capability "NET_RWA", did you mean NET_RAW?'),
        ("sysadmin", 'unknown capability "sysadmin", did you mean SYS_ADMIN?'),
        ("CAP_CAP_NET_RAW", 'unknown capability "CAP_CAP_NET_RAW", did you mean NET_RAW?'),
        ("CAP_ALL", 'unknown capability "CAP_ALL", did you mean ALL?'),
        ("ALLL", 'unknown capability "ALLL", did you mean ALL?'),
        ("LOREM", 'unknown capability "LOREM"'),
        ("CAP_", 'unknown capability "CAP_"'),
        ("CAP_41", 'unknown capability "CAP_41"'),
        ("NET RAW", 'unknown capability "NET RAW", did you mean NET_RAW?'),
        ("", 'unknown capability ""'),
    ],
)
def test_an_unknown_name_is_an_error_that_names_the_nearest(text: str, message: str) -> None:
    with pytest.raises(UnknownCapability) as error:
        canonical(text)
    assert str(error.value) == message


def test_an_endless_name_is_refused_at_once() -> None:
    started = time.process_time()
    with pytest.raises(UnknownCapability):
        canonical("NET_RAW" * 1_000_000)
    assert time.process_time() - started < 0.5


@pytest.mark.parametrize(
    ("risks", "result"),
    [
        ((), "unknown"),
        (("none",), "none"),
        (("none", "low"), "low"),
        (("low", "medium"), "medium"),
        (("high", "medium"), "high"),
        (("high", "critical", "low"), "critical"),
        (("unknown", "none"), "unknown"),
        (("high", "unknown"), "unknown"),
        (("unknown", "critical"), "critical"),
    ],
)
def test_the_worst_risk_is_not_hidden_by_a_lower_one(risks: tuple[Risk, ...], result: Risk) -> None:
    assert worst(*risks) == result
