"""A server newer than the rules that are known here: inspect judges by these and says so, label-ns leaves it open."""

import pytest
from labeling import GOOD, deployment, judged, labels, spec
from testbed.cluster import Cluster

from kubectl_caps.core.label import verdicts
from kubectl_caps.core.podsecurity import policy
from kubectl_caps.main import main


@pytest.mark.parametrize(
    ("known", "said"),
    [
        (policy.NEWEST_MINOR, ""),
        (30, "The API server is 1.37; the newest Pod Security rules known here are v1.30.\n"),
    ],
)
def test_inspect_says_that_the_server_knows_newer_rules(
    api_cluster: Cluster,
    namespace: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    known: int,
    said: str,
) -> None:
    monkeypatch.setattr(policy, "NEWEST_MINOR", known)
    assert main(["inspect", "--kubeconfig", str(api_cluster.kubeconfig), "-n", namespace]) == 0
    assert capsys.readouterr().err == f"{said}No resources found in {namespace} namespace.\n"


@pytest.mark.parametrize(
    ("version", "open_"), [("latest", "v1.37"), ("v1.31", "v1.31"), ("v1.99", "v1.37"), ("v1.30", "")]
)
def test_violations_of_newer_rules_than_known_are_not_judged(
    api_cluster: Cluster, namespace: str, monkeypatch: pytest.MonkeyPatch, version: str, open_: str
) -> None:
    for module in (policy, verdicts):
        monkeypatch.setattr(module, "NEWEST_MINOR", 30)
    deployment(api_cluster, namespace, "web", spec(GOOD))
    result = judged(api_cluster, namespace, f"--enforce=baseline:{version}")
    told = f"the rules of {open_}, which the API server has: the newest known here are v1.30"
    assert (result.status, result.item["notJudged"]) == ((2, [told]) if open_ else (0, []))
    assert bool(labels(api_cluster, namespace)) is not bool(open_)
    assert judged(api_cluster, namespace, f"--enforce=baseline:{version}", "--force").item["result"] != "refused"
