"""The images of the programs in this folder: one for all that are small, one with Python, one with Node.js."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

from testbed import build, golang, needs
from testbed.images import Image

HERE = Path(__file__).parent
LOCALES = ("de", "es", "fr")

_PACKAGES = ("collections", "encodings", "importlib", "json", "lib-dynload", "logging", "re", "urllib")
_OTHERS = {"/srv/others": None, "/srv/others/box": b"a letter\n", "/srv/others/open": b"x\n"}
_OWNED = {"/srv/others": (5, 0o755), "/srv/others/box": (5, 0o600), "/srv/others/open": (5, 0o666)}
_STANDARD_LIBRARY = """
import json, os, sys
print(json.dumps([os.path.realpath(sys.executable), os.path.dirname(os.__file__)]))
"""


def images(folder: Path) -> dict[str, Image]:
    """Name -> image; compiles the programs in C and Go into `folder`."""
    return {"small": _small(folder), "python": _python(), "node": _node()}


def _small(folder: Path) -> Image:
    compiled = {f"/opt/{program.name}": program for program in _compiled(folder)}
    perl, tcl = _program("perl"), _program("tclsh")
    return Image(
        programs=(perl, tcl, _program("strace"), _program("setpriv")),
        files={
            **compiled,
            **_scripts("sh", "pl", "tcl"),
            **_OTHERS,
            **_translations(),
            "/usr/lib/x86_64-linux-gnu/perl-base": Path("/usr/lib/x86_64-linux-gnu/perl-base"),
            "/usr/share/tcltk/tcl8.6": Path("/usr/share/tcltk/tcl8.6"),
        },
        owned=_OWNED,
    )


def _python() -> Image:
    """Python with the part of its library that the programs load: each container has a copy of the image."""
    asked = subprocess.run([_program("python3"), "-c", _STANDARD_LIBRARY], capture_output=True, text=True, check=True)
    program, library = json.loads(asked.stdout)
    files = {str(file): file for file in _modules(Path(library))}
    links = {"/usr/bin/python3": Path(program)}
    return Image(
        programs=(program,), files={**links, **files, **_scripts("py"), **_OTHERS, **_translations()}, owned=_OWNED
    )


def _node() -> Image:
    return Image(programs=(_program("node"),), files=_scripts("js"))


def _modules(library: Path) -> Iterator[Path]:
    for name in (".", *_PACKAGES):
        yield from (file for file in (library / name).iterdir() if file.suffix in (".py", ".so"))


def _scripts(*suffixes: str) -> dict[str, Path]:
    return {f"/opt/{file.name}": file for suffix in suffixes for file in HERE.glob(f"[a-z]*.{suffix}")}


def _translations() -> dict[str, Path]:
    """The locale C.UTF-8, and the C library's own catalogues out of Debian's libc-l10n."""
    catalogues = (f"/usr/share/locale/{language}/LC_MESSAGES/libc.mo" for language in LOCALES)
    return {path: Path(path) for path in ("/usr/lib/locale/C.utf8", *catalogues)}


def _compiled(folder: Path) -> Iterator[Path]:
    for source in HERE.glob("*.c"):
        subprocess.run([_program("gcc"), "-O1", "-static", "-w", "-o", folder / source.stem, source], check=True)
        yield folder / source.stem
    go = golang.compiler(build.cache())
    command = [str(go), "build", "-trimpath", "-o", f"{folder}/six", f"{HERE}/main.go"]
    subprocess.run(command, check=True, env=golang.environment(go), cwd=folder)
    yield folder / "six"


def _program(name: str) -> str:
    found = needs.find(name)
    assert found, f"{name} is missing: .ci/run names the Debian packages"
    return str(Path(found).resolve()) if name != "python3" else found
