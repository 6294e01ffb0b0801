"""The release workflow: its steps that need nothing of GitHub are run, on the release that was made here."""

import hashlib
import os
import re
import shutil
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import yaml
from krew_manifest import PLATFORMS, manifest, name_of

ROOT = Path(__file__).parents[2]
TAG = f"v{version('kubectl-caps')}"


@pytest.fixture(scope="module")
def workflow() -> dict[str, Any]:
    parsed: dict[str, Any] = yaml.safe_load((ROOT / ".github" / "workflows" / "release.yml").read_text())
    return parsed


@pytest.fixture
def checkout(dist: Path, tmp_path: Path) -> Path:
    """What a step finds: the sources that it reads, and dist/."""
    for name in ("pyproject.toml", "packaging", "examples"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, tmp_path / name)
    shutil.copytree(dist, tmp_path / "dist")
    return tmp_path


def step(workflow: dict[str, Any], job: str, name: str) -> str:
    """The script of a step."""
    [script] = [step["run"] for step in workflow["jobs"][job]["steps"] if step.get("name") == name]
    return str(script)


def run(script: str, folder: Path, tag: str = TAG) -> subprocess.CompletedProcess[str]:
    """As GitHub's runner runs it: https://docs.github.com/actions/reference/workflow-syntax-for-github-actions#jobsjob_idstepsshell"""
    env = {**os.environ, "GITHUB_REF_NAME": tag, "CI": "true"}
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)


def test_every_platform_of_the_manifest_is_built(workflow: dict[str, Any]) -> None:
    rows = workflow["jobs"]["build"]["strategy"]["matrix"]["include"]
    assert [row["platform"] for row in rows] == ["_".join(platform) for platform in PLATFORMS]


def test_the_build_in_the_repository_equals_that_of_the_clones(workflow: dict[str, Any]) -> None:
    """tests/release/test_archive.py runs it; the release adds a Python for an old glibc and the check of it."""
    assert step(workflow, "build", "Build") == 'make dist PYTHON="$PYTHON"'
    assert workflow["env"]["GLIBC"] == "2.28"


def test_a_tag_that_is_not_the_version_is_refused(workflow: dict[str, Any], checkout: Path) -> None:
    script = step(workflow, "build", "Check the tag")
    assert run(script, checkout).returncode == 0
    assert run(script, checkout, "v0.0.0").stdout == f"error: the tag is v0.0.0, and the version is {TAG[1:]}\n"


def test_the_archive_is_tried(workflow: dict[str, Any], checkout: Path) -> None:
    done = run(step(workflow, "build", "Try the archive"), checkout)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"Client Version: {TAG}" in done.stdout


def test_the_manifest_and_the_checksums_are_written(workflow: dict[str, Any], checkout: Path) -> None:
    """With the archive of this machine under the names of all platforms; then PyPI's files are set apart."""
    [archive] = (checkout / "dist").glob("kubectl-caps_*_*.tar.gz")
    content = archive.read_bytes()
    names = [checkout / "dist" / name_of(*platform) for platform in PLATFORMS]
    for name in names:
        name.write_bytes(content)
    for title in ("Write the manifest", "Write the checksums", "Keep what PyPI takes"):
        done = run(step(workflow, "release", title), checkout)
        assert (done.returncode, done.stderr) == (0, "")
    assert (checkout / "dist" / "krew-manifest.yaml").read_text() == manifest(TAG, names)
    sums = dict(line.split()[::-1] for line in (checkout / "dist" / "SHA256SUMS").read_text().splitlines())
    assert sums[archive.name] == hashlib.sha256(content).hexdigest()
    assert sorted(file.suffix for file in (checkout / "pypi").iterdir()) == [".gz", ".whl"]
    assert sums.keys() > {file.name for file in (checkout / "pypi").iterdir()}


def test_provenance_and_sbom_are_signed_by_a_job_that_may_do_so(workflow: dict[str, Any]) -> None:
    build = workflow["jobs"]["build"]
    actions = {re.sub("@.*", "", step["uses"]) for step in build["steps"] if "uses" in step}
    assert {"actions/attest-build-provenance", "actions/attest-sbom"} <= actions
    assert build["permissions"] == {"contents": "read", "id-token": "write", "attestations": "write"}
    assert workflow["permissions"] == {"contents": "read"}
