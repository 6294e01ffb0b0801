"""What is released: the krew manifest by krew's own rules, the archive that it points to, the project's metadata."""

import re
import tarfile
from importlib import import_module
from importlib.metadata import distribution, metadata
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
import yaml
from archive import pack
from krew_manifest import manifest, sha256_of

ROOT = Path(__file__).parents[1]
MANIFEST = ROOT / "krew-manifest.yaml"
ARCHIVE = ROOT / "dist" / "kubectl-caps_linux_amd64.tar.gz"

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


def test_the_manifest_is_the_one_that_dist_writes(plugin: dict[str, Any]) -> None:
    """Nobody edits it by hand: apart from the checksum it is what `make dist` writes for this version."""
    assert MANIFEST.read_text() == manifest(plugin["spec"]["platforms"][0]["sha256"])


def test_the_index_wants_short_lines(plugin: dict[str, Any]) -> None:
    """krew-index asks for at most 50 characters in the short description and 80 in a line of the long one."""
    assert len(plugin["spec"]["shortDescription"]) <= 50
    assert max(map(len, plugin["spec"]["description"].splitlines())) <= 80


def test_the_uri_is_the_release_of_this_version(plugin: dict[str, Any]) -> None:
    """The tag is the version with a v, and the file is the one that `make dist` makes."""
    [platform] = plugin["spec"]["platforms"]
    assert platform["uri"].endswith(f"/releases/download/v{metadata('kubectl-caps')['Version']}/{ARCHIVE.name}")


@pytest.mark.skipif(not ARCHIVE.exists(), reason="no archive: `make dist` makes it")
def test_the_archive_is_what_the_manifest_says(plugin: dict[str, Any]) -> None:
    """Checksum, program and licence; and only what krew's tar reader takes."""
    [platform] = plugin["spec"]["platforms"]
    assert sha256_of(ARCHIVE) == platform["sha256"]
    with tarfile.open(ARCHIVE) as tar:
        entries = tar.getmembers()
    names = [entry.name for entry in entries]
    assert {platform["bin"], "LICENSE"} <= set(names)
    assert [entry.name for entry in entries if not (entry.isfile() or entry.isdir()) or ".." in entry.name] == []


def test_an_archive_has_no_links_and_no_history(tmp_path: Path) -> None:
    """Links become files, and a second archive of the same content has the same bytes."""
    folder = tmp_path / "folder"
    (folder / "lib").mkdir(parents=True)
    (folder / "lib" / "real").write_text("content")
    (folder / "lib" / "link").symlink_to("real")
    (folder / "program").write_text("#!/bin/sh\n")
    (folder / "program").chmod(0o755)
    pack(folder, [ROOT / "LICENSE"], tmp_path / "a.tar.gz")
    (folder / "program").touch()
    pack(folder, [ROOT / "LICENSE"], tmp_path / "b.tar.gz")
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
