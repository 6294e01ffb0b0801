"""`make dist-check`: real krew validates the manifest and installs the archive, and kubectl runs the plugin."""

from pathlib import Path

import check
import pytest
from testbed.cluster import Cluster


def test_krew_installs_the_archive_and_kubectl_runs_it(
    dist: Path, api_cluster: Cluster, namespace: str, capfd: pytest.CaptureFixture[str]
) -> None:
    check.check(dist, api_cluster.kubeconfig, namespace)
    shown = capfd.readouterr()
    assert "Installed plugin: caps" in shown.out + shown.err
    assert "deployment.apps/web" in shown.out
