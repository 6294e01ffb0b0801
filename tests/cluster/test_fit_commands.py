"""fit on a real API server: the commands that it prints run as they are printed, and no answer is lost."""

import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from fake_kubelet import FakeKubelet, fake_kubelet
from middleman import between
from test_fit_live import apply, deployment, left
from testbed.cluster import Cluster, Completed
from zygote import zygote

FLAGS = ("--settle", "0s", "--timeout", "20s", "--yes")
HARDENED = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"], "add": ["CHOWN"]}}


class Shell:
    """Runs command lines through a middleman that answers for the kubelet."""

    def __init__(self, kubeconfig: str) -> None:
        self.kubeconfig = kubeconfig

    def caps(self, *argv: str, **env: str) -> Completed:
        """One command line; the environment names no kubeconfig unless `env` does."""
        return zygote().run(argv, {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", **env})

    def fit(self, *argv: str) -> tuple[Completed, list[dict[str, Any]]]:
        """`fit -o json`, and its items."""
        done = self.caps("fit", *argv, *FLAGS, "-o", "json", "--kubeconfig", self.kubeconfig)
        return done, json.loads(done.stdout)["items"]

    def run_printed(self, command: str, *more: str) -> Completed:
        """A printed command, with the words of the program left out."""
        words = shlex.split(command)
        return self.caps(*words[words.index("harden") :], *more)


@pytest.fixture(scope="module")
def kubelet(api_cluster: Cluster) -> Iterator[FakeKubelet]:
    """What runs the trial pods of this file."""
    with fake_kubelet(api_cluster) as running:
        yield running


@pytest.fixture
def shell(api_cluster: Cluster, kubelet: FakeKubelet, tmp_path: Path) -> Iterator[Shell]:
    """A kubeconfig whose current context is of no cluster; `it` is the right one."""
    with between(api_cluster, tmp_path, kubelet.log) as middleman:
        path = Path(middleman.kubeconfig)
        config = yaml.safe_load(path.read_text())
        config["contexts"].append({"name": "other", "context": {"cluster": "none", "user": "none"}})
        path.write_text(json.dumps({**config, "current-context": "other"}))
        yield Shell(str(path))


def container(cluster: Cluster, namespace: str) -> dict[str, Any]:
    """The first container of the Deployment."""
    found = json.loads(cluster.kubectl("get", "deploy/web", "-n", namespace, "-o", "json").stdout)
    first: dict[str, Any] = found["spec"]["template"]["spec"]["containers"][0]
    return first


def test_the_printed_command_names_cluster_and_namespace_and_runs_as_printed(
    api_cluster: Cluster, namespace: str, shell: Shell
) -> None:
    apply(api_cluster, namespace, deployment())
    done, (item,) = shell.fit("deploy/web", "-n", namespace, "--context", "it")
    assert (done.returncode, item["needed"]) == (0, {"c": ["CHOWN"]}), done.stderr
    (command,) = item["commands"]
    assert f" harden deployment.apps/web -n {namespace} --kubeconfig {shell.kubeconfig} --context it" in command
    assert shell.run_printed(command, "--settle", "0s").returncode == 0
    assert container(api_cluster, namespace)["securityContext"] == HARDENED
    assert left(api_cluster, namespace) == []


def file_of(tmp_path: Path, *objects: dict[str, Any]) -> str:
    """A manifest with these objects."""
    file = tmp_path / "my manifest.yaml"
    file.write_text(yaml.safe_dump_all(objects))
    return str(file)


def test_the_command_for_a_file_of_a_custom_kind_names_the_kind_and_runs_as_printed(
    namespace: str, shell: Shell, tmp_path: Path
) -> None:
    fleet = {**deployment(), "apiVersion": "example.com/v1", "kind": "Fleet"}
    file = file_of(tmp_path, fleet)
    where = ("-n", namespace, "--context", "it", "--kind", "example.com/Fleet=spec.template")
    done, (item,) = shell.fit("-f", file, *where)
    assert (done.returncode, item["needed"]) == (0, {"c": ["CHOWN"]}), done.stderr
    (command,) = item["commands"]
    assert f" harden -f {shlex.quote(file)} --kind example.com/Fleet=spec.template --add CHOWN" in command
    hardened = shell.run_printed(command)
    assert hardened.returncode == 0, hardened.stderr
    (made,) = yaml.safe_load_all(hardened.stdout)
    assert made["spec"]["template"]["spec"]["containers"][0]["securityContext"] == HARDENED


def test_a_container_that_a_later_object_does_not_have_costs_no_earlier_answer(
    namespace: str, shell: Shell, tmp_path: Path
) -> None:
    other = deployment("other")
    other["spec"]["template"]["spec"]["containers"][0]["name"] = "d"
    file = file_of(tmp_path, deployment(), other, deployment("third"))
    done, items = shell.fit("-f", file, "-n", namespace, "--context", "it", "-c", "c")
    assert done.returncode == 2
    assert [(item["name"], item["result"]) for item in items] == [
        ("web", "found"), ("other", "refused"), ("third", "found"),
    ]  # fmt: skip
    assert "container c is not valid for deployment.apps/other; its containers are d" in items[1]["message"]
