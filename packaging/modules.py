"""Finds the modules of the frozen program: all of kubectl_caps, and all that these import, also in functions."""

import sysconfig
from dataclasses import dataclass
from fnmatch import fnmatchcase
from modulefinder import ModuleFinder
from pathlib import Path
from typing import Any

PACKAGE = "kubectl_caps"

BY_NAME = (
    "encodings.ascii",
    "encodings.idna",
    "encodings.latin_1",
    "encodings.utf_8",
    "encodings.utf_8_sig",
    sysconfig._get_sysconfigdata_name(),  # type: ignore[attr-defined]
)
"""The modules without an import statement: codecs and Python's build settings, which Python imports by name."""

LEFT_OUT = {
    "kubernetes.client.models.*": "the client loads a model when it is asked for; kubectl-caps asks for none",
    "kubernetes.client.api.*": "as the models",
    "kubernetes.aio*": "the client for asyncio",
    "pydantic.mypy": "a plugin of mypy",
    "pydantic.v1*": "pydantic's first version, for programs that ask for it",
    "_bz2": "shutil and zipfile can do without",
    "_lzma": "shutil and zipfile can do without",
    "_uuid": "uuid can do without",
    "bz2": "shutil and zipfile can do without",
    "lzma": "shutil and zipfile can do without",
    "curses*": "for programs that draw on a terminal",
    "distutils*": "for building packages",
    "doctest": "for tests",
    "lib2to3*": "for sources of Python 2",
    "pdb": "a debugger",
    "pydoc_data*": "help() of an interactive interpreter",
    "readline": "for typing at an interactive interpreter; it is licensed under the GPL",
    "setuptools*": "for building packages",
    "sqlite3*": "a database",
    "test*": "Python's own tests",
    "tkinter*": "windows",
    "unittest*": "for tests",
    "urllib3.contrib.emscripten*": "for a browser",
    "urllib3.contrib.pyopenssl": "for another TLS library",
    "urllib3.contrib.socks": "another library's; ours dials proxies itself",
    "urllib3.http2.connection": "for a library that is not installed",
}
"""Patterns of modules that are never imported in a run of kubectl-caps, with the reasons."""


@dataclass(frozen=True, order=True)
class Module:
    """A module of the frozen program."""

    name: str
    file: Path
    package: bool

    @property
    def path(self) -> str:
        """The path of the module's source in a folder of modules."""
        return f"{self.name.replace('.', '/')}/__init__.py" if self.package else f"{self.name.replace('.', '/')}.py"


class _LeftOut:
    def __contains__(self, name: object) -> bool:
        return any(fnmatchcase(str(name), pattern) for pattern in LEFT_OUT)


def find_modules(source: Path, path: list[Path]) -> list[Module]:
    """The modules that the package in the folder `source` needs, found along `path`, without built-in modules."""
    finder = ModuleFinder([str(folder) for folder in (source, *path)], excludes=_LeftOut())
    for file in sorted((source / PACKAGE).rglob("*.py")):
        finder.import_hook(".".join(file.relative_to(source).with_suffix("").parts).removesuffix(".__init__"))
    for name in BY_NAME:
        finder.import_hook(name)
    # typeshed's Module of the finder has no attributes.
    found: dict[str, Any] = dict(finder.modules)
    return sorted(Module(name, Path(m.__file__), bool(m.__path__)) for name, m in found.items() if m.__file__)
