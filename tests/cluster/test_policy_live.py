"""`policy` against a real API server: its verdict is our evaluator's, and what is applied, checked and removed."""

from collections import Counter
from collections.abc import Iterator
from random import Random

import pytest
from policies.random_policies import policies, requests
from policies.verdicts import Verdict, await_policy, install, today, verdicts
from testbed.cluster import Cluster

from kubectl_caps.core.policy import judge

NAMESPACES, EACH, SEED = 20, 110, 1


@pytest.fixture(scope="module")
def judged(api_cluster: Cluster) -> Iterator[list[Verdict]]:
    """2,200 random requests, of which the API itself refuses some, in 20 namespaces, each with a random policy."""
    random = Random(SEED)
    names = [api_cluster.make_namespace() for _ in range(NAMESPACES)]
    asked = []
    good = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    target = {
        "metadata": {"name": "target"},
        "spec": {"containers": [{"name": "a", "image": "x", "securityContext": good}]},
    }
    for policy in policies(random, names):
        path = f"/api/v1/namespaces/{policy.namespace}"
        assert api_cluster.api.request("POST", f"{path}/serviceaccounts", {"metadata": {"name": "other"}})[0] == 201
        assert api_cluster.api.request("POST", f"{path}/pods", target)[0] == 201
        install(api_cluster, policy)
        asked += [(policy, request) for request in requests(random, policy.namespace, EACH, "target")]
    for name in names:
        await_policy(api_cluster, name)
    yield verdicts(api_cluster, asked)
    for name in names:
        api_cluster.delete_namespace(name)


def test_every_verdict_of_the_server_is_ours_word_for_word(judged: list[Verdict]) -> None:
    day = today()
    wrong = [
        (one.request, one.theirs, one.ours(day)) for one in judged if one.is_judged and one.theirs != one.ours(day)
    ]
    assert not wrong, "\n".join(map(str, wrong[:5]))


def test_the_requests_are_worth_judging(judged: list[Verdict]) -> None:
    """Most get past the API's own validation, and many are allowed and refused, of each sort."""
    left_out = [one.said for one in judged if not one.is_judged]
    assert len(judged) - len(left_out) >= 2000, Counter(left_out).most_common(5)
    sorts = Counter(
        (one.request.kind == "Pod", one.request.is_ephemeral, bool(one.theirs)) for one in judged if one.is_judged
    )
    assert len(sorts) == 6
    assert min(sorts.values()) > 20, sorts


@pytest.mark.parametrize("rule", [rule.__name__ for rule in judge.RULES])
def test_without_one_of_its_rules_the_evaluator_disagrees(
    judged: list[Verdict], rule: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judge, "RULES", tuple(one for one in judge.RULES if one.__name__ != rule))
    day = today()
    assert any(one.theirs != one.ours(day) for one in judged if one.is_judged)
