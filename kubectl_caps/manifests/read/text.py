"""A file's text and the pieces that it is made of, one document each, so that a broken one hides no other.

Pieces are cut where kubectl cuts (k8s.io/apimachinery pkg/util/yaml): at lines that begin with `---`, and where one
JSON value follows another. Together they are the text, to the letter.
"""

import codecs
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from kubectl_caps.errors import InputError, os_words
from kubectl_caps.manifests.read.block_yaml import read_block
from kubectl_caps.manifests.read.go_numbers import number
from kubectl_caps.manifests.read.go_scalars import Repeated, UnreadableYaml

if TYPE_CHECKING:
    import yaml

STDIN = "-"

_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_SEPARATOR = re.compile(r"^---(?=[ \t\r\n#]|\Z)", re.MULTILINE)
_NO_CONTENT = re.compile(r"(?:[ \t]*(?:#[^\n]*|\r)?(?:\n|\Z)|%[^\n]*(?:\n|\Z))*")
_COMMENT_BEHIND = re.compile(r"^---(?=#)", re.MULTILINE)
_MARK_BEHIND = re.compile(r"^(---[^\n]*?)(\r?\n)\ufeff", re.MULTILINE)
_BEFORE_JSON = re.compile(r"(?:---[ \t\r]*(?:#[^\n]*)?\n|#[^\n]*\n|\s|\ufeff)*")


class SourceFile(Struct, frozen=True, eq=False):
    """A file's text with its original newlines, the byte order mark in front of it, and its encoding.

    Bytes that are no UTF-8 are kept as lone surrogates, and written back as they were. A SourceFile is only equal to
    itself: a file may be called STDIN and have the same text.
    """

    name: str
    text: str
    bom: bytes = b""
    encoding: str = "utf-8"

    def data(self, text: str) -> bytes:
        """The text as bytes, in this file's encoding and with its byte order mark."""
        return self.bom + text.encode(self.encoding, "surrogateescape" if self.encoding == "utf-8" else "strict")


class Piece(Struct, frozen=True):
    """A part of a file's text: its first line (`line` from 0) and its text."""

    start: int
    line: int
    text: str


class Parsed(Struct, frozen=True):
    """One document: its node with marks into the piece's text, its value, and the keys that it has twice."""

    node: "yaml.Node"
    value: Any
    repeated: tuple[Repeated, ...] = ()


def open_source(name: str) -> SourceFile:
    """A file, or standard input for `-`. Raises InputError with kubectl's words."""
    try:
        data = sys.stdin.buffer.read() if name == STDIN else FilePath(name).read_bytes()
    except OSError as error:
        raise InputError(f"open {name}: {os_words(error)}") from error
    name = "STDIN" if name == STDIN else name
    mark, encoding = next((row for row in _MARKS if data.startswith(row[0])), (b"", "utf-8"))
    try:
        text = data[len(mark) :].decode(encoding, "surrogateescape" if encoding == "utf-8" else "strict")
    except UnicodeDecodeError as error:
        raise InputError(f"error parsing {name}: it begins as {encoding.upper()} text and is none") from error
    return SourceFile(name, text, mark, encoding)


def pieces(text: str) -> list[Piece]:
    """The text cut into documents. Comments and directives before the first `---` belong to the first document."""
    starts = _json_starts(text) or [match.start() for match in _SEPARATOR.finditer(text)]
    if not starts or (starts[0] and _NO_CONTENT.fullmatch(text, 0, starts[0]) is None):
        starts = [0, *starts]
    starts[0] = 0
    found, line = [], 0
    for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
        found.append(Piece(start, line, text[start:end]))
        line += text.count("\n", start, end)
    return found


