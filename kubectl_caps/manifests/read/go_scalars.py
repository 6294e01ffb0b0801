"""The scalars of YAML as go-yaml, and so kubectl, reads them: the tag of an unquoted text, the value behind a tag."""

import base64
import binascii
from collections.abc import Callable
from typing import Any

from msgspec import Struct

from kubectl_caps.manifests.read.go_numbers import integer, number

TAGS = "tag:yaml.org,2002:"
STRING = f"{TAGS}str"
MERGE = f"{TAGS}merge"


class UnreadableYaml(Exception):
    """A text that kubectl cannot read either. `line` counts from 1 in the text; None if the line is not known."""

    def __init__(self, line: int | None, problem: str) -> None:
        super().__init__(problem)
        self.line, self.problem = line, problem


class Repeated(Struct, frozen=True):
    """A key that occurs twice in a mapping. In kubectl the last value wins; other tools refuse the text."""

    line: int
    key: str
    first: int

    def __str__(self) -> str:
        return f'duplicate key "{self.key}", first on line {self.first}'


class _Words:
    """A resolver's pattern that matches a list of words."""

    def __init__(self, *words: str) -> None:
        self.words = frozenset(words)

    def match(self, text: str) -> bool:
        return text in self.words


class _Number:
    """A resolver's pattern that matches what `number` accepts."""

    def match(self, text: str) -> bool:
        return number(text) is not None


def _forms(*words: str) -> list[str]:
    return [form for word in words for form in (word, word.capitalize(), word.upper())]


_TRUE, _FALSE = _forms("y", "yes", "on", "true"), _forms("n", "no", "off", "false")
_NOT_JSON = [sign + form for sign in ("", "+", "-") for form in (".inf", ".Inf", ".INF")] + [".nan", ".NaN", ".NAN"]
_NULL = ("", "~", "null", "Null", "NULL")


def _resolvers() -> dict[str, list[tuple[str, Any]]]:
    found: dict[str, list[tuple[str, Any]]] = {"<": [(MERGE, _Words("<<"))]}
    for kind, words in (("null", _NULL), ("bool", [*_TRUE, *_FALSE]), ("float", _NOT_JSON)):
        for first in sorted({word[:1] for word in words}):
            found.setdefault(first, []).append((f"{TAGS}{kind}", _Words(*words)))
    for first in "-+.0123456789":
        found.setdefault(first, []).append((f"{TAGS}float", _Number()))
    return found


RESOLVERS = _resolvers()
"""First character -> the tags that an unquoted scalar may have, and the pattern of each."""


def plain_tag(text: str) -> str:
    """The tag of an unquoted scalar."""
    for tag, pattern in RESOLVERS.get(text[:1], ()):
        if pattern.match(text):
            return tag
    return STRING


def plain_text(text: str) -> bool:
    """Whether an unquoted scalar is read as a string, and not as a boolean, a number or null."""
    return plain_tag(text) == STRING


def scalar_value(tag: str, text: str, line: int | None = None) -> Any:
    """The value of a scalar with a tag. Raises UnreadableYaml, with the scalar's `line`."""
    read = _SCALARS.get(tag)
    return read(tag, text, line) if read else text


def _null(tag: str, text: str, line: int | None) -> None:
    if text not in _NULL:
        raise _mismatch(tag, text, line)


def _boolean(tag: str, text: str, line: int | None) -> bool:
    if text not in _TRUE and text not in _FALSE:
        raise _mismatch(tag, text, line)
    return text in _TRUE


def _integral(tag: str, text: str, line: int | None) -> int:
    """An integer behind `!!int`. For go-yaml, `1.0` and `1e3` are no integers."""
    found = integer(text)
    if found is None:
        raise _mismatch(tag, text, line)
    return found


def _numeric(tag: str, text: str, line: int | None) -> int | float:
    found = number(text)
    if found is None:
        if text in _NOT_JSON:
            raise UnreadableYaml(line, f"unsupported value: {text}")
        raise _mismatch(tag, text, line)
    return found


def _mismatch(tag: str, text: str, line: int | None) -> UnreadableYaml:
    """The error for a tag whose text does not fit it."""
    is_one = f"{TAGS}int" if integer(text) is not None else plain_tag(text)
    found, wanted = (one.replace(TAGS, "!!") for one in (is_one, tag))
    return UnreadableYaml(line, f"cannot decode {found} `{text}` as a {wanted}")


def _binary(tag: str, text: str, line: int | None) -> str:
    try:
        return base64.b64decode(text).decode("utf-8", "replace")
    except (binascii.Error, ValueError) as error:
        raise UnreadableYaml(line, "!!binary value contains invalid base64 data") from error


_SCALARS: dict[str, Callable[[str, str, int | None], Any]] = {
    f"{TAGS}null": _null,
    f"{TAGS}bool": _boolean,
    f"{TAGS}int": _integral,
    f"{TAGS}float": _numeric,
    f"{TAGS}binary": _binary,
}
