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


def _forms(*words: str) -> list[str]:
    return [form for word in words for form in (word, word.capitalize(), word.upper())]


_TRUE, _FALSE = _forms("y", "yes", "on", "true"), _forms("n", "no", "off", "false")
_NOT_JSON = [sign + form for sign in ("", "+", "-") for form in (".inf", ".Inf", ".INF")] + [".nan", ".NaN", ".NAN"]
_NULL = ("", "~", "null", "Null", "NULL")
_WORDS = {
    "<<": MERGE,
    **dict.fromkeys(_NULL, f"{TAGS}null"),
    **dict.fromkeys((*_TRUE, *_FALSE), f"{TAGS}bool"),
    **dict.fromkeys(_NOT_JSON, f"{TAGS}float"),
}
"""The unquoted texts that are neither strings nor numbers, with their tags."""
_STARTS_OF_NUMBERS = frozenset("-+.0123456789")


def plain_tag(text: str) -> str:
    """The tag of an unquoted scalar."""
    if text[:1] in _STARTS_OF_NUMBERS and number(text) is not None:
        return f"{TAGS}float"
    return _WORDS.get(text, STRING)


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
