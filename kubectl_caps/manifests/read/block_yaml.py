"""The plain part of YAML that most manifests are written in, read line by line: ten times as fast as all of YAML.

A text is either read here exactly as `go_yaml` reads it, or not at all: then `go_yaml` reads it, and finds its faults.
So this file needs to know no fault. Read are mappings and lists in block style, whose keys and values stand on one
line: unquoted, in quotes without escapes, or a list or mapping of scalars in brackets; and literal blocks (`|`, `|-`).

No: anchors, aliases, tags, merge keys, keys in quotes, keys that are read as numbers or booleans, keys that stand
twice, values of several lines, tabs, and any character but printable ASCII.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Literal, NamedTuple

from kubectl_caps.manifests.read.go_scalars import MERGE, UnreadableYaml, plain_tag, plain_text, scalar_value

_LONGEST = 1_000
"""Characters of a line. YAML lets a key be no longer."""
_DEEPEST = 100
_MOST_TOKENS = 10_000

_PRINTABLE = re.compile(r"[\n -~]*")
_COMMENTS = r"(?: *(?:#[ -~]*)?\n)*"
_BEGIN = re.compile(rf"{_COMMENTS}(?:---(?: +(?:#[ -~]*)?)?\n{_COMMENTS})?")
_LINE = re.compile(r"( *)(?:-( +))?(?:([A-Za-z0-9_./][\w./-]*):(?: +|\Z))?([ -~]*)", re.ASCII)

_BEHIND = r"(?: +#.*| *)"
_QUOTED = r""""[^"\\]*"|'[^']*'"""
_STRING = re.compile(rf"({_QUOTED}){_BEHIND}")
_PLAIN = re.compile(r"(?:[A-Za-z0-9_/.$(+=~^;\\<]|-[^ ]).*")
_IN_FLOW = rf"{_QUOTED}|[A-Za-z0-9_./][\w./@+=-]*"
_PAIR = rf"[A-Za-z_][\w./-]*: +(?:{_IN_FLOW})"
_FLOW_LIST = re.compile(rf"\[ *((?:{_IN_FLOW})(?: *, *(?:{_IN_FLOW}))*)? *\]{_BEHIND}", re.ASCII)
_FLOW_MAPPING = re.compile(rf"{{ *((?:{_PAIR})(?: *, *(?:{_PAIR}))*)? *}}{_BEHIND}", re.ASCII)
_ITEMS = re.compile(_IN_FLOW, re.ASCII)
_PAIRS = re.compile(rf"([A-Za-z_][\w./-]*): +({_IN_FLOW})", re.ASCII)
_LITERAL = re.compile(rf"\|(-?){_BEHIND}")

_Kind = Literal["nothing", "value", "list", "mapping", "literal", "below"]


class _Token(NamedTuple):
    """One line: its column, the column of the item behind `- ` (0: it is none), the key, and the value's kind.

    `below`: the value stands on the lines that follow, or is null.
    """

    column: int
    item: int
    key: str | None
    kind: _Kind
    value: Any


class _Outside(Exception):
    """The text has more than the part of YAML that is read here."""


class Block(NamedTuple):
    """The mapping that a text is, and the line where its first key stands, from 0."""

    value: dict[str, Any]
    line: int


_tokens: dict[str, _Token] = {}
"""The lines that have been seen: most lines of manifests stand in many of them. With lru_cache, reading is slower."""


def read_block(text: str) -> Block | None:
    """The one document of a text; None if it has more than is read here."""
    found = _BEGIN.match(text)
    start = found.end() if found else 0
    if text[start : start + 1] in ("", " ", "#", "-"):  # nothing, an indented mapping, one more separator
        return None
    try:
        return Block(_root(text[start:].split("\n")), text.count("\n", 0, start))
    except _Outside:
        return None


def _root(lines: Sequence[str]) -> dict[str, Any]:
    """The mapping that the lines of one document are. Raises _Outside."""
    root: dict[str, Any] = {}
    column, waiting, after = 0, None, 0
    holder: Any = root
    opened = [(column, holder)]
    for at, line in enumerate(lines):
        if at < after:  # a line of a literal block
            continue
        indent, item, key, kind, value = _tokens.get(line) or _token(line)
        if kind == "nothing":
            continue
        if waiting is not None or item or indent != column or type(holder) is list:
            column, holder = _holder(opened, indent, item, waiting)
            waiting = None
        if kind in ("list", "mapping"):
            value = value.copy()  # no other line has it
        elif kind == "literal":
            value, after = _literal(lines, at + 1, indent if key is None else item or indent, chomped=value)
        if item:
            if key is None:
                holder.append(value)
                continue
            below: dict[str, Any] = {}
            holder.append(below)
            column, holder = item, below
            opened.append((item, below))
        if key is None or key in holder:
            raise _Outside
        holder[key] = value
        if kind == "below":
            waiting = key
    return root


