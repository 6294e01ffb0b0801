"""Makes a folder with kubectl-caps that needs no Python: an interpreter, the imported modules, and a shell script.

A program of PyInstaller starts itself twice and unpacks each module. Such a program that prints a word takes six times
as long as an interpreter. https://pyinstaller.org/en/stable/advanced-topics.html#the-bootstrap-process-in-detail
"""

import py_compile
import shutil
import sysconfig
from collections.abc import Iterable
from pathlib import Path

from components import Component, find_components, notices
from interpreter import LIBRARY, PROGRAM, bring_libraries, copy_interpreter
from modules import PACKAGE, Module, find_modules

ROOT = Path(__file__).parents[1]
NAME = "kubectl-caps"

DATA = ("certifi/cacert.pem", "kubectl_caps/report/html.css")
"""Files that modules read, as paths in a folder of modules."""

_LAUNCHER = f"""\
#!/bin/sh
# krew starts this script through a link.
file=$0
[ ! -L "$file" ] || file=$(readlink -f "$file")
here=${{file%/*}}
exec "$here/python/{PROGRAM}" -I -S "$here/python/{NAME}" "$@"
"""
# -I: no PYTHON* variable and no folder of the user. -S: no site-packages, whose search takes a third of the start.

_MAIN = """\
from kubectl_caps.main import run

run()
"""


def freeze(folder: Path, site: Path) -> list[Component]:
    """Make the folder. `site` has the distributions that kubectl-caps needs. Returns the components in the folder."""
    shutil.rmtree(folder, ignore_errors=True)
    python = folder / "python"
    library = python / LIBRARY
    copy_interpreter(python)
    standard = Path(sysconfig.get_path("stdlib"))
    modules = find_modules(ROOT, [site, standard, standard / "lib-dynload"])
    _write_modules(library, modules)
    for name in DATA:
        source = (ROOT if name.startswith(PACKAGE) else site) / name
        shutil.copyfile(source, library / name)
    bring_libraries(python)
    components = find_components(modules, site)
    (folder / "THIRD-PARTY-LICENCES.txt").write_text(notices(components), encoding="utf-8")
    (python / NAME).write_text(_MAIN)
    launcher = folder / NAME
    launcher.write_text(_LAUNCHER)
    launcher.chmod(0o755)
    return components


def _write_modules(library: Path, modules: Iterable[Module]) -> None:
    # Python prints a warning if this folder is missing, even if all extension modules are built in.
    (library / "lib-dynload").mkdir(parents=True)
    for module in modules:
        if module.file.suffix != ".py":
            _copy_extension(library, module)
            continue
        target = library / f"{module.path}c"
        target.parent.mkdir(parents=True, exist_ok=True)
        # Without a check of the source and with the module's name, the bytes depend on no time or folder of the build.
        mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
        py_compile.compile(str(module.file), str(target), module.path, doraise=True, invalidation_mode=mode)


def _copy_extension(library: Path, module: Module) -> None:
    """Copy an extension module to lib-dynload, or into the folder of its package."""
    parent, _, _ = module.name.rpartition(".")
    target = library / (parent.replace(".", "/") or "lib-dynload") / module.file.name
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(module.file, target)
    target.chmod(0o755)
