"""Reads the needs of programs and shared libraries for Linux: glibc versions and other libraries."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from elftools.elf.elffile import ELFFile
from elftools.elf.gnuversions import GNUVerNeedSection

SYSTEMS_OWN = re.compile(r"(ld-linux.*|linux-vdso|lib(c|gcc_s|m|dl|pthread|rt|util|resolv))\.so\.\d+")
"""The libraries that every system has in a version for its glibc: glibc, libgcc, and the library that the kernel maps.

Wheels may use them, too: https://github.com/pypa/auditwheel/blob/main/src/auditwheel/policy/manylinux-policy.json
"""

Version = tuple[int, ...]


def elf_files(folder: Path) -> list[Path]:
    """The programs and shared libraries below a folder, sorted."""
    return sorted(file for file in folder.rglob("*") if file.is_file() and _is_elf(file))


def _is_elf(file: Path) -> bool:
    with file.open("rb") as content:
        return content.read(4) == b"\x7fELF"


def has_symbols(file: Path) -> bool:
    """Whether a file has a symbol table for debuggers and linkers."""
    with file.open("rb") as content:
        return ELFFile(content).get_section_by_name(".symtab") is not None


def glibc_of(file: Path) -> Version:
    """The oldest glibc with all symbols that a file needs, such as (2, 28); (0,) if the file needs none."""
    return max(_glibc_versions(file), default=(0,))


def _glibc_versions(file: Path) -> Iterator[Version]:
    with file.open("rb") as content:
        for section in ELFFile(content).iter_sections():
            if isinstance(section, GNUVerNeedSection):
                for _, symbols in section.iter_versions():
                    for symbol in symbols:
                        if found := re.fullmatch(r"GLIBC_(\d+(?:\.\d+)+)", symbol.name):
                            yield tuple(map(int, found[1].split(".")))


def written(version: Version) -> str:
    """The version as text: 2.28 for (2, 28)."""
    return ".".join(map(str, version))


def check_glibc(folder: Path, limit: str) -> None:
    """Print the oldest glibc that a folder runs on. Exits if it is newer than the limit; "" means no limit."""
    floors = {file: glibc_of(file) for file in elf_files(folder)}
    newest = max(floors.values(), default=(0,))
    if limit and newest > tuple(map(int, limit.split("."))):
        files = ", ".join(file.name for file, floor in floors.items() if floor == newest)
        sys.exit(f"error: {files} need glibc {written(newest)}, not {limit}: build with a Python that was made for it")
    if floors:
        print(f"The archive runs on glibc {written(newest)} and newer")


def libraries_of(file: Path) -> dict[str, Path]:
    """The paths of the shared libraries that a file loads, directly or through others, by name, without the system's.

    Raises FileNotFoundError if a library is not on this machine.
    """
    listed = subprocess.run(["ldd", file], capture_output=True, text=True, check=True).stdout
    found = {}
    for name, place in re.findall(r"^\s*(\S+) => (.+?)(?: \(0x\w+\))?$", listed, re.MULTILINE):
        if place == "not found":
            raise FileNotFoundError(f"{file} loads {name}, which is not on this machine")
        if not SYSTEMS_OWN.fullmatch(name):
            found[name] = Path(place)
    return found
