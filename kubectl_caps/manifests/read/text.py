"""Reads a file's text and cuts it into pieces of one document, so that a broken document does not hide the others.

Pieces are cut as by kubectl (k8s.io/apimachinery pkg/util/yaml): at lines that begin with `---`, and between JSON
values. All pieces joined are exactly the text.
"""

import codecs
import json
import re
import sys
from collections.abc import Iterator
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
_SEPARATOR = re.compile(r"\n---(?=[ \t\r\n#]|\Z)")  # a pattern that begins with "^" takes six times as long
_NO_CONTENT = re.compile(r"(?:[ \t]*(?:#[^\n]*|\r)?(?:\n|\Z)|%[^\n]*(?:\n|\Z))*")
_COMMENT_BEHIND = re.compile(r"^---(?=#)", re.MULTILINE)
_MARK_BEHIND = re.compile(r"^(---[^\n]*?)(\r?\n)\ufeff", re.MULTILINE)
_BEFORE_JSON = re.compile(r"(?:---[ \t\r]*(?:#[^\n]*)?\n|#[^\n]*\n|\s|\ufeff)*")


class SourceFile(Struct, frozen=True, eq=False):
    """A file's text with its original line ends, its byte order mark, and its encoding.

    Bytes that are not UTF-8 are kept as lone surrogates and written back unchanged. A SourceFile is equal only to
    itself, because a file named STDIN may have the same text as standard input.
    """

    name: str
    text: str
    bom: bytes = b""
    encoding: str = "utf-8"

    def data(self, text: str) -> bytes:
        """The text as bytes, in this file's encoding and with its byte order mark."""
        return self.bom + text.encode(self.encoding, "surrogateescape" if self.encoding == "utf-8" else "strict")


class Piece(Struct, frozen=True):
    """A part of a file's text: the index of its first character, its first line (from 0), and its text."""

    start: int
    line: int
    text: str


class Parsed(Struct, frozen=True):
    """One document: its node with marks into the piece's text, its value, and its repeated keys."""

    node: "yaml.Node"
    value: Any
    repeated: tuple[Repeated, ...] = ()


def open_source(name: str) -> SourceFile:
    """Read a file, or standard input for `-`. Raises InputError in kubectl's words."""
    try:
        data = sys.stdin.buffer.read() if name == STDIN else _content(name)
    except OSError as error:
        raise InputError(f"open {name}: {os_words(error)}") from error
    name = "STDIN" if name == STDIN else name
    mark, encoding = next((row for row in _MARKS if data.startswith(row[0])), (b"", "utf-8"))
    try:
        text = data[len(mark) :].decode(encoding, "surrogateescape" if encoding == "utf-8" else "strict")
    except UnicodeDecodeError as error:
        form = encoding.upper()
        raise InputError(f"error parsing {name}: it has the byte order mark of {form}, but is not {form}") from error
    return SourceFile(name, text, mark, encoding)


def _content(name: str) -> bytes:
    with open(name, "rb", buffering=0) as file:  # noqa: PTH123 - a Path and a buffer take half the time of a file
        return file.read()


def pieces(text: str) -> list[Piece]:
    """The text cut into documents. Comments and directives before the first `---` belong to the first document."""
    starts = _json_starts(text) or [match.start() for match in _SEPARATOR.finditer(f"\n{text}")]
    if not starts or (starts[0] and _NO_CONTENT.fullmatch(text, 0, starts[0]) is None):
        starts = [0, *starts]
    starts[0] = 0
    found, line = [], 0
    for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
        found.append(Piece(start, line, text[start:end]))
        line += text.count("\n", start, end)
    return found


def parsed(text: str, first: Any = None) -> Iterator[Parsed]:
    """The documents of a piece: one, or two if `...` ends the first. Raises UnreadableYaml.

    `first` is the value of the first document, if the value was read before and repeats no key. If there is no other
    document, the tags of its nodes only tell merge keys.
    """
    from kubectl_caps.manifests.read import go_yaml  # with it comes PyYAML, which plain YAML needs not

    json_value = _json_value(text)
    for_parser = _for_parser(text, json_value is not None)
    try:
        if first is not None and len(positions := list(go_yaml.nodes(for_parser, tagged=False))) == 1:
            yield Parsed(positions[0], first)
            return
        for node in go_yaml.nodes(for_parser):
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
    """Only the values of `parsed`, which is much faster for JSON and plain YAML. Raises UnreadableYaml."""
    plain = read_block(text)
    json_value = None if plain else _json_value(text)
    if plain:
        yield plain.value
    elif json_value:
        yield json_value.value
    else:
        yield from (document.value for document in parsed(text))


def _for_parser(text: str, is_json: bool) -> str:
    """The text with replacements that a YAML parser accepts. Every character keeps its position.

    JSON allows tabs between tokens, single surrogates as escapes, and line separators in strings; YAML does not.
    kubectl allows a comment directly after a separator, and on the next line the byte order mark of an appended file.
    """
    if is_json:
        start = _json_at(text, 0)
        body = re.sub(r"\\u[dD][89a-fA-F][0-9a-fA-F]{2}", r"\\u0020", _whole(text[start:])).translate(_NOT_YAML)
        return re.sub(r"[^\n]", " ", text[:start]) + body
    if not text.isascii():
        text = _MARK_BEHIND.sub(r"\1 \2", _SURROGATE.sub("\ufffd", text), count=1)
    return _COMMENT_BEHIND.sub("#--", text, count=1) if "---#" in text else text


def _whole(text: str) -> str:
    """JSON with U+FFFD instead of single surrogates, both as characters and as escapes, as in Go."""
    return _HALF.sub(lambda found: found[1] or r"\ufffd", _SURROGATE.sub("\ufffd", text))


_NOT_YAML = {ord("\t"): " ", **dict.fromkeys([*range(0x7F, 0xA0), 0x2028, 0x2029, 0xFFFE, 0xFFFF], "?")}
_SURROGATE = re.compile("[\ud800-\udfff]")
_HALF = re.compile(
    r"(\\[^u]|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})|\\u[dD][89a-fA-F][0-9a-fA-F]{2}"
)


class _Json(Struct, frozen=True):
    """A JSON value. `unique`: no key is repeated in it."""

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
    starts, end = [], 0
    try:
        while (at := _json_at(text, end)) < len(text):
            if text[at] not in "{[":
                return []
            starts.append(end)
            end = _DECODER.raw_decode(text, at)[1]
    except (ValueError, RecursionError):
        return []
    return starts


def _json_at(text: str, start: int) -> int:
    """The index of the first character after blanks, comments and separators, where a JSON value may begin."""
    match = _BEFORE_JSON.match(text, start)
    return match.end() if match else start


def _float(text: str) -> int | float:
    """A number as in Go: `1000.0` is 1000. Raises ValueError if the number is too large."""
    found = number(text)
    if found is None:
        raise ValueError(text)
    return found


def _no_constant(name: str) -> None:
    raise ValueError(name)  # NaN and Infinity are not JSON


_DECODER = json.JSONDecoder(parse_constant=_no_constant)
