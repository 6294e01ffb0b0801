"""docs/ci.md: its configurations by each system's own schema, and their commands run in bash, the install step too."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from checkout import ENVIRONMENT, ROOT, make_checkout

GITHUB, OWN_STEPS, GITLAB, PRE_COMMIT = re.findall(
    r"^```yaml\n(.*?)^```", (ROOT / "docs" / "ci.md").read_text(), re.MULTILINE | re.DOTALL
)
SCHEMA = ["check_jsonschema", "--builtin-schema"]


@pytest.mark.parametrize(
    ("text", "judge"),
    [
        (GITHUB, [*SCHEMA, "vendor.github-workflows"]),
        (OWN_STEPS, [*SCHEMA, "vendor.github-workflows"]),
        (GITLAB, [*SCHEMA, "vendor.gitlab-ci"]),
        (PRE_COMMIT, ["pre_commit", "validate-config"]),
    ],
    ids=["GitHub", "GitHub, own steps", "GitLab", "pre-commit"],
)
def test_each_configuration_is_valid_for_its_system(text: str, judge: list[str], tmp_path: Path) -> None:
    file = tmp_path / "file.yaml"
    file.write_text(text)
    done = subprocess.run([sys.executable, "-m", *judge, str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_hooks_are_valid_for_pre_commit() -> None:
    command = [sys.executable, "-m", "pre_commit", "validate-manifest", str(ROOT / ".pre-commit-hooks.yaml")]
    assert subprocess.run(command, check=False).returncode == 0
    hooks = {hook["id"] for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())}
    assert {"caps-check"} == {hook["id"] for repo in yaml.safe_load(PRE_COMMIT)["repos"] for hook in repo["hooks"]}
    assert hooks == set(re.findall(r"^\| `(caps-\w+)` \|", (ROOT / "docs" / "ci.md").read_text(), re.MULTILINE))


def test_the_workflow_gives_the_action_inputs_that_it_has() -> None:
    *_, step = yaml.safe_load(GITHUB)["jobs"]["capabilities"]["steps"]
    assert set(step["with"]) <= set(yaml.safe_load((ROOT / "action.yml").read_text())["inputs"])


def commands() -> Iterator[tuple[str, list[str]]]:
    """The commands of each system, in order."""
    steps: list[dict[str, Any]] = yaml.safe_load(OWN_STEPS)["jobs"]["capabilities"]["steps"]
    yield "GitHub", [step["run"] for step in steps if "run" in step]
    job = yaml.safe_load(GITLAB)["capabilities"]
    yield "GitLab", [*job["before_script"], *job["script"]]


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A machine that has Python: a folder with a `venv` for its packages and a repository with this version."""
    folder = tmp_path_factory.mktemp("machine")
    make_checkout(folder / "repository")
    subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
    return folder


@pytest.mark.parametrize(("system", "lines"), list(commands()))
def test_the_commands_of_a_job_install_and_judge(machine: Path, tmp_path: Path, system: str, lines: list[str]) -> None:
    """The address on GitHub is replaced by this checkout, and pipx, which GitHub's machines have, by pip."""
    shutil.copy(ROOT / "examples" / "ci" / "exemptions.yaml", tmp_path)
    (tmp_path / "deploy").mkdir()
    shutil.copy(ROOT / "examples" / "nginx.yaml", tmp_path / "deploy")
    install, *judge = lines
    assert "git+https://github.com/kubectl-caps/kubectl-caps@v" in install
    here = re.sub(r"git\+https://\S+", f"git+file://{machine}/repository", install).replace("pipx", "pip")
    environment = {**ENVIRONMENT, "PATH": f"{machine}/venv/bin:{ENVIRONMENT['PATH']}"}
    ended = []
    for line in (here, *judge):
        command = ["bash", "-eo", "pipefail", "-c", line]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        ended.append((done.returncode, done.stderr))
    assert [status for status, _ in ended[:-1]] == [0] * (len(ended) - 1), ended
    status, words = ended[-1]
    assert (status, "deploy/nginx.yaml:4: deployment.apps/web" in words) == (1, True), words  # NET_RAW: high
    if system == "GitHub":
        assert json.loads((tmp_path / "caps.sarif").read_text())["version"] == "2.1.0"
    else:
        assert "<!DOCTYPE html>" in (tmp_path / "caps.html").read_text()
