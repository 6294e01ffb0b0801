"""What the API server says of existing pods when a label changes, and where that is not what we say."""

import pytest

from kubectl_caps.core.podsecurity.enforce_warnings import EnforceWarnings, compare, expected, read_warnings
from kubectl_caps.core.podsecurity.policy import Policy
from kubectl_caps.core.podsecurity.registry import Violation

RESTRICTED = Policy("restricted")
HEADER = 'existing pods in namespace "shop" violate the new PodSecurity enforce level "restricted:latest"'
PARTIAL = "new PodSecurity enforce level only checked against the first 3000 of 3200 existing pods"
FAILED = "failed to list pods while checking new PodSecurity enforce level"
EXEMPT = 'namespace "shop" is exempt from Pod Security, and the policy (enforce=restricted:latest) will be ignored'


def violation(reason: str) -> Violation:
    """A violation of which only the reason matters."""
    return Violation("baseline", "check", reason, "detail", (), ())


def test_pods_are_grouped_by_their_reasons_under_the_first_name() -> None:
    pods = {
        "web-2": [violation("privileged")],
        "web-1": [violation("privileged")],
        "web-3": [violation("privileged")],
        "db-2": [violation("hostPort"), violation("procMount")],
        "db-1": [violation("hostPort"), violation("procMount")],
        "api": [violation("hostPort")],
        "good": [],
    }
    assert expected(pods, "shop", RESTRICTED) == [
        HEADER,
        "api: hostPort",
        "db-1 (and 1 other pod): hostPort, procMount",
        "web-1 (and 2 other pods): privileged",
    ]
    assert expected({"good": []}, "shop", RESTRICTED) == []


def test_warnings_of_webhooks_are_separate() -> None:
    said = read_warnings(
        ["deprecated: x", HEADER, "web (and 1 other pod): privileged", "a webhook is not amused"], "shop"
    )
    assert said.lines == (HEADER, "web (and 1 other pod): privileged")
    assert said.others == ("deprecated: x", "a webhook is not amused")
    assert not said.partial


@pytest.mark.parametrize(
    ("warnings", "exempt", "partial"),
    [
        ([], False, False),
        ([EXEMPT], True, False),
        ([EXEMPT.replace("shop", "other")], False, False),
        ([PARTIAL], False, True),
        ([FAILED], False, True),
        ([PARTIAL, HEADER, "web: privileged"], False, True),
        ([HEADER, *(f"pod-{index:02}: {'x' * 200}" for index in range(20))], False, True),
        ([HEADER, "web: " + "x" * 251], False, True),
        ([HEADER, "web: " + "x" * 250], False, False),
    ],
)
def test_an_answer_tells_whether_it_is_all(warnings: list[str], exempt: bool, partial: bool) -> None:
    said = read_warnings(warnings, "shop")
    assert (said.exempt, said.partial) == (exempt, partial)


@pytest.mark.parametrize(
    ("lines", "wanted", "extra", "missing"),
    [
        ([HEADER, "web: a"], [HEADER, "web: a"], [], []),
        ([HEADER, "web: a"], [HEADER, "web: a", "x: b"], [], ["x: b"]),
        ([HEADER, "web: a"], [HEADER, "web: a, b"], ["web: a"], ["web: a, b"]),
        ([], [], [], []),
    ],
)
def test_the_whole_answer_is_compared_line_by_line(
    lines: list[str], wanted: list[str], extra: list[str], missing: list[str]
) -> None:
    assert compare(EnforceWarnings(tuple(lines)), wanted) == (extra, missing)


@pytest.mark.parametrize(
    ("line", "extra"),
    [
        ("web-9 (and 2999 other pods): a, b", []),
        ("web-9 (and 2999 other pods): a, c", ["web-9 (and 2999 other pods): a, c"]),
        ("web-9 (and 2999 other pods): a", ["web-9 (and 2999 other pods): a"]),
    ],
)
def test_incomplete_warnings_are_compared_by_their_reasons(line: str, extra: list[str]) -> None:
    ours = [HEADER, "db: c", "web-1 (and 3199 other pods): a, b"]
    assert compare(EnforceWarnings((HEADER, line), partial=True), ours) == (extra, [])


def test_a_line_that_was_cut_is_the_beginning_of_ours() -> None:
    reasons = ", ".join(f"reason {index}" for index in range(40))
    cut = f"web: {reasons}"[:256]
    assert compare(EnforceWarnings((HEADER, cut), partial=True), [HEADER, f"web: {reasons}"]) == ([], [])
    assert compare(EnforceWarnings((HEADER, cut), partial=True), [HEADER, "web: other"]) == ([cut], [])
