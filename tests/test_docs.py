"""Every command in README.md and docs/ is run: those of `console` blocks on files, those of `console live` on a node.

A command may end with 0, or with 1 where its answer is no (gates, `label-ns`); never with an error.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from krew_manifest import HOME
from testbed.cluster import Node
from zygote import zygote

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
OURS = (HOME, HOME.replace("github.com", "raw.githubusercontent.com"))
ELSEWHERE = {
    "pipx install .": "tests/release/test_sources.py",
    "uv tool install .": "tests/release/test_sources.py",
    "make demo": "test_demo_shows_the_main_job",
    "strace -f setpriv --bounding-set=-all chown 1:1 /tmp 2>&1 | kubectl caps explain -": "test_refusals_are_real.py",
}


def blocks(page: Path, kind: str) -> list[str]:
    """The commands of a page's fenced blocks of this kind, in order."""
    found = re.findall(rf"^```{kind}\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)
    return [line.removeprefix("$ ") for block in found for line in block.splitlines() if line.startswith("$ ")]


def ids(page: Path) -> str:
    """The page's name."""
    return page.name


def check(command: str, status: int, stderr: str) -> None:
    """A documented command worked."""
    no = status == 1 and any(word in command for word in ("label-ns", "--check", "--fail-on", "--require"))
    assert status == 0 or no, f"{command}: {stderr}"
    assert "error" not in stderr.lower(), f"{command}: {stderr}"


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_the_commands_on_files_work(page: Path, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    for command in blocks(page, "console"):
        if command in ELSEWHERE:
            continue
        command, _, source = command.partition(" < ")
        words = shlex.split(command)
        assert words[:2] == ["kubectl", "caps"], f"{command}: not run by any test"
        given = (tmp_path / source).read_text() if source else ""
        done = zygote().run(words[2:], os.environ, given, tmp_path)
        check(command, done.returncode, done.stderr)


WORKLOAD = """
apiVersion: apps/v1
kind: {kind}
metadata: {{name: {name}, labels: {{app: {name}}}}}
spec:
  replicas: 1
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec:
      terminationGracePeriodSeconds: 0
      containers: [{{name: {name}, image: "{image}", imagePullPolicy: Never}}]
"""
CRON_JOB = """
apiVersion: batch/v1
kind: CronJob
metadata: {{name: report}}
spec:
  schedule: "0 0 1 1 *"
  jobTemplate:
    spec:
      template:
        spec:
          restartPolicy: Never
          containers: [{{name: report, image: "{image}", imagePullPolicy: Never, command: [echo, done]}}]
"""


@pytest.fixture(scope="module")
def shop(node_alone: Node) -> Node:
    """The namespace of the documentation, on a node of its own, since some commands take all namespaces."""
    node, kinds = node_alone, {"web": "Deployment", "api": "Deployment", "db": "StatefulSet"}
    node.kubectl("create", "namespace", "shop")
    texts = [WORKLOAD.format(kind=kind, name=name, image=node.busybox) for name, kind in kinds.items()]
    text = "---".join([*texts, CRON_JOB.format(image=node.busybox)])
    node.kubectl("apply", "-n", "shop", "-f", "-", input=text)
    for name, kind in kinds.items():
        node.kubectl("rollout", "status", "-n", "shop", f"{kind}/{name}", "--timeout=60s")
    return node


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "console live")], ids=ids)
def test_the_commands_on_a_cluster_work_through_a_real_kubectl(
    page: Path, shop: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # some write files
    for command in blocks(page, "console live"):
        done = shop.kubectl(*shlex.split(command)[1:], check=False)
        check(command, done.returncode, done.stderr)


def test_demo_shows_the_main_job(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    path = f"{Path(sys.prefix, 'bin')}:/usr/bin:/bin"
    script = str(tmp_path / "examples" / "demo.sh")
    done = subprocess.run(["bash", script], env={"PATH": path}, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.splitlines()) == (
        0,
        [
            "Left 2 folders unread because -R is not given: examples/ci, examples/kustomize",
            "Judged 2 objects, passed over 1, left 0 unread.",
        ],
    )
    for part in ("a80425fb", '+              drop: ["ALL"]', "restricted"):
        assert part in done.stdout


def test_every_page_of_the_docs_is_linked_from_the_readme() -> None:
    text = PAGES[0].read_text()
    assert [page.name for page in PAGES[1:] if f"docs/{page.name}" not in text] == []


def test_the_links_in_the_docs_lead_somewhere() -> None:
    missing = [
        f"{page.name}: {target}"
        for page in [*PAGES, ROOT / "CONTRIBUTING.md"]
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text())
        if not (page.parent / target).exists()
    ]
    assert missing == []


def test_the_readme_reads_the_same_elsewhere() -> None:
    """PyPI shows README.md, too: no link is relative, and those to this repository lead to a file."""
    text = PAGES[0].read_text()
    links = re.findall(r"(?:\]\(|^\[[^\]]+\]: )([^)#\s]+)", text, re.MULTILINE)
    named, defined = re.findall(r"\]\[([^\]]+)\]", text), re.findall(r"^\[([^\]]+)\]: https", text, re.MULTILINE)
    assert (set(named) - set(defined), len(defined)) == (set(), len(set(defined)))
    ours = [link.split("/main/", 1)[1] for link in links if link.startswith(OURS) and "/main/" in link]
    assert [link for link in links if not link.startswith("https://")] == []
    assert [path for path in ours if not (ROOT / path).exists()] == []
    assert len(ours) > 20


def test_the_examples_are_valid_yaml() -> None:
    for path in sorted((ROOT / "examples").glob("*.yaml")):
        assert list(yaml.safe_load_all(path.read_text())), path
