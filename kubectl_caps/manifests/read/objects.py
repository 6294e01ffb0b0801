"""Reads the objects of files, folders and standard input, each with its position in the file.

A document that cannot be read gives an InputError. The other documents are read all the same.
"""

import json
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from kubectl_caps.core.kubernetes.container_signs import looks_like_pods
from kubectl_caps.core.kubernetes.field_path import Path
from kubectl_caps.errors import InputError
from kubectl_caps.manifests.read.block_yaml import read_block
from kubectl_caps.manifests.read.go_scalars import Repeated, UnreadableYaml
from kubectl_caps.manifests.read.paths import ManifestFile, Moved, NotRead, PassedOver, Unapplied, find_files
from kubectl_caps.manifests.read.text import Parsed, Piece, SourceFile, open_source, parsed, pieces, values

if TYPE_CHECKING:
    import yaml

_TEMPLATE = re.compile(r"\{\{")
# A string or a comment without an end reaches to the end of the text, so that each character is read once.
_JSON_COMMENT = re.compile(r'("(?:[^"\\]|\\.?)*"?)|//[^\n]*|/\*(?:.*?\*/|.*)', re.DOTALL)
_NO_OBJECTS = "without objects to judge"


class ManifestObject(Struct, frozen=True):
    """One object. `index` counts the file's documents from 0; `prefix` is the path of a list's item in its document.

    `piece` and `node` locate the object's text: the piece of the file, and the document in that piece. `moved` are the
    kustomizations that would set the object's namespace. With `aliases`, the object may be far larger than its text,
    because one value is in many places.
    """

    file: SourceFile
    index: int
    line: int
    prefix: Path
    object: dict[str, Any]
    piece: int = 0
    node: int = 0
    repeated: tuple[Repeated, ...] = ()
    moved: tuple[Moved, ...] = ()
    aliases: bool = False

    @property
    def source(self) -> dict[str, Any]:
        """The field `source` of the JSON output."""
        return {"file": self.file.name, "document": self.index, "line": self.line}


ObjectItem = ManifestObject | InputError | NotRead | PassedOver | Unapplied
"""The results of reading: objects, and remarks on files."""


class _NoObject(InputError):
    """A document without apiVersion and kind. This is an error in a named file; a folder may hold other files."""


def read_objects(
    filenames: Sequence[str], *, recursive: bool, command: str, exclude: Sequence[str] = (), named: bool = True
) -> Iterator[ObjectItem]:
    """Every object of files, folders and standard input (`-`), in order. Advice on rendering names `command`.

    A file without an object is an error if the user `named` it, and is passed over otherwise.
    """
    for item in find_files(filenames, recursive=recursive, command=command, exclude=exclude):
        if not isinstance(item, ManifestFile):
            yield item
            continue
        try:
            source = open_source(item.path)
        except InputError as error:
            yield NotRead(item.path, error)
            continue
        read_items = list(objects(source, command))
        for one in read_items:
            if isinstance(one, InputError):
                one.about = {"file": source.name}
        if not (item.named and named) and all(isinstance(one, _NoObject) for one in read_items):
            yield PassedOver(item.path, _NO_OBJECTS)
        else:
            yield from (
                replace(one, moved=item.moved) if isinstance(one, ManifestObject) else one for one in read_items
            )


def objects(file: SourceFile, command: str) -> Iterator[ManifestObject | InputError]:
    """Every object of one file; the items of a list one by one."""
    index, is_settings = -1, None
    for at, piece in enumerate(pieces(file.text)):
        plain = read_block(piece.text)
        if plain is not None and "items" not in plain.value:
            index += 1
            place = ManifestObject(file, index, plain.line + piece.line + 1, (), {}, at)
            yield from _object(place, 0, None, plain.value, (), None)
            continue
        try:
            for number, document in enumerate(parsed(piece.text)):
                index += 1
                place = ManifestObject(file, index, 0, (), {}, at, number, _in_file(document.repeated, piece))
                place = replace(place, aliases="*" in piece.text)
                yield from _objects(place, piece, document)
        except UnreadableYaml as error:
            index += 1
            is_settings = _is_settings(file.text) if is_settings is None else is_settings
            yield _broken(file, piece, error, command, is_settings=is_settings)


