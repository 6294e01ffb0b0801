"""Makes the files of a release in dist/: the archive for this machine, its SBOM, a wheel and an sdist.

    make dist        GLIBC=2.28 refuses an archive that needs a newer glibc

The same commit, made by the same Python, gives the same bytes.
"""

import os
import platform
import shutil
import subprocess
import sys
from email import message_from_bytes
from pathlib import Path
from zipfile import ZipFile

from archive import pack
from elf import check_glibc
from freeze import freeze
from interpreter import LIBRARY
from krew_manifest import manifest, name_of, platform_here, sha256_of
from sbom import sbom

ROOT = Path(__file__).parents[1]
DIST = ROOT / "dist"
BUILD = ROOT / "build"

RELEASED = ("kubectl_caps", "packaging", "pyproject.toml", "README.md", "LICENSE")
"""The sources of an archive. The time of its files is the time of the last commit that changed one of these."""


def main() -> None:
    """Build for this machine. Exits if no archive is published for such a machine, or if glibc is too new."""
    here = platform_here()
    epoch = release_time()
    # With this hash seed, sets of strings have the same order in bytecode. hatchling reads the time.
    os.environ |= {"PYTHONHASHSEED": "0", "SOURCE_DATE_EPOCH": str(epoch)}
    shutil.rmtree(DIST, ignore_errors=True)
    _run(sys.executable, "-m", "hatchling", "build", "-d", str(DIST))
    site, folder = BUILD / "site", BUILD / "frozen"
    _install(site)
    components = freeze(folder, site)
    version = _add_metadata(folder)
    check_glibc(folder, os.environ.get("GLIBC", ""))
    archive = DIST / name_of(*here)
    pack(folder, [ROOT / "LICENSE"], archive, epoch)
    document = archive.name.replace(".tar.gz", ".cdx.json")
    (DIST / document).write_text(sbom(archive, version, components, epoch))
    (DIST / "krew-manifest.yaml").write_text(manifest(f"v{version}", [archive], _origin()))
    for file in sorted(DIST.iterdir()):
        print(f"{sha256_of(file)}  {file.relative_to(ROOT)}  {file.stat().st_size / 1e6:.1f} MB")


def release_time() -> int:
    """SOURCE_DATE_EPOCH, or else the time of the last commit that changed the sources. Exits without both."""
    if given := os.environ.get("SOURCE_DATE_EPOCH"):
        return int(given)
    if time := _last_commit("%at"):
        return int(time)
    sys.exit(f"error: {ROOT} is no clone with the commit of its sources: set SOURCE_DATE_EPOCH")


def _last_commit(form: str) -> str:
    """The output of `git log` in this form, for the last commit that changed the sources. Empty without a commit."""
    command = ["git", "log", "-1", f"--format={form}", "--", *RELEASED]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()


def _origin() -> str:
    """The comment of the manifest.

    A commit of the manifest changes no archive, so the comment names an earlier commit.
    """
    commit, python = _last_commit("%H") or "of no repository", platform.python_version()
    made = f"# What `make dist` made of commit {commit} with CPython {python}.\n"
    return f"{made}# A release has a manifest of its own.\n"


def _install(site: Path) -> None:
    """Install the locked distributions, only as wheels, because a build would depend on this machine's compiler."""
    shutil.rmtree(site, ignore_errors=True)
    lock = ROOT / "packaging" / "requirements.lock"
    flags = ("--quiet", "--require-hashes", "--only-binary=:all:", "--no-deps")
    uv = Path(sys.executable).with_name("uv")
    _run(uv, "pip", "install", *flags, "--python", sys.executable, "--target", site, "-r", lock)


def _add_metadata(folder: Path) -> str:
    """Write the metadata of the wheel beside the modules, for importlib.metadata. Returns the version."""
    [wheel] = DIST.glob("*.whl")
    with ZipFile(wheel) as content:
        [name] = [name for name in content.namelist() if name.endswith(".dist-info/METADATA")]
        metadata = content.read(name)
    target = folder / "python" / LIBRARY / name
    target.parent.mkdir()
    # The body of the metadata is the README, which is left out.
    target.write_bytes(metadata.partition(b"\n\n")[0] + b"\n")
    return str(message_from_bytes(metadata)["Version"])


def _run(*command: str | Path) -> None:
    subprocess.run(command, check=True, cwd=ROOT)


if __name__ == "__main__":
    main()
