"""Changes of objects as edits of the text they were read from, so that no other line is touched.

Every edit is found first and applied from the end. Afterwards the text is parsed again: unless its objects are exactly
the ones that are wanted, the edit is refused and nothing is written.
"""

import difflib
import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path as FilePath
from typing import Any

import yaml
from msgspec import Struct

from kubectl_caps.core.patch import ABSENT, Change, Patch
from kubectl_caps.errors import InputError
from kubectl_caps.manifests import loader
from kubectl_caps.manifests.locate import Tree, Unsafe
from kubectl_caps.manifests.read import BOM, Document, SourceFile
from kubectl_caps.manifests.splice import Splice, splices


class EditRefused(InputError):
    """A file that cannot be edited safely; the text names file, line and reason."""


class Edit(Struct, frozen=True):
    """The wanted change of one object of a file."""

    document: Document
    patch: Patch


def edited(file: SourceFile, edits: Sequence[Edit]) -> str:
    """The file's text (without its byte order mark) with the edits made. Raises EditRefused."""
    text = file.text
    try:
        trees = [Tree(node) for node in loader.documents(file.parsed_text)]
        found = [splice for edit in edits for splice in splices(trees[edit.document.index], _changes(edit), text)]
    except Unsafe as error:
        raise EditRefused(f"{file.name}:{error.line}: cannot be edited safely: {error}") from error
    result = _applied(text, found)
    _verify(file, edits, result)
    return result


def write(file: SourceFile, text: str) -> None:
    """Replace a file's content in one step, with its mode and owner; a symbolic link keeps pointing to it.

    Raises InputError; the file is then as it was.
    """
    path = FilePath(os.path.realpath(file.name))
    data = ((BOM if file.bom else "") + text).encode()
    try:
        status = path.stat()
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise InputError(f"{file.name}: cannot be written: {error.strerror}") from error
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        with suppress(PermissionError):  # only root may give files away
            os.chown(name, status.st_uid, status.st_gid)
        FilePath(name).chmod(status.st_mode & 0o7777)
        FilePath(name).replace(path)
    except OSError as error:
        FilePath(name).unlink(missing_ok=True)
        raise InputError(f"{file.name}: cannot be written: {error.strerror}") from error


def diff(file: SourceFile, text: str) -> Iterator[str]:
    """A unified diff, line by line with its line ends, as `patch -p1` and `git apply` read it."""
    before, after = ((BOM if file.bom else "") + part for part in (file.text, text))
    old, new = (part.splitlines(keepends=True) if "\r" not in part else _lines(part) for part in (before, after))
    name = file.name.lstrip("/")
    for line in difflib.unified_diff(old, new, f"a/{name}", f"b/{name}"):
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def _lines(text: str) -> list[str]:
    return [f"{line}\n" for line in text.split("\n")[:-1]] + ([text.rpartition("\n")[2]] if text[-1:] != "\n" else [])


def _changes(edit: Edit) -> list[Change]:
    prefix = edit.document.prefix
    return [Change((*prefix, *change.path), change.before, change.after) for change in edit.patch.changes]


def _applied(text: str, found: Sequence[Splice]) -> str:
    """The splices applied from the end; of two that insert at one place, the deeper one comes first in the text."""
    for splice in sorted(found, key=lambda splice: (splice.start, splice.end, -splice.indent), reverse=True):
        text = text[: splice.start] + splice.text + text[splice.end :]
    return text


def _verify(file: SourceFile, edits: Sequence[Edit], result: str) -> None:
    """The text must stand for the wanted objects, and every other document for what it was."""
    wanted = [loader.value(node) for node in loader.documents(file.parsed_text)]
    for edit in edits:
        index = edit.document.index
        wanted[index] = Patch(tuple(_changes(edit))).applied(wanted[index])
    try:
        after = SourceFile(file.name, result)
        found = [loader.value(node) for node in loader.documents(after.parsed_text)]
    except yaml.YAMLError:
        found = []
    for at, (one, other) in enumerate(zip(wanted, found + [ABSENT] * len(wanted), strict=False)):
        if _canonical(one) != _canonical(other):
            line = next((edit.document.line for edit in edits if edit.document.index == at), 1)
            raise EditRefused(f"{file.name}:{line}: cannot be edited safely: its style is not understood")


def _canonical(value: Any) -> str:
    """Text that is equal for equal values only; `1`, `1.0` and `true` differ."""
    return json.dumps(value, sort_keys=True, default=str)
