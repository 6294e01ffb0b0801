"""The wheel and the sdist: what PyPI shows, and what a user or a distributor does with them."""

import os
import re
import subprocess
import sys
import tarfile
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[2]
REPOSITORY = "https://github.com/kubectl-caps/kubectl-caps"
RAW = "https://raw.githubusercontent.com/kubectl-caps/kubectl-caps"


@pytest.fixture(scope="module")
def wheel(dist: Path) -> Path:
    [wheel] = dist.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def about(wheel: Path) -> Message:
    """The metadata of the wheel, whose body is what PyPI shows."""
    with ZipFile(wheel) as content:
        [name] = [name for name in content.namelist() if name.endswith("/METADATA")]
        return message_from_bytes(content.read(name))


@pytest.fixture(scope="module")
def sdist(dist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked sdist."""
    [archive] = dist.glob("kubectl_caps-*.tar.gz")
    folder = tmp_path_factory.mktemp("sdist")
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="tar")
    [inside] = folder.iterdir()
    return inside


def test_the_readme_on_pypi_links_to_files_that_exist(about: Message) -> None:
    """No link is relative, and each link into the repository leads to a file of it."""
    text = str(about.get_payload())
    links = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r"^\[[^]]+\]: (\S+)$", text, re.MULTILINE)
    assert [link for link in links if not link.startswith(("https://", "#"))] == []
    files = [
        re.sub(rf"^({REPOSITORY}/blob|{RAW})/main/|#.*", "", link)
        for link in links
        if f"{link}".startswith((REPOSITORY, RAW))
    ]
    assert len(files) > 5
    assert [file for file in files if not (ROOT / file).exists()] == []


def test_the_metadata_names_the_pythons_and_the_places(about: Message) -> None:
    classifiers = about.get_all("Classifier") or []
    versions = [c.rpartition(" ")[2] for c in classifiers if re.search(r":: 3\.\d+$", c)]
    assert versions == ["3.10", "3.11", "3.12", "3.13"]
    assert about["Requires-Python"] == f">={versions[0]}"
    urls = dict(url.split(", ") for url in about.get_all("Project-URL") or [])
    assert {"Homepage", "Documentation", "Changelog", "Issues", "Security"} == urls.keys()
    inside = [re.sub(r".*/(blob|tree)/main/", "", url) for url in urls.values() if "/main/" in url]
    assert [file for file in inside if not (ROOT / file).exists()] == []


def test_the_sdist_has_documents_and_examples(sdist: Path) -> None:
    for name in (
        "LICENSE",
        "SECURITY.md",
        "CHANGELOG.md",
        "docs/harden.md",
        "examples/nginx.yaml",
        "plugin.yaml",
        "Makefile",
    ):
        assert (sdist / name).is_file(), name


def test_the_sdist_runs_its_own_tests(sdist: Path) -> None:
    """Those that need nothing but Python: a few folders, and what reads docs and examples."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-m",
        "not (api or node or reports or release)",
    ]
    few = ["tests/core/linux", "tests/manifests/test_positions.py", "tests/test_plugin_yaml.py"]
    env = {**os.environ, "PYTHONPATH": str(sdist)}
    done = subprocess.run([*command, *few], cwd=sdist, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    assert int(re.findall(r"(\d+) passed", done.stdout)[0]) > 50


@pytest.mark.parametrize("tool", ["uv", "pipx"])
def test_the_wheel_is_installed_as_the_readme_says(tool: str, wheel: Path, tmp_path: Path) -> None:
    """By the real tool into a home of its own: both programs are on its PATH, and work."""
    env = {
        **os.environ,
        "HOME": str(tmp_path),
        "PIPX_HOME": str(tmp_path / "pipx"),
        "PIPX_BIN_DIR": str(tmp_path / "bin"),
        "UV_TOOL_DIR": str(tmp_path / "tools"),
        "UV_TOOL_BIN_DIR": str(tmp_path / "bin"),
        "UV_CACHE_DIR": os.environ.get("UV_CACHE_DIR") or str(Path.home() / ".cache" / "uv"),
    }
    commands = {"uv": ["uv", "tool", "install", "--quiet"], "pipx": ["pipx", "install", "--quiet", "--backend", "uv"]}
    program, *arguments = commands[tool]
    command = [str(Path(sys.executable).with_name(program)), *arguments, "--python", sys.executable, str(wheel)]
    subprocess.run(command, env=env, check=True, capture_output=True, text=True)
    assert {file.name for file in (tmp_path / "bin").iterdir()} == {"kubectl-caps", "kubectl_complete-caps"}
    asked = subprocess.run(
        [tmp_path / "bin" / "kubectl-caps", "inspect", "-f", ROOT / "examples" / "nginx.yaml"], check=False
    )
    assert asked.returncode == 0


def test_the_readme_names_both_tools_before_pip() -> None:
    """`pip install` fails with Debian's own Python, which wants an environment (PEP 668)."""
    install = (ROOT / "README.md").read_text().partition("\n## Install\n")[2].partition("\n## ")[0]
    named = re.findall(r"(pipx install|uv tool install|\bpip install)", install)
    assert set(named[:2]) == {"pipx install", "uv tool install"}
