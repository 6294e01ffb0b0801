"""Applies changes of objects to the text of their file, so that no other line is touched.

All replacements are found first and then applied together. Afterwards the text is parsed again: if its objects are not
exactly the wanted objects, the edit is refused. A refused object does not stop the edits of other objects of the file.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from kubectl_caps.core.kubernetes.patch import Change, Patch
from kubectl_caps.errors import InputError
from kubectl_caps.manifests.edit.changes import splices
from kubectl_caps.manifests.edit.lines import Splice, newline_at, splices_in_order
from kubectl_caps.manifests.edit.nodes import Tree, Unsafe
from kubectl_caps.manifests.read.go_scalars import UnreadableYaml
from kubectl_caps.manifests.read.objects import ManifestObject
from kubectl_caps.manifests.read.text import Parsed, Piece, SourceFile, parsed, pieces, values


class EditRefused(InputError):
    """An object whose text cannot be edited safely. The message names file, line and reason."""


class Edit(Struct, frozen=True):
    """The wanted change of one object of a file."""

    document: ManifestObject
    patch: Patch


class Edited(Struct, frozen=True):
    """A file's text after the edits. `refused` maps the index of a refused edit to its error.

    `splices` are the replacements in the old text. If the old text has no last line end, one is added first.
    """

    text: str
    splices: tuple[Splice, ...]
    refused: dict[int, EditRefused]


def edited(file: SourceFile, edits: Sequence[Edit]) -> Edited:
    """The file's text (without its byte order mark) after the edits."""
    by_piece: dict[int, dict[int, Edit]] = {}
    for at, edit in enumerate(edits):
        by_piece.setdefault(edit.document.piece, {})[at] = edit
    texts, refused = [], {}
    found: list[Splice] = []
    for number, piece in enumerate(pieces(file.text)):
        text = piece.text
        if number in by_piece:
            text, made, problems = _edited_piece(file.name, piece, by_piece[number])
            refused.update(problems)
            found += [replace(one, start=one.start + piece.start, end=one.end + piece.start) for one in made]
        texts.append(text)
    return Edited("".join(texts), tuple(found), refused)


def _edited_piece(name: str, piece: Piece, edits: dict[int, Edit]) -> tuple[str, list[Splice], dict[int, EditRefused]]:
    """The piece after all safe edits. If they give a wrong result together, halves of them are tried, and so on."""
    try:
        documents = list(parsed(piece.text, _value_of_first([edit.document for edit in edits.values()])))
    except UnreadableYaml as error:  # the documents before the error were read and judged
        line = piece.line + (error.line or 1)
        refusal = EditRefused(f"{name}:{line}: cannot be edited safely: yaml: {error}")
        return piece.text, [], dict.fromkeys(edits, refusal)
    missing = "" if piece.text.endswith("\n") else newline_at(piece.text, len(piece.text))
    aliases = "*" in piece.text
    trees = {at: Tree(documents[at].node, aliases=aliases) for at in {edit.document.node for edit in edits.values()}}
    found: dict[int, list[Splice]] = {}
    refused: dict[int, EditRefused] = {}
    for at, edit in edits.items():
        node = edit.document.node
        try:
            found[at] = _splices(documents[node], trees[node], _changes(edit), piece.text + missing)
        except Unsafe as error:
            refused[at] = EditRefused(f"{name}:{error.line + piece.line}: cannot be edited safely: {error}")
    text, made = piece.text, list[int]()
    groups = [list(found)]
    while groups:
        group = groups.pop()
        together = [*made, *group]
        result = _applied(piece.text + missing, [one for at in together for one in found[at]]).removesuffix(missing)
        if _as_wanted(documents, [edits[at] for at in together], result):
            text, made = result, together
        elif len(group) == 1:
            why = "cannot be edited safely: the style of the text is not understood"
            refused[group[0]] = EditRefused(f"{name}:{edits[group[0]].document.line}: {why}")
        else:
            groups += [group[len(group) // 2 :], group[: len(group) // 2]]
    return text, [one for at in made for one in found[at]], refused


def _value_of_first(documents: Sequence[ManifestObject]) -> Any:
    """The value of the piece's first document, if an edit holds it. None: the document must be read again."""
    known = (one.object for one in documents if one.node == 0 and not (one.prefix or one.repeated))
    return next(known, None)


def _splices(document: Parsed, tree: Tree, changes: Sequence[Change], text: str) -> list[Splice]:
    for repeated in document.repeated:
        raise Unsafe(repeated.line, f'duplicate key "{repeated.key}"')
    return list(splices(tree, changes, text))


def _changes(edit: Edit) -> list[Change]:
    prefix = edit.document.prefix
    return [Change((*prefix, *change.path), change.before, change.after) for change in edit.patch.changes]


def _applied(text: str, found: Sequence[Splice]) -> str:
    parts, start = [], 0
    for splice in splices_in_order(found):
        parts += [text[start : splice.start], splice.text]
        start = splice.end
    return "".join([*parts, text[start:]])


def _as_wanted(documents: Sequence[Parsed], edits: Sequence[Edit], result: str) -> bool:
    """Whether the text parses to the wanted objects and to all other documents of the piece unchanged."""
    changes: dict[int, list[Change]] = {}
    for edit in edits:
        changes.setdefault(edit.document.node, []).extend(_changes(edit))
    wanted = [document.value for document in documents]
    for at, own in changes.items():
        wanted[at] = Patch(tuple(own)).applied(wanted[at])
    try:
        found = list(values(result))
    except UnreadableYaml:
        return False
    return _same(found, wanted) if "*" in result else _written_same(found, wanted)


def _written_same(one: Any, other: Any) -> bool:
    """`_same` for values without aliases, in a tenth of the time: whether they are written the same."""
    try:
        return msgspec.json.encode(one, order="sorted") == msgspec.json.encode(other, order="sorted")
    except (OverflowError, UnicodeEncodeError, RecursionError):
        return _same(one, other)


def _same(one: Any, other: Any) -> bool:
    """Whether two values are equal. `1`, `1.0` and `true` are different values.

    Through aliases a value may occur many times. Each pair of values is compared once.
    """
    todo, compared = [(one, other)], set[tuple[int, int]]()
    while todo:  # no recursion: a document may be nested deeper than Python's limit of calls
        left, right = todo.pop()
        if left is right or (pair := (id(left), id(right))) in compared:
            continue
        if type(left) is not type(right):
            return False
        if isinstance(left, dict):
            if left.keys() != right.keys():
                return False
            todo += [(value, right[key]) for key, value in left.items()]
        elif isinstance(left, list):
            if len(left) != len(right):
                return False
            todo += zip(left, right, strict=True)
        elif repr(left) != repr(right):
            return False
        compared.add(pair)
    return True
