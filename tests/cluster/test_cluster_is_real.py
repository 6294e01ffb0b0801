"""The tiers are what they say: a real API server with admission, a real node with a real kernel behind it."""

import json
import os

import pytest
from testbed import build
from testbed.cluster import Cluster, Node

SLEEPER = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "sleeper"}}
DEFAULT_CAPABILITIES = "00000000a80425fb"
"""containerd's 14: `defaultUnixCaps` in its pkg/oci/spec.go."""


def pod(image: str) -> str:
    container = {"name": "main", "image": image, "imagePullPolicy": "Never"}
    return json.dumps({**SLEEPER, "spec": {"containers": [container], "terminationGracePeriodSeconds": 0}})


@pytest.mark.skipif("KUBEBUILDER_ASSETS" in os.environ, reason="the server is another one: KUBEBUILDER_ASSETS is set")
def test_the_server_is_the_kubernetes_that_was_built(api_cluster: Cluster) -> None:
    """Verdicts depend on the version, so the server must not call itself v0.0.0."""
    assert api_cluster.version == f"v{build.KUBERNETES_VERSION}"


def test_an_enforced_level_refuses_a_pod(api_cluster: Cluster, namespace: str) -> None:
    """Pod Security admission is on, and its words come through kubectl."""
    api_cluster.kubectl("label", "namespace", namespace, "pod-security.kubernetes.io/enforce=restricted")
    refused = api_cluster.kubectl("apply", "-n", namespace, "-f", "-", input=pod("nobody/cares"), check=False)
    assert refused.returncode == 1
    assert 'violates PodSecurity "restricted:latest"' in refused.stderr
    assert 'container "main" must set securityContext.capabilities.drop=["ALL"]' in refused.stderr


def test_a_pod_runs_and_the_kernel_says_its_capabilities(node_cluster: Node, namespace: str) -> None:
    """All the way down: scheduled, started by runc, and /proc read inside of it."""
    node_cluster.kubectl("apply", "-n", namespace, "-f", "-", input=pod(node_cluster.busybox))
    node_cluster.kubectl("wait", "-n", namespace, "--for=condition=Ready", "pod/sleeper", "--timeout=60s")
    status = node_cluster.process_status(namespace, "sleeper")
    assert [status[name] for name in ("CapPrm", "CapEff", "CapBnd")] == [DEFAULT_CAPABILITIES] * 3
    assert [status[name] for name in ("CapInh", "CapAmb")] == ["0000000000000000"] * 2
    assert status["NoNewPrivs"] == "0"


def test_the_plugin_runs_against_the_cluster(api_cluster: Cluster) -> None:
    """`caps` of the fixture is this project's command line."""
    assert api_cluster.caps("version").returncode == 0
