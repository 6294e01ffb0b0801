"""What programs and shared libraries for Linux ask of the system they run on."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from elftools.elf.elffile import ELFFile
from elftools.elf.gnuversions import GNUVerNeedSection

SYSTEMS_OWN = re.compile(r"(ld-linux.*|linux-vdso|lib(c|gcc_s|m|dl|pthread|rt|util|resolv))\.so\.\d+")
"""What every system has, in a version that its glibc goes with: glibc, libgcc, and what the kernel maps.

Wheels may count on them: https://github.com/pypa/auditwheel/blob/main/src/auditwheel/policy/manylinux-policy.json
"""

Version = tuple[int, ...]


def elf_files(folder: Path) -> list[Path]:
    """The programs and shared libraries below a folder, sorted."""
    return sorted(file for file in folder.rglob("*") if file.is_file() and _is_elf(file))


def _is_elf(file: Path) -> bool:
    with file.open("rb") as content:
        return content.read(4) == b"\x7fELF"


def has_symbols(file: Path) -> bool:
    """Whether a file has a table of symbols that only debuggers and linkers read."""
    with file.open("rb") as content:
        return ELFFile(content).get_section_by_name(".symtab") is not None


def glibc_of(file: Path) -> Version:
    """The oldest glibc that has all symbols that a file asks for: (2, 28). (0,) where it asks for none."""
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
    """2.28 for (2, 28)."""
    return ".".join(map(str, version))


def check_glibc(folder: Path, limit: str) -> None:
    """Prints the oldest glibc that a folder runs on. Exits where that is newer than the limit; "" is no limit."""
    floors = {file: glibc_of(file) for file in elf_files(folder)}
    newest = max(floors.values(), default=(0,))
    if limit and newest > tuple(map(int, limit.split("."))):
        files = ", ".join(file.name for file, floor in floors.items() if floor == newest)
        sys.exit(f"error: {files} need glibc {written(newest)}, not {limit}: build with a Python that was made for it")
    if floors:
        print(f"The archive runs on glibc {written(newest)} and newer")


def libraries_of(file: Path) -> dict[str, Path]:
    """The shared libraries that a file loads, directly or through others, beside the system's: name -> its place here.

    Raises FileNotFoundError where one is not on this machine.
    """
    listed = subprocess.run(["ldd", file], capture_output=True, text=True, check=True).stdout
    found = {}
    for name, place in re.findall(r"^\s*(\S+) => (.+?)(?: \(0x\w+\))?$", listed, re.MULTILINE):
        if place == "not found":
            raise FileNotFoundError(f"{file} loads {name}, which is not on this machine")
        if not SYSTEMS_OWN.fullmatch(name):
            found[name] = Path(place)
    return found
