"""The oracle: 1,000 random pods and the API server's verdicts on them, under every policy. `make differential` is more.

The server is one of its own, since every policy needs a namespace with a pod in it.
"""

import os
from collections.abc import Iterator
from contextlib import closing

import pytest
from differential.previews import Look, looks
from differential.rooms import policies, rooms
from differential.run import Result, run
from differential.server import Server
from differential.verdicts import coverage
from differential.wreckers import UNNOTICEABLE, wholesale
from testbed.serve import running

from kubectl_caps.core.podsecurity import enforce_warnings
from kubectl_caps.core.podsecurity.registry import CHECKS

pytestmark = [
    pytest.mark.api,
    pytest.mark.skipif("KUBEBUILDER_ASSETS" in os.environ, reason="rules of another server: KUBEBUILDER_ASSETS is set"),
]
COUNT, SEED = 1000, 1


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running("api") as place, closing(Server(place)) as server:
        yield server


@pytest.fixture(scope="module")
def result(server: Server) -> Result:
    return run(server, COUNT, SEED)


@pytest.fixture(scope="module")
def crowds(server: Server) -> list[Look]:
    """Few pods, whose warnings come whole, and many, of whose warnings the server leaves some out."""
    return [*looks(server, "few", 10, 0, policies()[::2]), *looks(server, "many", 60, 3, policies()[::-4])]


def test_every_verdict_is_ours_word_for_word(result: Result) -> None:
    wrong = [(verdict.kind, verdict.said, verdict.ours) for verdict in result.verdicts if not verdict.agrees]
    assert (wrong, result.strange) == ([], [])


def test_every_policy_judges_pods_and_every_kind_of_question_is_put(result: Result) -> None:
    met = {verdict.policy for verdict in result.verdicts if verdict.kind == "pod"}
    assert {room.enforce for room in rooms()} - met == set()
    assert {kind for kind, count in result.asked.items() if count >= COUNT // 20} >= {
        "pod: allowed", "pod: forbidden", "ephemeral containers: forbidden", "template: allowed",
    }  # fmt: skip


def test_the_random_pods_are_valid_and_about_half_are_refused(result: Result) -> None:
    """Most get past the API's own validation, and about half are refused."""
    assert result.asked["pod: invalid"] < COUNT * 0.05
    assert COUNT * 0.35 < result.asked["pod: forbidden"] < COUNT * 0.65


def test_every_check_refuses_some_random_pods(result: Result) -> None:
    refused = {check for check, _ in coverage(result.verdicts).refused}
    assert {check.id for check in CHECKS} - refused == set()


def test_any_revision_broken_on_purpose_would_be_noticed(result: Result) -> None:
    assert set(wholesale(result.verdicts).unnoticed) == UNNOTICEABLE


def test_a_server_that_disagreed_would_be_noticed(result: Result) -> None:
    """The comparison is not one that cannot fail."""
    liar = next(verdict for verdict in result.verdicts if verdict.said and not verdict.was_cut)
    for said in ("", liar.said + ".", liar.said.lower()):
        assert not type(liar)(liar.kind, liar.policy, liar.template, said, liar.source).agrees


def test_warnings_about_existing_pods_are_as_expected(crowds: list[Look]) -> None:
    whole = [look for look in crowds if not look.said.partial]
    assert len(whole) > 20
    assert [(look.policy, look.warnings, look.expected) for look in whole if look.warnings != look.expected] == []


def test_warnings_that_the_server_cuts_are_taken_for_a_part(crowds: list[Look]) -> None:
    cut = [look for look in crowds if look.said.partial]
    assert len(cut) > 5
    assert [enforce_warnings.compare(look.said, look.expected) for look in cut] == [([], [])] * len(cut)
