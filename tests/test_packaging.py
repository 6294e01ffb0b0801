"""The krew manifest by krew's own rules, the packing of an archive, the lock files and the project's metadata."""

import re
import shutil
import subprocess
import tarfile
from importlib import import_module
from importlib.metadata import distribution, metadata
from pathlib import Path, PurePosixPath
from typing import Any

import krew_manifest
import pytest
import yaml
from archive import pack
from krew_manifest import PLATFORMS as RELEASED
from krew_manifest import manifest, name_of, sha256_of
from lock import LOCKS, lock

ROOT = Path(__file__).parents[1]
MANIFEST = ROOT / "krew-manifest.yaml"

SEMVER = re.compile(r"v(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?")
PLATFORMS = [(system, cpu) for system in ("linux", "darwin", "windows") for cpu in ("386", "amd64", "arm", "arm64")]


def broken_rules(plugin: dict[str, Any]) -> list[str]:
    """What krew would refuse: its internal/index/validation/validate.go, and for `to` internal/installation/move.go."""
    spec = plugin["spec"]
    rules = {
        "apiVersion": plugin["apiVersion"] == "krew.googlecontainertools.github.com/v1alpha2",
        "kind": plugin["kind"] == "Plugin",
        "name": re.fullmatch(r"[\w-]+", plugin["metadata"]["name"]) is not None,
        "version": SEMVER.fullmatch(spec["version"]) is not None,
        "shortDescription": bool(spec.get("shortDescription")) and not re.search(r"[\r\n]", spec["shortDescription"]),
        "platforms": bool(spec.get("platforms")),
    }
    found = [rule for rule, holds in rules.items() if not holds]
    return found + [rule for platform in spec.get("platforms", ()) for rule in _broken_in(platform)]


def _broken_in(platform: dict[str, Any]) -> list[str]:
    labels = platform["selector"]["matchLabels"]
    files = platform.get("files", [{"from": "*", "to": "."}])
    rules = {
        "uri": platform["uri"].startswith("https://"),
        "sha256": re.fullmatch(r"[0-9a-f]{64}", platform["sha256"]) is not None,
        "bin": _is_clean(platform["bin"]),
        "selector": set(labels) <= {"os", "arch"} and (labels.get("os"), labels.get("arch")) in PLATFORMS,
        "files": bool(files) and all(set(move) == {"from", "to"} and all(move.values()) for move in files),
        "to": all(_is_clean(move["to"]) for move in files),
    }
    return [rule for rule, holds in rules.items() if not holds]


def _is_clean(path: str) -> bool:
    """Go's path.Clean changes nothing, and it stays inside."""
    return path == str(PurePosixPath(path)) and not path.startswith("/") and ".." not in PurePosixPath(path).parts


@pytest.fixture
def plugin() -> dict[str, Any]:
    parsed: dict[str, Any] = yaml.safe_load(MANIFEST.read_text())
    return parsed


def test_krew_takes_the_manifest(plugin: dict[str, Any]) -> None:
    """The file in the repository breaks none of krew's rules."""
    assert broken_rules(plugin) == []


@pytest.mark.parametrize(
    ("rule", "path", "value"),
    [
        ("kind", ("kind",), "plugin"),
        ("version", ("spec", "version"), "0.1.0"),
        ("version", ("spec", "version"), "v01.0.0"),
        ("shortDescription", ("spec", "shortDescription"), "two\nlines"),
        ("platforms", ("spec", "platforms"), []),
        ("sha256", ("spec", "platforms", 0, "sha256"), "A" * 64),
        ("bin", ("spec", "platforms", 0, "bin"), "../kubectl-caps"),
        ("selector", ("spec", "platforms", 0, "selector", "matchLabels", "os"), "plan9"),
        ("files", ("spec", "platforms", 0, "files"), []),
        ("to", ("spec", "platforms", 0, "files", 0, "to"), "./x"),
    ],
)
def test_a_broken_rule_is_found(plugin: dict[str, Any], rule: str, path: tuple[Any, ...], value: object) -> None:
    """The rules can fail: each of these is what krew refuses."""
    parent: Any = plugin
    for step in path[:-1]:
        parent = parent[step]
    parent[path[-1]] = value
    assert broken_rules(plugin) == [rule]


def test_dist_writes_the_manifest_for_its_archives(plugin: dict[str, Any], tmp_path: Path) -> None:
    """Nobody edits it by hand: apart from checksums and comment it is what `make dist` writes for this version."""
    archives = [tmp_path / row["uri"].rpartition("/")[2] for row in plugin["spec"]["platforms"]]
    for archive in archives:
        archive.touch()
    made = manifest(f"v{metadata('kubectl-caps')['Version']}", archives)
    written = "".join(line for line in MANIFEST.read_text().splitlines(True) if not line.startswith("#"))
    assert without_checksums(written) == without_checksums(made)


