"""The archive that krew installs: the same bytes in every clone, small, quick, and complete."""

import json
import os
import re
import subprocess
import sys
import tarfile
from importlib.metadata import packages_distributions
from pathlib import Path
from statistics import median

import pytest
from components import FILES, LIBRARIES
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from elf import check_glibc, elf_files, glibc_of, written
from interpreter import LIBRARY, PROGRAM

ROOT = Path(__file__).parents[2]
NOTICES = "THIRD-PARTY-LICENCES.txt"


def run(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Starts the unpacked program as a user does."""
    env = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", **environment}
    return subprocess.run([folder / "kubectl-caps", *arguments], capture_output=True, text=True, check=False, env=env)


def python(folder: Path, script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs a script in the unpacked interpreter, as the program is run there."""
    command = [str(folder / "python" / PROGRAM), "-I", "-S", "-c", script, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True)


def test_two_clones_of_a_commit_give_the_same_bytes(clones: list[Path]) -> None:
    """Archive, SBOM, manifest, wheel and sdist."""
    first, second = ({file.name: file.read_bytes() for file in (clone / "dist").iterdir()} for clone in clones)
    assert len(first) == 5
    assert first.keys() == second.keys()
    assert [name for name in first if first[name] != second[name]] == []


def test_a_build_leaves_its_clone_clean(clones: list[Path]) -> None:
    assert [(clone / "status").read_text() for clone in clones] == ["\n", "\n"]


def test_the_archive_is_at_most_20_megabytes(archive: Path) -> None:
    assert archive.stat().st_size < 20e6


def test_the_archive_has_krews_files_and_no_user_names(archive: Path) -> None:
    """Folders and files only, sorted, of one time and of nobody; the program and the licences are among them."""
    with tarfile.open(archive) as tar:
        entries = tar.getmembers()
    names = [entry.name for entry in entries]
    assert names == sorted(names)
    assert {"kubectl-caps", "LICENSE", NOTICES} <= set(names)
    assert {entry.type for entry in entries} == {tarfile.REGTYPE, tarfile.DIRTYPE}
    assert {(entry.uid, entry.gid, entry.uname, entry.gname) for entry in entries} == {(0, 0, "", "")}
    assert {entry.mode for entry in entries} == {0o755, 0o644}
    assert len({entry.mtime for entry in entries}) == 1


def test_no_file_tells_where_it_was_built(unpacked: Path, clones: list[Path]) -> None:
    places = [str(place).encode() for place in (*clones, ROOT)]
    files = [file for file in unpacked.rglob("*") if file.is_file()]
    assert [file for file in files if any(place in file.read_bytes() for place in places)] == []


def test_the_program_runs_without_a_python_and_through_a_link(unpacked: Path, tmp_path: Path) -> None:
    """krew starts it through a link. A PYTHONHOME or PYTHONPATH of the user changes nothing."""
    (tmp_path / "kubectl-caps").symlink_to(unpacked / "kubectl-caps")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "readlink").symlink_to("/usr/bin/readlink")
    nothing = {"PATH": str(tmp_path / "bin"), "PYTHONHOME": "/nonexistent", "PYTHONPATH": "/nonexistent"}
    for folder in (unpacked, tmp_path):
        done = run(folder, "inspect", "-f", str(ROOT / "examples" / "nginx.yaml"), **nothing)
        assert (done.returncode, done.stderr) == (0, "")
        assert "NET_BIND_SERVICE" in run(folder, "explain", "10", **nothing).stdout


def test_the_program_completes_in_the_protocol_of_argcomplete(unpacked: Path, tmp_path: Path) -> None:
    line = "kubectl-caps inspect --fail-on=cri"
    typed = {"COMP_LINE": line, "COMP_POINT": str(len(line)), "_ARGCOMPLETE_SHELL": "zsh"}
    flags = {"_ARGCOMPLETE": "1", "_ARGCOMPLETE_STDOUT_FILENAME": str(tmp_path / "out")}
    done = run(unpacked, **typed, **flags, _ARGCOMPLETE_SUPPRESS_SPACE="1")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (tmp_path / "out").read_text() == "--fail-on=critical:"


def test_every_frozen_module_can_be_imported(unpacked: Path) -> None:
    """An extension that imports a module in C, or a library that is missing, would show here and in no analysis."""
    library = unpacked / "python" / LIBRARY
    names = {
        re.sub(r"(\.__init__)?(\.pyc|\..*\.so)$", "", str(file.relative_to(library)).replace("/", "."))
        for file in library.rglob("*")
        if file.suffix in (".pyc", ".so")
    }
    names = {name.removeprefix("lib-dynload.") for name in names} - FOR_OTHERS
    assert "kubectl_caps.main" in names
    script = "import sys, importlib\nfor name in sys.argv[1:]:\n  try: importlib.import_module(name)\n"
    script += "  except Exception as e: print(name, repr(e))"
    done = python(unpacked, script, *sorted(names))
    assert done.stdout == ""


FOR_OTHERS = {
    "_ios_support",
    "asyncio.windows_events",
    "asyncio.windows_utils",
    "dateutil.tz.win",
    "encodings.mbcs",
    "encodings.oem",
    "kubectl_caps.__main__",
    "multiprocessing.popen_spawn_win32",
}
"""Modules that are for another system; and our own program, which would start."""


