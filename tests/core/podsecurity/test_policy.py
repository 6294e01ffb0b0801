"""Levels and versions as they are written, and the version that really applies."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubectl_caps.core.podsecurity.policy import (
    NEWEST_MINOR,
    Policy,
    PolicyError,
    effective_minor,
    is_clamped,
    parse_level,
    parse_policy,
    parse_version,
)


@pytest.mark.parametrize("text", ["latest", "v1.0", "v1.9", "v1.37", "v1.38", "v1.10000", "v1.9223372036854775807"])
def test_a_version_is_latest_or_v1_and_a_minor(text: str) -> None:
    assert parse_version(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "", "v1", "v1.", "1.25", "v2.0", "v1.01", "V1.2", "v1.25.3", "Latest", "v1.2\n", "v1.٣", "v1.-1", " v1.2",
        "v1.9223372036854775808", "v1." + "9" * 5000,
    ],
)  # fmt: skip
def test_other_values_are_refused_in_upstreams_words(text: str) -> None:
    with pytest.raises(PolicyError) as refused:
        parse_version(text)
    assert str(refused.value) == 'must be "latest" or "v1.x"'


@pytest.mark.parametrize("text", ["", "Restricted", "restricted ", "none"])
def test_a_level_is_spelled_exactly(text: str) -> None:
    with pytest.raises(PolicyError) as refused:
        parse_level(text)
    assert str(refused.value) == "must be one of privileged, baseline, restricted"


@pytest.mark.parametrize(
    ("text", "policy"),
    [
        ("baseline", Policy("baseline", "latest")),
        ("restricted:v1.8", Policy("restricted", "v1.8")),
        ("privileged:latest", Policy("privileged", "latest")),
    ],
)
def test_a_policy_is_a_level_with_or_without_a_version(text: str, policy: Policy) -> None:
    assert parse_policy(text) == policy


@pytest.mark.parametrize("text", ["", "baseline:", "baseline:v1.2:3", ":latest", "base"])
def test_a_wrong_policy_is_quoted_whole(text: str) -> None:
    with pytest.raises(PolicyError, match=f'^invalid value "{text}": must be '):
        parse_policy(text)


def test_a_policy_prints_its_version_as_it_was_given() -> None:
    assert str(Policy("restricted", "v1.99")) == "restricted:v1.99"


@pytest.mark.parametrize(
    ("version", "server_minor", "minor", "clamped"),
    [
        ("latest", None, NEWEST_MINOR, False),
        ("v1.99", None, NEWEST_MINOR, True),
        ("v1.9", None, 9, False),
        ("v1.10", 30, 10, False),
        ("latest", 30, 30, False),
        ("v1.34", 30, 30, False),
        ("v1.30", 30, 30, False),
        ("latest", NEWEST_MINOR, NEWEST_MINOR, False),
        ("latest", NEWEST_MINOR + 1, NEWEST_MINOR, True),
        ("v1.0", NEWEST_MINOR + 1, 0, False),
        (f"v1.{NEWEST_MINOR}", NEWEST_MINOR + 1, NEWEST_MINOR, False),
    ],
)
def test_a_version_is_capped_by_the_servers_and_by_the_newest_known(
    version: str, server_minor: int | None, minor: int, clamped: bool
) -> None:
    assert (effective_minor(version, server_minor), is_clamped(version, server_minor)) == (minor, clamped)


@given(st.integers(0, 10**6), st.none() | st.integers(0, 200))
def test_no_version_applies_rules_newer_than_itself_the_server_or_this_program(minor: int, server: int | None) -> None:
    applied = effective_minor(f"v1.{minor}", server)
    assert applied <= min(minor, NEWEST_MINOR, NEWEST_MINOR if server is None else server)