def parsed(text: str) -> Iterator[Parsed]:
    """The documents of one piece: one, or two if `...` ends the first. Raises UnreadableYaml."""
    from kubectl_caps.manifests.read import go_yaml  # with it comes PyYAML, which plain YAML needs not

    json_value = _json_value(text)
    try:
        for node in go_yaml.nodes(_for_parser(text, json_value is not None)):
            if json_value and json_value.unique:
                yield Parsed(node, json_value.value)
                continue
            if plain := None if json_value else read_block(text):
                yield Parsed(node, plain.value)
                continue
            repeated: list[Repeated] = []
            value = go_yaml.value(node, repeated)
            yield Parsed(node, json_value.value if json_value else value, tuple(repeated))
    except RecursionError as error:
        raise UnreadableYaml(None, "exceeded max depth") from error


def values(text: str) -> Iterator[Any]:
    """The values of `parsed` alone, which is much faster for JSON and plain YAML. Raises UnreadableYaml."""
    plain = read_block(text)
    json_value = None if plain else _json_value(text)
    if plain:
        yield plain.value
    elif json_value:
        yield json_value.value
    else:
        yield from (document.value for document in parsed(text))


def _for_parser(text: str, is_json: bool) -> str:
    """The text as a YAML parser takes it, every character in its place.

    JSON allows tabs between tokens, halves of a pair as escapes, and line separators in strings; YAML does not.
    kubectl allows a comment directly behind a separator, and below it the byte order mark of a file put behind another.
    """
    if is_json:
        start = _json_at(text, 0)
        body = re.sub(r"\\u[dD][89a-fA-F][0-9a-fA-F]{2}", r"\\u0020", _whole(text[start:])).translate(_NOT_YAML)
        return re.sub(r"[^\n]", " ", text[:start]) + body
    text = _COMMENT_BEHIND.sub("#--", _MARK_BEHIND.sub(r"\1 \2", text, count=1), count=1)
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)


def _whole(text: str) -> str:
    """JSON with U+FFFD for single halves of a pair, as characters or escapes, as in Go."""
    return _HALF.sub(lambda found: found[1] or r"\ufffd", _SURROGATE.sub("\ufffd", text))


_NOT_YAML = {ord("\t"): " ", **dict.fromkeys([*range(0x7F, 0xA0), 0x2028, 0x2029, 0xFFFE, 0xFFFF], "?")}
_SURROGATE = re.compile("[\ud800-\udfff]")
_HALF = re.compile(
    r"(\\[^u]|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})|\\u[dD][89a-fA-F][0-9a-fA-F]{2}"
)


class _Json(Struct, frozen=True):
    """A JSON value, and whether every key in it stands once."""

    value: Any
    unique: bool


def _json_value(text: str) -> _Json | None:
    body = text[_json_at(text, 0) :]
    if body[:1] not in ("{", "["):
        return None
    unique = True

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal unique
        found = dict(items)
        unique = unique and len(found) == len(items)
        return found

    try:
        value = json.loads(_whole(body), parse_float=_float, parse_constant=_no_constant, object_pairs_hook=pairs)
    except (ValueError, RecursionError):
        return None
    return _Json(value, unique)


def _json_starts(text: str) -> list[int]:
    """The start of each value of a stream of JSON values; empty if the text is no such stream."""
    decoder, starts, end = json.JSONDecoder(parse_constant=_no_constant), [], 0
    try:
        while (at := _json_at(text, end)) < len(text):
            if text[at] not in "{[":
                return []
            starts.append(end)
            end = decoder.raw_decode(text, at)[1]
    except (ValueError, RecursionError):
        return []
    return starts


def _json_at(text: str, start: int) -> int:
    """Where a JSON value could begin: behind blanks, comments and separators."""
    match = _BEFORE_JSON.match(text, start)
    return match.end() if match else start


def _float(text: str) -> int | float:
    """A number as in Go: `1000.0` is 1000. Raises ValueError if it is too large."""
    found = number(text)
    if found is None:
        raise ValueError(text)
    return found


def _no_constant(name: str) -> None:
    raise ValueError(name)  # NaN and Infinity are no JSON
