"""Values as YAML text, in block style or in flow style (which is also JSON where keys are quoted)."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from kubectl_caps.manifests import loader

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*", re.ASCII)


def block(key: str, value: Any, indent: int, step: int) -> Iterator[str]:
    """The lines of `key: value`, without line ends: mappings in block style, lists in flow style."""
    blanks = " " * indent
    if isinstance(value, Mapping) and value:
        yield f"{blanks}{scalar(key)}:"
        for name, inner in value.items():
            yield from block(name, inner, indent + step, step)
    else:
        yield f"{blanks}{scalar(key)}: {flow(value)}"


def flow(value: Any, *, as_json: bool = False) -> str:
    """A value on one line. Strings in lists are quoted, as people write `drop: ["ALL"]`."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(pair(key, inner, as_json=as_json) for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(json.dumps(item) if isinstance(item, str) else flow(item) for item in value) + "]"
    return json.dumps(value) if as_json or not isinstance(value, str) else scalar(value)


def pair(key: str, value: Any, *, as_json: bool) -> str:
    """`key: value` in a flow mapping."""
    return f"{json.dumps(key) if as_json else scalar(key)}: {flow(value, as_json=as_json)}"


def scalar(text: str) -> str:
    """A string, plain where YAML reads it back as that string, quoted otherwise."""
    if _PLAIN.fullmatch(text) and loader.plain_text(text):
        return text
    return json.dumps(text)
