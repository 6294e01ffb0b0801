"""A changed file: as a diff, and back to the disk in one step."""

import difflib
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path as FilePath

from kubectl_caps.errors import InputError
from kubectl_caps.manifests.source import SourceFile


def write(file: SourceFile, text: str) -> None:
    """Replace a file's content in one step, with its mode and owner; a symbolic link keeps pointing to it.

    Raises InputError; the file is then as it was. A file that somebody has changed since it was read is left alone.
    """
    path = FilePath(os.path.realpath(file.name))
    try:
        status = FilePath(file.name).stat()
        _check(file, path, status)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise InputError(f"open {file.name}: {(error.strerror or str(error)).lower()}") from error
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(file.data(text))
            stream.flush()
            os.fsync(stream.fileno())
        with suppress(PermissionError):  # only root may give files away
            os.chown(name, status.st_uid, status.st_gid)
        FilePath(name).chmod(status.st_mode & 0o7777)
        _check(file, path, status)
        FilePath(name).replace(path)
    except OSError as error:
        raise InputError(f"write {file.name}: {(error.strerror or str(error)).lower()}") from error
    finally:
        FilePath(name).unlink(missing_ok=True)


def diff(file: SourceFile, text: str) -> Iterator[str]:
    """A unified diff, line by line with its line ends, as `git apply` and `patch -p1` read it."""
    mark = "\ufeff" if file.encoding == "utf-8" and file.bom else ""
    old, new = (_lines(mark + part) for part in (file.text, text))
    name = file.name.lstrip("/")
    tab = "\t" if " " in name else ""  # behind it, programs do not look for more of the name
    for line in difflib.unified_diff(old, new, f"a/{name}{tab}", f"b/{name}{tab}"):
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def _check(file: SourceFile, path: FilePath, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise InputError(f"{file.name}: not a regular file, cannot be edited in place")
    if not os.access(path, os.W_OK):
        raise PermissionError(13, os.strerror(13))
    if path.read_bytes() != file.data(file.text):
        raise InputError(f"{file.name}: was changed meanwhile, left alone")


def _lines(text: str) -> list[str]:
    """Only line feeds end a line, as in diff and git."""
    lines = [f"{line}\n" for line in text.split("\n")]
    last = lines.pop().removesuffix("\n")
    return [*lines, last] if last else lines
