"""The pages that are told as one story are run word by word, in order, by a real kubectl on a real cluster."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from platform_example import CLUSTER_ONLY, FILES, NAMESPACES
from sessions import Step, run, steps
from testbed import programs
from testbed.cluster import Node
from testbed.images import Image

ROOT = Path(__file__).parents[2]
POD_SECURITY = "pod-security.kubernetes.io/"
TOLD_OF = ("shop", "reports", "infra", "lab")
"""The namespaces of the stories."""


@pytest.fixture
def cluster(node_alone: Node) -> Iterator[Node]:
    """A cluster with the images that the pages name (nobody pulls them here), and without their namespaces."""
    node_alone.image("docker.io/library/nginx:1.27", programs.REAL["nginx"])
    node_alone.image("docker.io/library/busybox:1.36", Image())
    remove = ("delete", "namespace", *TOLD_OF, "--ignore-not-found", "--timeout=100s")
    node_alone.kubectl(*remove)
    yield node_alone
    node_alone.kubectl(*remove)


def story(page: str) -> list[Step]:
    """The steps of a page, of which there are some."""
    told = steps(ROOT / "docs" / page, "story")
    assert len(told) > 5
    return told


def tell(cluster: Node, told: list[Step], folder: Path) -> None:
    """Runs every step and compares its output."""
    for step in told:
        run(step, folder, cluster.environment)


def labels(cluster: Node, namespace: str) -> dict[str, str]:
    """The Pod Security labels of a namespace."""
    found = cluster.api.get(f"/api/v1/namespaces/{namespace}")["metadata"]["labels"]
    return {key.removeprefix(POD_SECURITY): value for key, value in found.items() if key.startswith(POD_SECURITY)}


def status(cluster: Node, namespace: str, app: str) -> dict[str, str]:
    """/proc/1/status in the one pod of an app that is not being deleted."""
    pods = cluster.api.get(f"/api/v1/namespaces/{namespace}/pods?labelSelector=app%3D{app}")["items"]
    (pod,) = [item["metadata"]["name"] for item in pods if "deletionTimestamp" not in item["metadata"]]
    return cluster.process_status(namespace, pod)


def test_the_tutorial_ends_with_a_hardened_nginx_in_baseline_and_a_compliant_workload_in_restricted(
    cluster: Node, tmp_path: Path
) -> None:
    told = story("tutorial.md")
    tell(cluster, told[:-1], tmp_path)
    assert labels(cluster, "shop") == {"enforce": "baseline"}
    assert labels(cluster, "reports") == {"enforce": "restricted"}
    nginx, report = status(cluster, "shop", "web"), status(cluster, "reports", "report")
    assert (nginx["CapEff"], nginx["NoNewPrivs"]) == ("00000000000000c1", "1")
    assert (report["CapBnd"], report["Uid"].split()[0]) == ("0000000000000000", "10001")
    tell(cluster, told[-1:], tmp_path)


def test_the_way_of_a_platform_ends_with_manifests_that_pass_and_a_namespace_that_enforces(
    cluster: Node, tmp_path: Path
) -> None:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    cluster.kubectl("apply", "-f", "-", input=NAMESPACES)
    cluster.kubectl("apply", "-R", "-f", str(tmp_path / "deploy"))
    cluster.kubectl("create", "-f", "-", input=CLUSTER_ONLY)
    for workload in ("deployment/web", "deployment/api", "deployment/worker", "statefulset/db"):
        cluster.kubectl("rollout", "status", workload, "-n", "shop", "--timeout=120s")
    tell(cluster, story("platform.md"), tmp_path)
    assert labels(cluster, "shop") == {"enforce": "baseline", "warn": "restricted", "audit": "restricted"}
    assert "enforce" not in labels(cluster, "infra")
    assert status(cluster, "shop", "web")["CapEff"] == "00000000000000c1"
    assert status(cluster, "shop", "db")["CapBnd"] == "0000000000000000"


@pytest.mark.skipif(not shutil.which("capsh", path="/usr/sbin:/usr/bin"), reason="no capsh (Debian: libcap2-bin)")
def test_the_page_by_hand_gives_the_same_answers_as_the_commands(cluster: Node, tmp_path: Path) -> None:
    tell(cluster, story("by-hand.md"), tmp_path)
