"""The hooks of `.pre-commit-hooks.yaml`, run by the real pre-commit at `git commit` in a repository of its own."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from checkout import ENVIRONMENT, git, make_checkout

POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n    - name: c\n      image: nginx:1.27\n"
SECURITY = """      securityContext:
        allowPrivilegeEscalation: false
        capabilities:
          drop: ["ALL"]
"""
CHART = {"chart/Chart.yaml": "name: c\nversion: 0.1.0\n", "chart/templates/pod.yaml": "a: {{ .Values.a }}\n"}


@dataclass(frozen=True)
class Repository:
    """A repository in which pre-commit guards each commit."""

    folder: Path
    hooks: Path
    revision: str
    environment: dict[str, str]

    def configure(self, hook: str, **more: object) -> None:
        """Let pre-commit run this hook, as a user would write it; without arguments of its own."""
        repository = {"repo": str(self.hooks), "rev": self.revision, "hooks": [{"id": hook, **more}]}
        (self.folder / ".pre-commit-config.yaml").write_text(json.dumps({"repos": [repository]}))

    def commit(self, files: dict[str, str]) -> tuple[int, str]:
        """Commit these files, and say with which status and words that ended."""
        for name, text in files.items():
            path = self.folder / name
            path.parent.mkdir(exist_ok=True, parents=True)
            path.write_text(text)
        git(self.folder, "add", ".")
        command = ["git", "commit", "--message=change"]
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False
        )
        return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """pre-commit installs the hooks once: a virtual environment with this version in it."""
    folder = tmp_path_factory.mktemp("pre-commit")
    scratch = folder / "scratch"
    scratch.mkdir()
    git(scratch, "init", "--quiet")
    environment = {**ENVIRONMENT, "PRE_COMMIT_HOME": str(folder / "home")}
    made = Repository(scratch, folder / "hooks", make_checkout(folder / "hooks"), environment)
    made.configure("caps-check")
    install = [sys.executable, "-m", "pre_commit", "install", "--install-hooks"]
    done = subprocess.run(install, cwd=scratch, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return made


@pytest.fixture
def clean(repository: Repository) -> Iterator[Repository]:
    """The repository, in which nothing of a test stays."""
    yield repository
    git(repository.folder, "rm", "-rfq", "--cached", ".")
    git(repository.folder, "clean", "-fdxq")


@pytest.mark.parametrize(
    ("files", "passes", "says"),
    [
        ({"p.yaml": POD + SECURITY}, True, "Passed"),
        ({"p.yaml": POD}, False, "pod/p would be hardened (check)"),
        ({"deep/down/p.yml": POD}, False, "pod/p would be hardened (check)"),
        ({"p.json": '{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}}'}, True, "Passed"),
        ({"values.yaml": "image: nginx\n", ".gitlab-ci.yml": "a: !reference [b, c]\n"}, True, "Passed"),
        ({"README.md": "text\n"}, True, "Skipped"),
        ({"broken.yaml": f"{POD}  ]"}, False, "error parsing broken.yaml"),
        (CHART, False, "render it: helm template chart |"),
        ({"f.yaml": "apiVersion: x.io/v1\nkind: X\nspec: {hostNetwork: true}\n"}, False, "f.yaml:1: x.io/v1 X"),
    ],
    ids=["hard", "soft", "soft, deep", "no workload", "no object", "no YAML", "broken", "a chart", "an unknown kind"],
)
def test_caps_check_judges_the_files_of_a_commit(
    clean: Repository, files: dict[str, str], passes: bool, says: str
) -> None:
    clean.configure("caps-check")
    status, words = clean.commit(files)
    assert (status == 0, says in words) == (passes, True), words


def test_caps_check_takes_arguments_before_the_files(clean: Repository) -> None:
    clean.configure("caps-check", args=["--add", "NET_BIND_SERVICE"])
    assert clean.commit({"p.yaml": POD + SECURITY})[0] == 1
    hard = POD + SECURITY + "          add: [NET_BIND_SERVICE]\n"
    assert clean.commit({"p.yaml": hard})[0] == 0


def test_caps_harden_edits_the_files_and_the_second_commit_passes(clean: Repository) -> None:
    clean.configure("caps-harden")
    files = {"p.yaml": POD, "values.yaml": "image: nginx\n"}
    status, words = clean.commit(files)
    assert (status, "files were modified by this hook" in words) == (1, True), words
    assert (clean.folder / "p.yaml").read_text() == POD + SECURITY
    assert (clean.folder / "values.yaml").read_text() == files["values.yaml"]
    assert clean.commit({})[0] == 0
