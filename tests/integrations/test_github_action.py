"""action.yml: by GitHub's schema for actions, and its steps run in bash as a runner runs them, from this checkout."""

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from checkout import ENVIRONMENT, ROOT, make_checkout

ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text())
INPUTS: Mapping[str, dict[str, str]] = ACTION["inputs"]
INSTALL, INSPECT, UPLOAD = ACTION["runs"]["steps"]
POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers: [{name: c, image: nginx}]\n"
EXEMPTIONS = """apiVersion: kubectl-caps/v1alpha1
kind: Exemptions
exemptions:
  - {name: p, capabilities: [ALL], reason: a test, until: never}
"""


@dataclass(frozen=True)
class Runner:
    """A machine of GitHub's, as the steps of an action see it."""

    action: Path
    temporary: Path

    def run(
        self, step: Mapping[str, Any], workspace: Path, inputs: Mapping[str, str]
    ) -> tuple[int, str, dict[str, str]]:
        """Run a step in a workspace, and return its status, its words and its outputs."""
        values = {name: str(setting.get("default", "")) for name, setting in INPUTS.items()} | dict(inputs)
        files = {name: workspace.parent / name for name in ("GITHUB_OUTPUT", "GITHUB_PATH")}
        for file in files.values():
            file.write_text("")
        environment = {
            **ENVIRONMENT,
            **{name: expression(text, values) for name, text in step["env"].items()},
            **{name: str(file) for name, file in files.items()},
            "GITHUB_ACTION_PATH": str(self.action),
            "GITHUB_WORKSPACE": str(workspace),
            "RUNNER_TEMP": str(self.temporary),
        }
        # How a runner calls `shell: bash`: docs.github.com, "Workflow syntax", jobs.<job_id>.steps[*].shell.
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
        done = subprocess.run(command, cwd=workspace, env=environment, capture_output=True, text=True, check=False)
        outputs = dict(line.split("=", 1) for line in files["GITHUB_OUTPUT"].read_text().splitlines())
        return done.returncode, done.stdout + done.stderr, outputs


def expression(text: str, inputs: Mapping[str, str]) -> str:
    """The value of `${{ inputs.NAME }}`."""
    found = re.fullmatch(r"\$\{\{ inputs\.([\w-]+) \}\}", text)
    assert found, text
    return inputs[found[1]]


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Runner:
    """A runner on which the first step has installed this version."""
    folder = tmp_path_factory.mktemp("runner")
    make_checkout(folder / "action")
    made = Runner(folder / "action", folder)
    (folder / "work").mkdir()
    status, words, _ = made.run(INSTALL, folder / "work", {"python": sys.executable})
    assert status == 0, words
    assert (folder / "GITHUB_PATH").read_text() == f"{folder}/kubectl-caps/bin\n"
    return made


def test_github_takes_the_file() -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-actions", "action.yml"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_every_input_is_described_in_the_documentation() -> None:
    page = (ROOT / "docs" / "ci.md").read_text()
    rows = dict(re.findall(r"^\| `([\w-]+)` \| (`.*?`|none) \|", page, re.MULTILINE))
    defaults = {name: f"`{setting['default']}`" if setting["default"] else "none" for name, setting in INPUTS.items()}
    assert {name: rows.get(name) for name in INPUTS} == defaults


def test_actions_of_other_projects_are_pinned_by_commit() -> None:
    pages = [ROOT / "action.yml", *(ROOT / "docs").glob("*.md")]
    uses = [(page.name, name) for page in pages for name in re.findall(r"uses: *(\S+)", page.read_text())]
    assert uses
    for page, name in uses:
        ours = name.startswith("kubectl-caps/")
        assert ours or re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", name), f"{page}: {name}"


@pytest.mark.parametrize(
    ("files", "inputs", "status", "says"),
    [
        ({"a/p.yaml": POD}, {}, 1, 'a/p.yaml:1: pod/p, container "c": '),
        ({"a/p.yaml": POD}, {"fail-on": "critical"}, 0, "Judged 1 object"),
        ({"a/p.yaml": POD}, {"fail-on": "", "require": "baseline"}, 0, "Judged 1 object"),
        ({"a/p.yaml": POD}, {"fail-on": "", "require": "restricted"}, 1, "not restricted"),
        ({"a/p.yaml": POD, "b c/x.yaml": POD}, {"files": "b c\n"}, 1, "b c/x.yaml:1: pod/p"),
        ({"a/p.yaml": POD, "e.yaml": EXEMPTIONS}, {"exemptions": "e.yaml"}, 0, "only by an exemption"),
        ({"a/p.yaml": POD, "b/p.yaml": POD}, {"args": "--exclude=a\n--exclude=b"}, 2, "nothing to judge"),
        ({"values.yaml": "a: b\n"}, {}, 2, "nothing to judge"),
        ({"p.yaml": "a: ["}, {}, 2, "error parsing p.yaml"),
        ({"p.yaml": POD}, {"files": "$(touch here)"}, 2, 'the path "$(touch here)" does not exist'),
        ({"p.yaml": POD}, {"fail-on": "x; touch here"}, 2, "x; touch here"),
    ],
)
def test_the_action_fails_where_the_gate_does_not_pass_and_leaves_sarif(
    runner: Runner, tmp_path: Path, files: dict[str, str], inputs: dict[str, str], status: int, says: str
) -> None:
    workspace = tmp_path / "work"
    for name, text in files.items():
        (workspace / name).parent.mkdir(parents=True, exist_ok=True)
        (workspace / name).write_text(text)
    ended, words, outputs = runner.run(INSPECT, workspace, inputs)
    assert (ended, says in words) == (status, True), words
    assert not (workspace / "here").exists()
    if outputs:
        assert json.loads((workspace / outputs["sarif-file"]).read_text())["version"] == "2.1.0"
    else:
        assert (workspace / "caps.sarif").read_text() == ""
        assert "x; touch here" in inputs.values()


def test_the_findings_are_uploaded_whatever_the_gate_says_but_only_where_there_are_any() -> None:
    assert UPLOAD["if"] == "${{ always() && inputs.upload == 'true' && steps.inspect.outputs.sarif-file != '' }}"
    assert UPLOAD["with"]["sarif_file"] == ACTION["outputs"]["sarif-file"]["value"]