def test_the_program_has_every_module_that_a_run_loads(unpacked: Path) -> None:
    """All of ours and the client, as loaded from the sources by this Python."""
    code = """
import pkgutil, sys, importlib, kubectl_caps
for module in pkgutil.walk_packages(kubectl_caps.__path__, "kubectl_caps."):
    if not module.name.endswith("__main__"): importlib.import_module(module.name)
from kubernetes.utils.quantity import parse_quantity
parse_quantity("1Gi")
print(*(name for name, module in sys.modules.items() if getattr(module, "__spec__", None) and module.__spec__.origin))
"""
    sources = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    script = "import sys, importlib.util\nfor n in sys.argv[1:]:\n  if not importlib.util.find_spec(n): print(n)"
    wanted = [
        name for name in sources.stdout.split() if not name.startswith(("_distutils", "_virtualenv", "site", "__"))
    ]
    done = python(unpacked, script, *wanted)
    missing = set(done.stdout.split()) - {"bz2", "_bz2", "lzma", "_lzma", "_uuid"}
    assert (missing, done.stderr) == (set(), "")


@pytest.mark.skipif(sys.platform != "linux", reason="glibc is Linux's")
def test_the_glibc_that_is_needed_is_that_of_the_python_it_was_made_with(unpacked: Path) -> None:
    """No wheel and no library asks for more; a release is made with a Python for glibc 2.17, and checks for 2.28."""
    floors = {file.name: glibc_of(file) for file in elf_files(unpacked)}
    of_python = {name: floor for name, floor in floors.items() if name.startswith(("kubectl-caps", "libpython"))}
    wheels = {file.name: glibc_of(file) for file in elf_files(unpacked) if "lib-dynload" not in file.parts}
    wheels = {name: floor for name, floor in wheels.items() if "cpython-3" in name}
    assert of_python
    assert len(wheels) > 3
    assert max(wheels.values()) <= (2, 28)
    assert max(floors.values()) <= max(max(of_python.values()), (2, 34))


@pytest.mark.skipif(sys.platform != "linux", reason="glibc is Linux's")
def test_files_that_need_a_newer_glibc_than_the_limit_are_refused(unpacked: Path) -> None:
    """As GLIBC=2.28 in the release workflow: the message names the files and both versions."""
    newest = written(max(glibc_of(file) for file in elf_files(unpacked)))
    check_glibc(unpacked, newest)
    with pytest.raises(SystemExit, match=rf"^error: .+ need glibc {newest}, not 2\.5: build with a Python"):
        check_glibc(unpacked, "2.5")


def test_every_part_of_the_archive_has_its_licence(unpacked: Path, dist: Path) -> None:
    """What is in the folder, read from its files, is what the notices and the SBOM name."""
    library = unpacked / "python" / LIBRARY
    tops = {file.relative_to(library).parts[0].split(".")[0] for file in library.rglob("*.pyc")}
    owners = packages_distributions()
    wanted = {owner.lower().replace("_", "-") for top in tops for owner in owners.get(top, [])} - {"kubectl-caps"}
    modules = {file.name.split(".")[0] for file in library.rglob("*.so")}
    wanted |= {library.name for module, library in LIBRARIES.items() if module.split(".")[-1] in modules}
    shared = (unpacked / "python" / "lib").glob("*.so*")
    wanted |= {FILES[re.split(r"[\d.]", file.name)[0]] for file in shared}
    headings = re.findall(r"^={9,}\n(\S+) .*\n={9,}\n", (unpacked / NOTICES).read_text(), re.MULTILINE)
    named = {name.replace("_", "-") for name in headings}
    assert {"argcomplete", "kubernetes", "urllib3", "pyyaml", "msgspec", "openssl", "cpython"} <= wanted
    assert wanted - named == set()
    [document] = dist.glob("*.cdx.json")
    assert sorted(part["name"] for part in json.loads(document.read_text())["components"]) == sorted(headings)


def test_the_sbom_is_valid_and_names_the_archive(dist: Path, archive: Path) -> None:
    """By the CycloneDX schema; its checksum is the archive's."""
    [document] = dist.glob("*.cdx.json")
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(document.read_text()) is None
    parsed = json.loads(document.read_text())
    checksum = subprocess.run(["sha256sum", archive], capture_output=True, text=True, check=True).stdout.split()[0]
    assert parsed["metadata"]["component"]["hashes"] == [{"alg": "SHA-256", "content": checksum}]
    assert all(part["licenses"] and part["purl"] for part in parsed["components"])


def test_help_starts_in_four_times_the_start_of_an_interpreter(unpacked: Path) -> None:
    """Processor time, in turn: what else the machine does meets both."""
    bare = [str(unpacked / "python" / PROGRAM), "-I", "-S", "-c", "pass"]
    pairs = [(_seconds([str(unpacked / "kubectl-caps"), "--help"]), _seconds(bare)) for _ in range(25)]
    assert median(caps / interpreter for caps, interpreter in pairs) <= 4


def _seconds(command: list[str]) -> float:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = status
    assert status == 0
    return usage.ru_utime + usage.ru_stime
