"""Copies a Python interpreter into a folder that works at any place."""

import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from elf import elf_files, has_symbols, libraries_of

PROGRAM = "bin/kubectl-caps"
"""The path of the interpreter. It has the program's name, because `ps` shows this name."""

LIBRARY = f"lib/python{sys.version_info.major}.{sys.version_info.minor}"
"""The folder of this Python's modules, relative to the folder above its program (getpath.py of CPython)."""


def copy_interpreter(folder: Path) -> None:
    """Copy the program of the running Python into a folder."""
    program = folder / PROGRAM
    program.parent.mkdir(parents=True)
    shutil.copyfile(Path(sys._base_executable).resolve(), program)  # type: ignore[attr-defined]
    program.chmod(0o755)


def bring_libraries(folder: Path) -> None:
    """On Linux, copy the shared libraries that the files of a folder load, and make the files find them there.

    Symbols for debuggers are stripped. A Python with its libraries inside the program (python-build-standalone) is not
    changed. On macOS nothing is done, so only such a Python can be used.
    """
    if sys.platform != "linux":
        return
    home = folder / "lib"
    needed = {file: libraries_of(file) for file in elf_files(folder)}
    brought = {name: place for found in needed.values() for name, place in found.items() if not _inside(place, folder)}
    for name, place in brought.items():
        shutil.copyfile(place.resolve(), home / name)
        (home / name).chmod(0o755)
    _strip(elf_files(folder))
    asking = [file for file, found in needed.items() if found.keys() & brought.keys()]
    for file in [*asking, *(home / name for name in brought)]:
        up = "../" * (len(file.parent.relative_to(folder).parts))
        _run("patchelf", "--set-rpath", f"$ORIGIN/{up}lib", file)


def _inside(place: Path, folder: Path) -> bool:
    return place.resolve().is_relative_to(folder.resolve())


def _strip(files: Iterable[Path]) -> None:
    """Remove debugging symbols, which are three quarters of some builds of Python."""
    if debugged := [file for file in files if has_symbols(file)]:
        _run("strip", "--strip-unneeded", *debugged)


def _run(program: str, *arguments: str | Path) -> None:
    """Run a tool of this Python environment, or of the system."""
    beside = Path(sys.executable).with_name(program)
    subprocess.run([beside if beside.exists() else program, *arguments], check=True)