def _objects(place: ManifestObject, piece: Piece, document: Parsed) -> Iterator[ManifestObject | InputError]:
    value = document.value
    if value is not None:
        yield from _object(place, piece.line, document.node, value, (), None)


def _object(
    place: ManifestObject,
    first: int,
    node: "yaml.Node | None",
    value: Any,
    prefix: Path,
    list_type: tuple[Any, str] | None,
) -> Iterator[ManifestObject | InputError]:
    """The object at a node, or the items of a list. As in kubectl, an object with `items` is a list."""
    line = node.start_mark.line + first + 1 if node else place.line
    name = place.file.name
    if not isinstance(value, dict):
        fault = InputError if prefix or _is_meant(value) else _NoObject
        yield fault(f'unable to decode "{name}": line {line}: not a Kubernetes object but a {_kind_of(value)}')
        return
    value = _typed(value, list_type)
    problem = _problem(value)
    if problem:
        fault = InputError if prefix or _is_meant(value) else _NoObject
        yield fault(f'unable to decode "{name}": line {line}: {problem}')
    elif "items" in value and value["items"] is not None:
        items = _child(node, "items")
        kind = value["kind"]
        list_type = (value["apiVersion"], kind.removesuffix("List") if kind.endswith("List") else "")
        for at, item in enumerate(value["items"]):
            inner = items.value[at] if items and getattr(items, "id", "") == "sequence" else None
            outer = replace(place, line=line)
            yield from _object(outer, first, inner, item, (*prefix, "items", at), list_type)
    else:
        yield replace(place, line=line, prefix=prefix, object=value)


def _typed(value: dict[str, Any], list_type: tuple[Any, str] | None) -> dict[str, Any]:
    """An item of a list with apiVersion and kind. An item of a DeploymentList may leave them out."""
    if list_type is None or not list_type[1] or value.get("kind"):
        return value
    return {"apiVersion": list_type[0], "kind": list_type[1], **value}


def _problem(value: dict[str, Any]) -> str | None:
    """Why kubectl would refuse a mapping as an object, in kubectl's words."""
    for field, word in (("kind", "Kind"), ("apiVersion", "apiVersion")):
        if not isinstance(value.get(field), str) or not value[field]:
            return f"Object '{word}' is missing in '{_cut(json.dumps(value, separators=(',', ':')))}'"
    if not isinstance(value.get("metadata"), dict | None):
        return "metadata is not a mapping"
    if not isinstance(value.get("items"), list | None):
        return "items is not a list"
    return None


def _is_meant(value: Any) -> bool:
    """Whether a mapping looks like a Kubernetes object."""
    return looks_like_pods(value) or (isinstance(value, dict) and ("apiVersion" in value or "kind" in value))


def _cut(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:80]}..."


def _child(node: "yaml.Node | None", name: str) -> "yaml.Node | None":
    pairs = node.value if node is not None and getattr(node, "id", "") == "mapping" else ()
    return next((value for key, value in reversed(pairs) if key.value == name), None)


def _in_file(repeated: Sequence[Repeated], piece: Piece) -> tuple[Repeated, ...]:
    """The repeated keys of a piece, each once, with line numbers of the file."""
    lines = {(one.line, one.key): one for one in repeated}
    return tuple(Repeated(one.line + piece.line, one.key, one.first + piece.line) for one in lines.values())


def _broken(file: SourceFile, piece: Piece, error: UnreadableYaml, command: str, *, is_settings: bool) -> InputError:
    line = f"line {error.line + piece.line}: " if error.line else ""
    fault = _NoObject if is_settings else InputError
    if _TEMPLATE.search(piece.text):
        render = f"looks like a Helm template; render it first: helm template CHART | {command} -f -"
        return fault(f"error parsing {file.name}: {line}{render} (yaml: {error})")
    return fault(f"error parsing {file.name}: error converting YAML to JSON: yaml: {line}{error}")


def _is_settings(text: str) -> bool:
    """Whether a text is JSON with comments and without an object, as in settings of editors (`tsconfig.json`)."""
    text = _JSON_COMMENT.sub(r"\1", text).lstrip()
    try:
        found = list(values(text)) if text.startswith("{") else []
    except UnreadableYaml:
        return False
    return bool(found) and not any(_is_meant(value) for value in found)


def _kind_of(value: Any) -> str:
    return {list: "list", str: "string", bool: "boolean", int: "number", float: "number"}.get(type(value), "value")
