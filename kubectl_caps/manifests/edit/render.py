"""Renders values as YAML text, in block style or in flow style, or as JSON."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from kubectl_caps.manifests.read.go_scalars import plain_text

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*", re.ASCII)


class Style(Struct, frozen=True):
    """The style of a flow collection: as JSON, `tight` without blanks, and with a `newline` one entry a line.

    `newline` is the line end and the indentation of the value's line; entries are indented by another `step`.
    """

    json: bool = False
    tight: bool = False
    step: str = ""
    newline: str = ""


PLAIN = Style()


def block(key: str, value: Any, indent: int, step: int) -> Iterator[str]:
    """The lines of `key: value`, without line ends: mappings in block style, lists in flow style."""
    blanks = " " * indent
    if isinstance(value, Mapping) and value:
        yield f"{blanks}{scalar(key)}:"
        for name, inner in value.items():
            yield from block(name, inner, indent + step, step)
    else:
        yield f"{blanks}{scalar(key)}: {flow(value)}"


def flow(value: Any, style: Style = PLAIN) -> str:
    """A value in flow style. Strings in lists are quoted, as people write `drop: ["ALL"]`."""
    if style.json:
        lines = json.dumps(value, indent=style.step if style.newline else None, separators=_separators(style))
        return lines.replace("\n", style.newline)
    if isinstance(value, Mapping):
        return "{" + ", ".join(pair(key, inner, style) for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(json.dumps(item) if isinstance(item, str) else flow(item) for item in value) + "]"
    return scalar(value) if isinstance(value, str) else json.dumps(value)


def pair(key: str, value: Any, style: Style) -> str:
    """`key: value` in a flow mapping."""
    if style.json:
        return f"{json.dumps(key)}{_separators(style)[1]}{flow(value, style)}"
    return f"{scalar(key)}: {flow(value, style)}"


def scalar(text: str) -> str:
    """A string: plain if YAML reads the plain text back as the same string, else quoted."""
    if _PLAIN.fullmatch(text) and plain_text(text):
        return text
    return json.dumps(text)


def _separators(style: Style) -> tuple[str, str]:
    return (",", ":") if style.tight else ("," if style.newline else ", ", ": ")
