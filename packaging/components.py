"""Finds the components of the frozen program besides kubectl_caps, with their licences.

These are CPython, the libraries that its modules are linked with, and distributions from PyPI.
"""

import sys
import sysconfig
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import NamedTuple

from modules import Module

_TEXTS = Path(__file__).with_name("licences")
_APACHE = Path(__file__).parents[1] / "LICENSE"


@dataclass(frozen=True)
class Component:
    """`licence` is an SPDX expression, or the words of the distribution; `text` is the whole licence."""

    name: str
    version: str
    licence: str
    text: str
    purl: str


class Library(NamedTuple):
    """A library that is not a distribution: its licence, the file with the text, and the attribute with its version."""

    name: str
    licence: str
    text: Path
    version_of: tuple[str, str] | None


_OPENSSL = Library("openssl", "Apache-2.0", _APACHE, ("ssl", "OPENSSL_VERSION"))
_NCURSES = Library("ncurses", "X11", _TEXTS / "ncurses.txt", None)

LIBRARIES: dict[str, Library] = {
    "_bz2": Library("bzip2", "bzip2-1.0.6", _TEXTS / "bzip2.txt", None),
    "_ctypes": Library("libffi", "MIT", _TEXTS / "libffi.txt", None),
    "_curses": _NCURSES,
    "_curses_panel": _NCURSES,
    "_decimal": Library("libmpdec", "BSD-2-Clause", _TEXTS / "libmpdec.txt", ("decimal", "__libmpdec_version__")),
    "_hashlib": _OPENSSL,
    "_lzma": Library("xz", "0BSD", _TEXTS / "xz.txt", None),
    "_sqlite3": Library("sqlite", "blessing", _TEXTS / "sqlite.txt", ("sqlite3", "sqlite_version")),
    "_ssl": _OPENSSL,
    "_uuid": Library("libuuid", "BSD-3-Clause", _TEXTS / "libuuid.txt", None),
    "_zstd": Library("zstd", "BSD-3-Clause", _TEXTS / "zstd.txt", ("_zstd", "zstd_version")),
    "pyexpat": Library("expat", "MIT", _TEXTS / "expat.txt", ("pyexpat", "EXPAT_VERSION")),
    "readline": Library("libedit", "BSD-3-Clause", _TEXTS / "libedit.txt", None),
    "yaml._yaml": Library("libyaml", "MIT", _TEXTS / "libyaml.txt", None),
    "zlib": Library("zlib", "Zlib", _TEXTS / "zlib.txt", ("zlib", "ZLIB_RUNTIME_VERSION")),
}
"""The extension modules of CPython and PyYAML that are linked with a library of another project."""

FILES = {
    "libbz2": "bzip2",
    "libcrypto": "openssl",
    "libexpat": "expat",
    "libffi": "libffi",
    "liblzma": "xz",
    "libmpdec": "libmpdec",
    "libpython": "cpython",
    "libssl": "openssl",
    "libuuid": "libuuid",
    "libz": "zlib",
}
"""The component of a shared library, by the name of the file up to its first digit or dot."""


def find_components(modules: Sequence[Module], site: Path) -> list[Component]:
    """All components of these modules, by name. `site` is the folder of the distributions from PyPI.

    Raises ValueError if a distribution has no licence text.
    """
    names = {module.name for module in modules} | set(sys.builtin_module_names)
    libraries = {library.name: library for name, library in LIBRARIES.items() if name in names}
    used = {module.file.relative_to(site).parts[0] for module in modules if module.file.is_relative_to(site)}
    found = [_cpython(), *map(_of_library, libraries.values()), *_distributions(used, site)]
    return sorted(found, key=lambda component: component.name)


def _cpython() -> Component:
    version = ".".join(map(str, sys.version_info[:3]))
    text = Path(sysconfig.get_path("stdlib"), "LICENSE.txt").read_text()
    return Component("cpython", version, "Python-2.0.1", text, f"pkg:generic/cpython@{version}")


def _of_library(library: Library) -> Component:
    version = _version(*library.version_of) if library.version_of else ""
    purl = f"pkg:generic/{library.name}" + (f"@{version}" if version else "")
    return Component(library.name, version, library.licence, library.text.read_text(), purl)


def _version(module: str, attribute: str) -> str:
    """The version in a text: 3.0.16 in "OpenSSL 3.0.16 11 Feb 2025", 2.5.0 in "expat_2.5.0"."""
    said = str(getattr(__import__(module), attribute))
    return next(word for word in said.replace("_", " ").split() if word[0].isdigit())


def _distributions(used: Iterable[str], site: Path) -> list[Component]:
    """The distributions that put one of these names into the folder."""
    return [
        _of_distribution(distribution)
        for distribution in distributions(path=[str(site)])
        if {file.parts[0] for file in distribution.files or ()} & set(used)
    ]


def _of_distribution(distribution: Distribution) -> Component:
    data, name, version = distribution.metadata, distribution.name.lower(), distribution.version
    texts = [
        Path(str(distribution.locate_file(file))).read_text()
        for file in sorted(distribution.files or ())
        if ".dist-info" in file.parts[0] and file.name.upper().startswith(("LICEN", "COPYING", "NOTICE"))
    ]
    if not texts:
        raise ValueError(f"{name} {version} has no licence text")
    licence = next((data[key] for key in ("License-Expression", "License") if key in data), "see its text")
    return Component(name, version, licence, "\n".join(texts), f"pkg:pypi/{name}@{version}")


def notices(components: Iterable[Component]) -> str:
    """The file of all licences: a heading with name, version and licence, and the text."""
    rule = "=" * 100
    heading = "kubectl-caps contains these programs and libraries. Its own licence is in LICENSE.\n"
    titles = {f"{c.name} {c.version}".rstrip() + f" ({c.licence})": c.text.strip() for c in components}
    return "\n\n".join([heading, *(f"{rule}\n{title}\n{rule}\n\n{text}\n" for title, text in titles.items())])
