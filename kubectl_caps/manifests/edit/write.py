"""Writes a changed file: to the disk in one step, or as a diff."""

import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path as FilePath

from msgspec.structs import replace

from kubectl_caps.errors import InputError, os_words
from kubectl_caps.manifests.edit.edit import Edited
from kubectl_caps.manifests.edit.unified import unified
from kubectl_caps.manifests.read.text import SourceFile


def write_file(file: SourceFile, text: str) -> None:
    """Replace a file's content in one step. The file keeps its mode and owner, and symbolic links keep pointing to it.

    Raises InputError, also if somebody has changed the file since it was read. Then the file stays as it is.
    """
    path = FilePath(os.path.realpath(file.name))
    try:
        status = FilePath(file.name).stat()
        _check(file, path, status)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise InputError(f"open {file.name}: {os_words(error)}") from error
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(file.data(text))
            stream.flush()
            os.fsync(stream.fileno())
        with suppress(PermissionError):  # only root may give a file to another user
            os.chown(name, status.st_uid, status.st_gid)
        FilePath(name).chmod(status.st_mode & 0o7777)
        _check(file, path, status)
        FilePath(name).replace(path)
    except OSError as error:
        raise InputError(f"write {file.name}: {os_words(error)}") from error
    finally:
        FilePath(name).unlink(missing_ok=True)


def diff(file: SourceFile, edited: Edited) -> Iterator[str]:
    """The lines of a unified diff, with line ends, for `git apply` and `patch -p1`."""
    mark = "\ufeff" if file.encoding == "utf-8" and file.bom else ""
    name, by = file.name.lstrip("/"), len(mark)
    tab = "\t" if " " in name else ""  # a name with blanks ends at the tab
    found = [replace(one, start=one.start + by, end=one.end + by) for one in edited.splices]
    return unified(mark + file.text, found, (f"a/{name}{tab}", f"b/{name}{tab}"))


def _check(file: SourceFile, path: FilePath, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise InputError(f"{file.name}: not a regular file, cannot be edited in place")
    if not os.access(path, os.W_OK):
        raise PermissionError(13, os.strerror(13))
    if path.read_bytes() != file.data(file.text):
        raise InputError(f"{file.name}: was changed meanwhile, left alone")