def without_checksums(text: str) -> str:
    return re.sub(r"sha256: \w+", "sha256: -", text)


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="no clone")
def test_the_manifest_names_the_commit_that_its_archive_was_made_of() -> None:
    """A commit before the one that brought the manifest: nobody can write a commit's own checksum into it."""
    [commit] = re.findall(r"^# What `make dist` made of commit (\w+) with CPython", MANIFEST.read_text(), re.MULTILINE)
    shallow = subprocess.run(["git", "rev-parse", "--is-shallow-repository"], cwd=ROOT, capture_output=True, check=True)
    if shallow.stdout == b"true\n":
        pytest.skip("a clone without its history")
    asked = subprocess.run(["git", "merge-base", "--is-ancestor", commit, "HEAD"], cwd=ROOT, check=False)
    assert asked.returncode == 0


def test_the_template_of_the_release_bot_gives_the_manifest(tmp_path: Path) -> None:
    """Filled in as krew-release-bot does (pkg/source/template.go), .krew.yaml is the manifest of a release."""
    archives = [tmp_path / name_of(*platform) for platform in RELEASED]
    for archive in archives:
        archive.write_text(archive.name)
    template = (ROOT / ".krew.yaml").read_text()

    def uri_and_sha(call: re.Match[str]) -> str:
        uri = call[1].replace("{{ .TagName }}", "v1.2.3")
        return f"uri: {uri}\n    sha256: {sha256_of(tmp_path / uri.rpartition('/')[2])}"

    filled = re.sub(r'\{\{addURIAndSha "(.+)" \.TagName \}\}', uri_and_sha, template).replace(
        "{{ .TagName }}", "v1.2.3"
    )
    assert filled == manifest("v1.2.3", archives)
    assert broken_rules(yaml.safe_load(filled)) == []


def test_a_release_without_a_platform_is_refused(tmp_path: Path) -> None:
    archive = tmp_path / "kubectl-caps_linux_amd64.tar.gz"
    with pytest.raises(SystemExit, match=r"missing: kubectl-caps_linux_arm64\.tar\.gz, kubectl-caps_darwin_amd64"):
        krew_manifest.main(["v1.2.3", str(archive)])


def test_an_archive_of_another_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"caps\.zip"):
        manifest("v1.2.3", [tmp_path / "caps.zip"])


def test_the_locks_satisfy_pyproject(tmp_path: Path) -> None:
    """Where it asks for something else, `make lock` has to run."""
    for name in LOCKS:
        shutil.copy(ROOT / "packaging" / name, tmp_path)
    lock(tmp_path)
    assert [name for name in LOCKS if (tmp_path / name).read_text() != (ROOT / "packaging" / name).read_text()] == []


def test_every_locked_version_has_checksums() -> None:
    for name in LOCKS:
        text = (ROOT / "packaging" / name).read_text()
        pinned = re.split(r"\n(?=\S)", text.strip())
        assert len(pinned) > 10
        assert [one for one in pinned if not re.match(r"\S+==\S+ .*\\\n    --hash=sha256:[0-9a-f]{64}", one)] == []


def test_the_index_wants_short_lines(plugin: dict[str, Any]) -> None:
    """krew-index asks for at most 50 characters in the short description and 80 in a line of the long one."""
    assert len(plugin["spec"]["shortDescription"]) <= 50
    assert max(map(len, plugin["spec"]["description"].splitlines())) <= 80


def test_an_archive_has_no_links_and_no_history(tmp_path: Path) -> None:
    """Links become files, and a second archive of the same content has the same bytes."""
    folder = tmp_path / "folder"
    (folder / "lib").mkdir(parents=True)
    (folder / "lib" / "real").write_text("content")
    (folder / "lib" / "link").symlink_to("real")
    (folder / "program").write_text("#!/bin/sh\n")
    (folder / "program").chmod(0o755)
    pack(folder, [ROOT / "LICENSE"], tmp_path / "a.tar.gz", 0)
    (folder / "program").touch()
    pack(folder, [ROOT / "LICENSE"], tmp_path / "b.tar.gz", 0)
    assert (tmp_path / "a.tar.gz").read_bytes() == (tmp_path / "b.tar.gz").read_bytes()
    with tarfile.open(tmp_path / "a.tar.gz") as tar:
        found = {entry.name: (entry.isfile(), entry.mode, entry.size) for entry in tar if not entry.isdir()}
    licence = (ROOT / "LICENSE").stat().st_size
    assert found == {
        "LICENSE": (True, 0o644, licence),
        "lib/link": (True, 0o644, 7),
        "lib/real": (True, 0o644, 7),
        "program": (True, 0o755, 10),
    }


def test_the_programs_of_the_package_exist() -> None:
    """kubectl looks for these two names on PATH, and each leads to a function."""
    scripts = {script.name: script for script in distribution("kubectl-caps").entry_points}
    assert set(scripts) == {"kubectl-caps", "kubectl_complete-caps"}
    for script in scripts.values():
        assert callable(getattr(import_module(script.module), script.attr))


def test_the_licence_is_apache_2() -> None:
    """The whole text, and the metadata says the same."""
    text = (ROOT / "LICENSE").read_text()
    assert "Apache License\n                           Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text
    assert metadata("kubectl-caps")["License-Expression"] == "Apache-2.0"
