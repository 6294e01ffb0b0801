"""A Python interpreter in a folder that works wherever the folder is moved."""

import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from elf import elf_files, has_symbols, libraries_of

PROGRAM = "bin/kubectl-caps"
"""The interpreter, called as the program is: `ps` shows that name."""

LIBRARY = f"lib/python{sys.version_info.major}.{sys.version_info.minor}"
"""Where this Python looks for its modules, from the folder above its program (getpath.py of CPython)."""


def copy_interpreter(folder: Path) -> None:
    """Copies the program of the running Python into a folder."""
    program = folder / PROGRAM
    program.parent.mkdir(parents=True)
    shutil.copyfile(Path(sys._base_executable).resolve(), program)  # type: ignore[attr-defined]
    program.chmod(0o755)


def bring_libraries(folder: Path) -> None:
    """On Linux: copies the shared libraries that the files of a folder load, and makes the files find them there.

    Symbols for debuggers are stripped.

    A Python whose libraries are part of its program (python-build-standalone's) is left as it is. macOS: nothing is
    done, and only such a Python can be used.
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
    """Debugging symbols are three quarters of some builds of Python."""
    if debugged := [file for file in files if has_symbols(file)]:
        _run("strip", "--strip-unneeded", *debugged)


def _run(program: str, *arguments: str | Path) -> None:
    """A tool of this environment, or of the system."""
    beside = Path(sys.executable).with_name(program)
    subprocess.run([beside if beside.exists() else program, *arguments], check=True)
