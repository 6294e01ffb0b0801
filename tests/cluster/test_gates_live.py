"""Gates, exemptions and reports on what a real API server has."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from testbed.cluster import Cluster

OUTPUTS = ("table", "wide", "json", "yaml", "name", "sarif", "html")
WEB = """
apiVersion: apps/v1
kind: Deployment
metadata:
  name: NAME
  annotations: {kubectl-caps/exempt: "ANNOTATION"}
spec:
  replicas: 0
  selector: {matchLabels: {app: NAME}}
  template:
    metadata: {labels: {app: NAME}}
    spec:
      containers:
      - name: nginx
        image: nginx
        securityContext: {capabilities: {drop: [ALL], add: [NET_RAW]}}
"""


@pytest.fixture(scope="module")
def shop(api_cluster: Cluster) -> Iterator[str]:
    """A namespace with three deployments that add NET_RAW: one is exempted, of one the exemption has expired."""
    name = api_cluster.make_namespace()
    rows = {"plain": "; ", "meant": "NET_RAW; it pings; never", "late": "NET_RAW; it pinged; 2020-01-01"}
    texts = [WEB.replace("NAME", key).replace("ANNOTATION", value) for key, value in rows.items()]
    api_cluster.kubectl("apply", "-n", name, "-f", "-", input="---".join(texts))
    yield name
    api_cluster.delete_namespace(name)


@pytest.mark.parametrize("output", OUTPUTS)
def test_every_output_has_the_gate_and_only_unexempted_findings_fail(
    output: str, api_cluster: Cluster, shop: str
) -> None:
    done = api_cluster.caps("inspect", "deploy", "-n", shop, "--fail-on", "high", "-o", output)
    assert done.returncode == 1, done.stderr
    failed = [line.split()[0] for line in done.stderr.splitlines() if "the risk is high: NET_RAW" in line]
    assert failed == ["deployment.apps/late", "deployment.apps/plain"]
    assert "deployment.apps/late: NET_RAW: exempted until 2020-01-01" in done.stderr
    assert "deployment.apps/plain: annotation kubectl-caps/exempt: must be" in done.stderr


def test_one_object_passes_by_its_annotation_and_another_by_a_file(
    api_cluster: Cluster, shop: str, tmp_path: Path
) -> None:
    gate = ("--fail-on", "high", "--require", "baseline")
    path = tmp_path / "exemptions.yaml"
    entry = {"namespace": shop, "name": "plain", "capabilities": ["NET_RAW"], "reason": "it pings", "until": "never"}
    path.write_text(
        yaml.safe_dump({"apiVersion": "kubectl-caps/v1alpha1", "kind": "Exemptions", "exemptions": [entry]})
    )
    assert api_cluster.caps("inspect", "deploy/meant", "-n", shop, *gate).returncode == 0
    assert api_cluster.caps("inspect", "deploy/plain", "-n", shop, *gate).returncode == 1
    assert api_cluster.caps("inspect", "deploy/plain", "-n", shop, *gate, "--exemptions", str(path)).returncode == 0


def test_a_list_that_is_forbidden_does_not_pass(api_cluster: Cluster, shop: str) -> None:
    done = api_cluster.caps("inspect", "-n", shop, "--as", "nobody", "--fail-on", "critical")
    assert done.returncode == 2
    assert "could not be judged, which does not pass --fail-on" in done.stderr


def test_a_namespace_that_does_not_exist_passes_no_gate_and_an_empty_one_does(
    api_cluster: Cluster, namespace: str
) -> None:
    """The API server answers both with empty lists."""
    gate = ("--require", "baseline")
    assert api_cluster.caps("inspect", "-n", namespace, *gate).returncode == 0
    done = api_cluster.caps("inspect", "-n", f"{namespace}-typo", *gate)
    assert done.returncode == 2
    assert f'namespaces "{namespace}-typo" not found' in done.stderr
    assert api_cluster.caps("inspect", "-n", f"{namespace}-typo").returncode == 0


def test_sarif_names_the_object_and_its_own_stable_address(api_cluster: Cluster, shop: str) -> None:
    done = api_cluster.caps("inspect", "deploy/plain", "-n", shop, "-o", "sarif")
    results = json.loads(done.stdout)["runs"][0]["results"]
    (risk,) = [item for item in results if item["ruleId"] == "risk-high"]
    (location,) = risk["locations"]
    address = location["physicalLocation"]["artifactLocation"]
    assert address == {"uri": f"cluster/{shop}/deployment.apps/plain", "uriBaseId": "%SRCROOT%"}
    (logical,) = location["logicalLocations"]
    field = "spec.template.spec.containers[0].securityContext.capabilities"
    assert logical["fullyQualifiedName"] == f"{shop}/deployment.apps/plain/nginx/{field}"
    assert risk["partialFingerprints"]["primaryLocationLineHash"]