def _holder(opened: list[tuple[int, Any]], indent: int, item: int, waiting: str | None) -> tuple[int, Any]:
    """The collection that a line belongs to, and its column.

    `opened` are the collections around the line before, with their columns. `waiting` is the key whose value may begin
    here.
    """
    column, holder = opened[-1]
    if waiting is not None and (indent > column or (item and indent == column)):
        below: Any = [] if item else {}
        holder[waiting] = below
        opened.append((indent, below))
        if len(opened) > _DEEPEST:
            raise _Outside
        return indent, below
    while indent < column:
        opened.pop()
        column, holder = opened[-1]
    if not item and indent == column and type(holder) is list:
        opened.pop()  # the list stood in the column of its key
        column, holder = opened[-1]
    if indent != column or bool(item) != (type(holder) is list):
        raise _Outside
    return column, holder


def _literal(lines: Sequence[str], start: int, column: int, *, chomped: bool) -> tuple[str, int]:
    """The text of the literal block that begins on a line, and the line behind it.

    `column` is that of the key or the dash.
    """
    first = lines[start] if start < len(lines) else ""
    indent = len(first) - len(first.lstrip(" "))
    if not first.strip(" ") or indent <= column:
        raise _Outside
    end = start
    while end < len(lines) and not (line := lines[end])[:indent].strip(" "):
        if line.isspace() and len(line) > indent:
            raise _Outside
        end += 1
    found = [line[indent:] for line in lines[start:end]]
    if end == len(lines) and found[-1]:  # without a line end
        raise _Outside
    if not _PRINTABLE.fullmatch(text := "\n".join(found).rstrip("\n")):
        raise _Outside
    return text if chomped else f"{text}\n", end


def _token(line: str) -> _Token:
    found = _LINE.fullmatch(line)
    if found is None or len(line) > _LONGEST:
        raise _Outside
    blanks, behind_dash, key, rest = found.groups()
    if behind_dash is None and key is None:
        if rest and not rest.startswith("#"):
            raise _Outside
        token = _Token(0, 0, None, "nothing", None)
    else:
        column = len(blanks)
        kind, value = _read(rest)
        if not plain_text(key) if key else kind == "below":
            raise _Outside
        token = _Token(column, column + 1 + len(behind_dash) if behind_dash else 0, key, kind, value)
    if len(_tokens) >= _MOST_TOKENS:
        _tokens.clear()
    _tokens[line] = token
    return token


@lru_cache(1_000)  # a name stands in many lines of its document
def _read(rest: str) -> tuple[_Kind, Any]:
    """What stands behind a key or a dash."""
    first = rest[:1]
    if first in ("", "#"):
        return "below", None
    if first in ('"', "'") and (found := _STRING.fullmatch(rest)):
        return "value", found[1][1:-1]
    if first == "[" and (found := _FLOW_LIST.fullmatch(rest)):
        return "list", [_in_flow(item) for item in _ITEMS.findall(found[1] or "")]
    if first == "{" and (found := _FLOW_MAPPING.fullmatch(rest)):
        return "mapping", _mapping(_PAIRS.findall(found[1] or ""))
    if first == "|" and (found := _LITERAL.fullmatch(rest)):
        return "literal", bool(found[1])
    if _PLAIN.fullmatch(rest):
        return "value", _plain(rest.partition(" #")[0].rstrip(" "))
    raise _Outside


def _mapping(pairs: Sequence[tuple[str, str]]) -> dict[str, Any]:
    found = {key: _in_flow(value) for key, value in pairs}
    if len(found) != len(pairs) or not all(map(plain_text, found)):
        raise _Outside
    return found


def _in_flow(text: str) -> Any:
    return text[1:-1] if text[:1] in ('"', "'") else _plain(text)


def _plain(text: str) -> Any:
    """The value of an unquoted scalar."""
    if ": " in text or text.endswith(":"):
        raise _Outside
    tag = plain_tag(text)
    try:
        if tag != MERGE:
            return scalar_value(tag, text)
    except UnreadableYaml as error:
        raise _Outside from error
    raise _Outside
