"""`policy --tests`: every example gets its verdict, from the API server and from the CLIs of Kyverno and Gatekeeper."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
import yaml
from labeling import deployment, make, spec
from policies.random_policies import policies
from policies.reviews import write_suites
from policies.verdicts import await_policy, today
from test_policy_commands import HARDENED, policy
from testbed.cluster import Cluster

from kubectl_caps.core.policy.example_files import EXAMPLE_FILES
from kubectl_caps.core.policy.examples import examples

TOOLS = Path.home() / ".cache" / "kubectl-caps-policy-tools"
"""Where `kyverno` and `gator` are looked for beside PATH; CONTRIBUTING.md says how they are built."""


@pytest.fixture(scope="module")
def shop(api_cluster: Cluster) -> Iterator[str]:
    """A namespace with a workload of several kinds."""
    name = api_cluster.make_namespace()
    deployment(api_cluster, name, "web", spec(HARDENED))
    labels = {"app": "db"}
    template = {"metadata": {"labels": labels}, "spec": spec({**HARDENED, "runAsUser": 33})}
    body = {"selector": {"matchLabels": labels}, "template": template, "replicas": 0, "serviceName": "db"}
    make(api_cluster, name, "apps/v1/statefulsets", {"metadata": {"name": "db"}, "spec": body})
    once = {"template": {"spec": spec({"privileged": True}, restartPolicy="Never")}}
    report = {"schedule": "0 0 1 1 *", "suspend": True, "jobTemplate": {"spec": once}}
    make(api_cluster, name, "batch/v1/cronjobs", {"metadata": {"name": "report"}, "spec": report})
    yield name
    api_cluster.delete_namespace(name)


def test_the_api_server_gives_every_example_its_verdict(api_cluster: Cluster, shop: str, tmp_path: Path) -> None:
    folder = tmp_path / "examples"
    written = policy(api_cluster, shop, "--tests", str(folder))
    assert (written.status, written.out) == (0, ""), written
    assert policy(api_cluster, shop, "--apply", "--action", "deny").status == 0
    await_policy(api_cluster, shop)
    expected = yaml.safe_load((folder / "expected.yaml").read_text())["pods"]
    assert len(expected) > 12
    assert {one["file"] for one in expected} == {f"pods/{path.name}" for path in (folder / "pods").iterdir()}
    for one in expected:
        user = ("--as", one["user"], "--as-group", "system:masters")
        done = api_cluster.kubectl("create", "--dry-run=server", *user, "-f", str(folder / one["file"]), check=False)
        assert (done.returncode == 0) == one["allowed"], (one, done)
        assert one["message"] in done.stderr, (one, done)
    again = policy(api_cluster, shop, "--tests", str(folder))
    assert (again.status, "is not an empty folder" in again.err) == (2, True)


def found(program: str) -> str:
    """The program's path. Skips the test where it is not there."""
    path = shutil.which(program) or shutil.which(program, path=str(TOOLS))
    if path is None:
        pytest.skip(f"{program} is not here")
    return path


def random_examples(folder: Path, form: str, most: int) -> int:
    """The examples of random policies, each policy in a folder of its own; how many examples these are."""
    count = 0
    random = Random(3)
    for index, one in enumerate(policies(random, [f"shop-{index}" for index in range(50)])):
        if count >= most:
            break
        held = list(examples(one, today()))
        count += len(held)
        for name, obj in EXAMPLE_FILES[form](one, held).items():
            path = folder / str(index) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(obj))
    return count


def run_cli(*command: str) -> "subprocess.CompletedProcess[str]":
    """Run a CLI without any cluster."""
    environment: dict[str, Any] = {**os.environ, "KUBECONFIG": "/nonexistent"}
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


def test_gator_gives_500_random_examples_their_verdict(tmp_path: Path) -> None:
    gator = found("gator")
    count = random_examples(tmp_path, "gatekeeper", 500)
    done = run_cli(gator, "verify", f"{tmp_path}/...")
    assert (done.returncode, count >= 500) == (0, True), done.stdout[-3000:] + done.stderr
    assert "FAIL" not in done.stdout


def test_gator_gives_500_random_requests_the_evaluators_verdict_word_for_word(tmp_path: Path) -> None:
    gator = found("gator")
    wanted = write_suites(tmp_path, 500)
    done = run_cli(gator, "verify", f"{tmp_path}/...")
    assert (done.returncode, len(wanted)) == (0, 500), done.stdout[-3000:] + done.stderr
    assert 50 < wanted.count("") < 450


def test_gator_notices_a_wrong_verdict(tmp_path: Path) -> None:
    gator = found("gator")
    random_examples(tmp_path, "gatekeeper", 1)
    suite = tmp_path / "0" / "suite.yaml"
    content = json.loads(suite.read_text())
    content["tests"][0]["cases"][-1]["assertions"] = [{"violations": "no"}]
    suite.write_text(json.dumps(content))
    assert run_cli(gator, "verify", f"{tmp_path}/...").returncode != 0


def test_kyverno_gives_500_random_examples_their_verdict(tmp_path: Path) -> None:
    kyverno = found("kyverno")
    count = random_examples(tmp_path, "kyverno", 500)
    done = run_cli(kyverno, "test", str(tmp_path))
    assert (done.returncode, count >= 500) == (0, True), done.stdout[-3000:] + done.stderr
    assert f"{count} tests passed and 0 tests failed" in done.stdout, done.stdout[-500:]
