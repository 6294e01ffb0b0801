"""A server newer than the rules that are known here is judged by these, and that is said."""

import pytest
from testbed.cluster import Cluster

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
