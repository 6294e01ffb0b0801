"""Writes a document as JSON or YAML text. report/documents defines the fields of the documents."""

import json
import re
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

import msgspec

_NOT_ASCII = re.compile(r"[^\x00-\x7e]+")
_NOT_PLAIN = re.compile(r"[^A-Za-z_/]|(?i:y|n|yes|no|on|off|true|false|null)\Z")
_HALF = re.compile("[\ud800-\udfff]")


def text(result: object, output: str) -> str:
    """A document (a struct or a JSON value) as `json` or `yaml`, ending in a newline. JSON is ASCII.

    A single surrogate, as in the name of a file that is not UTF-8, is an escape in JSON and U+FFFD in YAML.
    """
    if output == "json":
        return _json(result) + "\n"
    import yaml

    return str(yaml.dump(_whole(result), Dumper=_dumper(), sort_keys=False, allow_unicode=False, width=1000))


def with_items(result: object, texts: Iterable[str]) -> Iterator[str]:
    """The parts of the JSON of a document without items, with these texts of `item_text` as its `items`."""
    head, tail = _json(result).split('"items": []', 1)
    yield f'{head}"items": ['
    lead = ""
    for text_of_item in texts:
        yield lead + text_of_item
        lead = ","
    yield "\n  ]" if lead else "]"
    yield f"{tail}\n"


_BEFORE_ITEM, _AFTER_ITEM = "[\n  [", "\n  ]\n]"


def item_text(item: object) -> str:
    """An item of a document's `items` as JSON: a line end, and the lines of the item, indented."""
    return indented_item(compact(item))


def compact(result: object) -> bytes:
    """A document, or an item of one, as JSON in one line."""
    try:
        return msgspec.json.encode(result)
    except UnicodeEncodeError:
        return json.dumps(msgspec.to_builtins(result)).encode()


def indented_item(line: bytes) -> str:
    """`item_text` of the item with this `compact` JSON."""
    return _indented(b"[[" + line + b"]]")[len(_BEFORE_ITEM) : -len(_AFTER_ITEM)]  # as deep as `items` indents it


@cache
def _dumper() -> Any:
    """A YAML dumper. It quotes strings that kubectl's parser (sigs.k8s.io/yaml) may read otherwise: `y`, `1e3`."""
    import yaml

    class Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
        pass

    def quoted(dumper: Any, value: str) -> Any:
        style = '"' if _NOT_PLAIN.match(value) else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)

    Dumper.add_representer(str, quoted)
    return Dumper


def _json(result: object) -> str:
    """The same text as `json.dumps(result, indent=2)`, in a sixth of the time."""
    return _indented(compact(result))


def _indented(line: bytes) -> str:
    try:
        formatted = msgspec.json.format(line, indent=2).decode()
    except msgspec.DecodeError:  # a single surrogate
        return json.dumps(json.loads(line), indent=2)
    if formatted.isascii() and "\x7f" not in formatted:
        return formatted
    return _NOT_ASCII.sub(lambda match: json.dumps(match[0])[1:-1], formatted)


def _whole(result: object) -> Any:
    plain = msgspec.to_builtins(result)
    try:
        msgspec.json.encode(plain)
    except UnicodeEncodeError:
        return json.loads(_HALF.sub("\ufffd", json.dumps(plain, ensure_ascii=False)))
    return plain
