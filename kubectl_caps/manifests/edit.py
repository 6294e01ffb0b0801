"""Changes of objects as edits of the text they were read from, so that no other line is touched.

Every edit is found first and applied from the end. Afterwards the text is parsed again: unless its objects are exactly
the ones that are wanted, the edit is refused. An object that cannot be edited holds back no other of its file.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from kubectl_caps.core.patch import Change, Patch
from kubectl_caps.errors import InputError
from kubectl_caps.manifests.lines import Splice, newline_at
from kubectl_caps.manifests.loader import Unreadable
from kubectl_caps.manifests.locate import Tree, Unsafe
from kubectl_caps.manifests.read import Document
from kubectl_caps.manifests.source import Parsed, Piece, SourceFile, parsed, pieces, values
from kubectl_caps.manifests.splice import splices


class EditRefused(InputError):
    """An object whose text cannot be edited safely; the words name file, line and reason."""


class Edit(Struct, frozen=True):
    """The wanted change of one object of a file."""

    document: Document
    patch: Patch


class Edited(Struct, frozen=True):
    """A file's text with the edits made, and those that were refused: their place in the list of edits, and why."""

    text: str
    refused: dict[int, EditRefused]


def edited(file: SourceFile, edits: Sequence[Edit]) -> Edited:
    """The file's text (without its byte order mark) with the edits made."""
    by_piece: dict[int, dict[int, Edit]] = {}
    for at, edit in enumerate(edits):
        by_piece.setdefault(edit.document.piece, {})[at] = edit
    texts, refused = [], {}
    for number, piece in enumerate(pieces(file.text)):
        text = piece.text
        if number in by_piece:
            text, problems = _edited_piece(file.name, piece, by_piece[number])
            refused.update(problems)
        texts.append(text)
    return Edited("".join(texts), refused)


def _edited_piece(name: str, piece: Piece, edits: dict[int, Edit]) -> tuple[str, dict[int, EditRefused]]:
    """All at once; where that is refused one by one, from the last, so that the line numbers above it stay true."""
    try:
        return _attempt(name, piece, list(edits.values())), {}
    except EditRefused as error:
        if len(edits) == 1:
            return piece.text, dict.fromkeys(edits, error)
    refused = {}
    for at, edit in reversed(edits.items()):
        try:
            piece = msgspec.structs.replace(piece, text=_attempt(name, piece, [edit]))
        except EditRefused as error:
            refused[at] = error
    return piece.text, refused


def _attempt(name: str, piece: Piece, edits: Sequence[Edit]) -> str:
    """The piece's text with all the edits made. Raises EditRefused."""
    documents = list(parsed(piece.text))
    missing = "" if piece.text.endswith("\n") else newline_at(piece.text, len(piece.text))
    text = piece.text + missing
    changes: dict[int, list[Change]] = {}
    for edit in edits:
        changes.setdefault(edit.document.node, []).extend(_changes(edit))
    try:
        found = [splice for at, own in changes.items() for splice in _splices(documents[at], own, text)]
    except Unsafe as error:
        raise EditRefused(f"{name}:{error.line + piece.line}: cannot be edited safely: {error}") from error
    result = _applied(text, found).removesuffix(missing)
    if not _as_wanted(documents, changes, result):
        line = edits[0].document.line
        raise EditRefused(f"{name}:{line}: cannot be edited safely: its style is not understood")
    return result


def _splices(document: Parsed, changes: Sequence[Change], text: str) -> list[Splice]:
    for repeated in document.repeated:
        raise Unsafe(repeated.line, f'duplicate key "{repeated.key}"')
    return list(splices(Tree(document.node), changes, text))


def _changes(edit: Edit) -> list[Change]:
    prefix = edit.document.prefix
    return [Change((*prefix, *change.path), change.before, change.after) for change in edit.patch.changes]


def _applied(text: str, found: Sequence[Splice]) -> str:
    """The splices applied from the end; of two that insert at one place, the deeper one comes first in the text."""
    parts, end = [], len(text)
    for splice in sorted(found, key=lambda splice: (splice.start, splice.end, -splice.indent), reverse=True):
        parts += [text[splice.end : end], splice.text]
        end = splice.start
    return "".join([text[:end], *reversed(parts)])


def _as_wanted(documents: Sequence[Parsed], changes: Mapping[int, list[Change]], result: str) -> bool:
    """Whether the text stands for the wanted objects, and every other document of the piece for what it was."""
    wanted = [document.value for document in documents]
    for at, own in changes.items():
        wanted[at] = Patch(tuple(own)).applied(wanted[at])
    try:
        found = list(values(result))
    except Unreadable:
        return False
    return _canonical(found) == _canonical(wanted)


def _canonical(value: Any) -> str:
    """Text that is equal for equal values only; `1`, `1.0` and `true` differ."""
    return json.dumps(value, sort_keys=True)
