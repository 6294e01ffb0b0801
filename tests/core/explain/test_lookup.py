"""Which words can be explained, and which are near an unknown one."""

import pytest

from kubectl_caps.core.explain.lookup import everything, meanings, nearest
from kubectl_caps.core.linux.capabilities import CAPABILITIES
from kubectl_caps.core.podsecurity.registry import CHECKS
from kubectl_caps.core.warnings.registry import IDS


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("NET_ADMIN", ["capability NET_ADMIN"]),
        ("cap_net_admin", ["capability NET_ADMIN"]),
        (" Net_Admin ", ["capability NET_ADMIN"]),
        ("kill", ["capability KILL", "call kill"]),
        ("CHOWN", ["capability CHOWN", "call chown"]),
        ("bpf", ["capability BPF", "call bpf"]),
        ("clock_settime", ["call clock_settime"]),
        ("SO_mark", ["call SO_MARK"]),
        ("12", ["capability NET_ADMIN", "mask 0000000000000012"]),
        ("41", ["mask 0000000000000041"]),
        ("CAP_41", ["mask 0000020000000000"]),
        ("ALL", ["mask ALL"]),
        ("a80425fb", ["mask 00000000a80425fb"]),
        ("hostports", ["check hostPorts"]),
        ("capabilities_restricted", ["check capabilities_restricted"]),
        ("cap-prefix", ["warning cap-prefix"]),
        ("privileged", ["check privileged", "warning privileged"]),
        ("setuid(33) = -1 EPERM (Operation not permitted)", ["line setuid(33) = -1 EPERM (Operation not permitted)"]),
        ("OOMKilled", ["line OOMKilled"]),
        ("nothing to see here", []),
        ("netadmin", []),
        ("", []),
    ],
)
def test_every_meaning_of_a_text(text: str, found: list[str]) -> None:
    assert [f"{item.kind} {item.subject}" for item in meanings(text)] == found


def test_all_has_every_capability() -> None:
    (found,) = meanings("all")
    assert len(found.capabilities) == len(CAPABILITIES)


@pytest.mark.parametrize(
    ("word", "near"),
    [
        ("netadmin", "NET_ADMIN"),
        ("CAP_SYS_ADMN", "SYS_ADMIN"),
        ("clock_setime", "clock_settime"),
        ("hostPort", "hostPorts"),
        ("cap-prefixes", "cap-prefix"),
    ],
)
def test_the_nearest_word_of_an_unknown_word_is_suggested(word: str, near: str) -> None:
    assert nearest(word)[0] == near


@pytest.mark.parametrize("word", ["", "xyzzy", "q" * 1_000_000])
def test_a_meaningless_word_has_no_nearest_word(word: str) -> None:
    assert nearest(word) == ()


def test_every_listed_word_can_be_looked_up_by_its_name() -> None:
    listed = list(everything())
    assert len(listed) == len(CAPABILITIES) + len(CHECKS) + len(IDS)
    assert [item for item in listed if item not in meanings(item.subject)] == []
