"""Reading manifests: files, folders and standard input into objects, each with the place where it stands.

Whatever cannot be read is yielded as an InputError beside what can, so that one broken document hides no other.
"""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

import yaml
from msgspec import Struct

from kubectl_caps.core.pod import Path
from kubectl_caps.core.workloads import looks_like_pods
from kubectl_caps.errors import InputError
from kubectl_caps.manifests.folders import Found, PassedOver, Unapplied, found
from kubectl_caps.manifests.loader import Repeated, Unreadable
from kubectl_caps.manifests.source import Parsed, Piece, SourceFile, open_source, parsed, pieces, values

_TEMPLATE = re.compile(r"\{\{")
_JSON_COMMENT = re.compile(r'("(?:[^"\\]|\\.)*")|//[^\n]*|/\*.*?\*/', re.DOTALL)
_NO_OBJECTS = "without objects to judge"


class Document(Struct, frozen=True):
    """One object: `index` counts the file's documents from 0, `prefix` is the path of a list's item in its document.

    `piece` and `node` say where its text is: the piece of the file, and the document in that piece.
    """

    file: SourceFile
    index: int
    line: int
    prefix: Path
    object: dict[str, Any]
    piece: int = 0
    node: int = 0
    repeated: tuple[Repeated, ...] = ()

    @property
    def source(self) -> dict[str, Any]:
        """The JSON contract's `source`."""
        return {"file": self.file.name, "document": self.index, "line": self.line}


class _NoObject(InputError):
    """A document without apiVersion and kind: a fault in a manifest, but a folder may hold other files."""


def read(
    filenames: Sequence[str], *, recursive: bool, command: str
) -> Iterator[Document | InputError | PassedOver | Unapplied]:
    """Every object of files, folders and standard input (`-`), in order; `command` goes into advice on rendering."""
    for item in found(filenames, recursive=recursive, command=command):
        if not isinstance(item, Found):
            yield item
            continue
        try:
            read_items = list(objects(open_source(item.path), command))
        except InputError as error:
            yield error
            continue
        if not item.named and read_items and all(isinstance(one, _NoObject) for one in read_items):
            yield PassedOver(item.path, _NO_OBJECTS)
        else:
            yield from read_items


def objects(file: SourceFile, command: str) -> Iterator[Document | InputError]:
    """Every object of one file; the items of a list one by one."""
    index = -1
    for at, piece in enumerate(pieces(file.text)):
        try:
            for number, document in enumerate(parsed(piece.text)):
                index += 1
                place = Document(file, index, 0, (), {}, at, number, _in_file(document.repeated, piece))
                yield from _objects(place, piece, document)
        except Unreadable as error:
            index += 1
            yield _broken(file, piece, error, command)


def _objects(place: Document, piece: Piece, document: Parsed) -> Iterator[Document | InputError]:
    value = document.value
    if value is not None:
        yield from _object(place, piece.line, document.node, value, (), None)


def _object(
    place: Document, first: int, node: yaml.Node | None, value: Any, prefix: Path, list_type: tuple[Any, str] | None
) -> Iterator[Document | InputError]:
    """The object at a node, or its items where it is a list: whatever has `items` is one to kubectl."""
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
            inner = items.value[at] if isinstance(items, yaml.SequenceNode) else None
            outer = Document(place.file, place.index, line, (), {}, place.piece, place.node, place.repeated)
            yield from _object(outer, first, inner, item, (*prefix, "items", at), list_type)
    else:
        yield Document(place.file, place.index, line, prefix, value, place.piece, place.node, place.repeated)


def _typed(value: dict[str, Any], list_type: tuple[Any, str] | None) -> dict[str, Any]:
    """An item of a DeploymentList needs no apiVersion and kind of its own."""
    if list_type is None or not list_type[1] or value.get("kind"):
        return value
    return {"apiVersion": list_type[0], "kind": list_type[1], **value}


def _problem(value: dict[str, Any]) -> str | None:
    """Why kubectl would not take a mapping for an object, in its words."""
    for field, word in (("kind", "Kind"), ("apiVersion", "apiVersion")):
        if not isinstance(value.get(field), str) or not value[field]:
            return f"Object '{word}' is missing in '{_cut(json.dumps(value, separators=(',', ':')))}'"
    if not isinstance(value.get("metadata"), dict | None):
        return "metadata is not a mapping"
    if not isinstance(value.get("items"), list | None):
        return "items is not a list"
    return None


def _is_meant(value: Any) -> bool:
    """Whether somebody may have meant a Kubernetes object."""
    return looks_like_pods(value) or (isinstance(value, dict) and ("apiVersion" in value or "kind" in value))


def _cut(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:80]}..."


def _child(node: yaml.Node | None, name: str) -> yaml.Node | None:
    pairs = node.value if isinstance(node, yaml.MappingNode) else ()
    return next((value for key, value in reversed(pairs) if key.value == name), None)


def _in_file(repeated: Sequence[Repeated], piece: Piece) -> tuple[Repeated, ...]:
    """The same with lines of the file, each once."""
    lines = {(one.line, one.key): one for one in repeated}
    return tuple(Repeated(one.line + piece.line, one.key, one.first + piece.line) for one in lines.values())


def _broken(file: SourceFile, piece: Piece, error: Unreadable, command: str) -> InputError:
    line = f"line {error.line + piece.line}: " if error.line else ""
    fault = _NoObject if _is_settings(file.text) else InputError
    if _TEMPLATE.search(piece.text):
        render = f"looks like a Helm template; render it first: helm template CHART | {command} -f -"
        return fault(f"error parsing {file.name}: {line}{render} (yaml: {error})")
    return fault(f"error parsing {file.name}: error converting YAML to JSON: yaml: {line}{error}")


def _is_settings(text: str) -> bool:
    """Whether a text is JSON with comments that holds no object, as editors and compilers have it (`tsconfig.json`)."""
    text = _JSON_COMMENT.sub(r"\1", text).lstrip()
    try:
        found = list(values(text)) if text.startswith("{") else []
    except Unreadable:
        return False
    return bool(found) and not any(_is_meant(value) for value in found)


def _kind_of(value: Any) -> str:
    return {list: "list", str: "string", bool: "boolean", int: "number", float: "number"}.get(type(value), "value")
