"""PyYAML as Kubernetes reads YAML: what sigs.k8s.io/yaml (go-yaml v2) would make of the same text."""

import re
from collections.abc import Iterator
from typing import Any

import yaml

_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

# Tags that go-yaml leaves as text where it decodes into an interface: dates, and numbers to the base of 60.
_INT = re.compile(r"[-+]?(?:0b[01_]+|0o?[0-7_]+|0|[1-9][0-9_]*|0x[0-9a-fA-F_]+)", re.ASCII)
_FLOAT = re.compile(
    r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
)


def _resolvers() -> dict[str, list[tuple[str, Any]]]:
    dropped = ("tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:int", "tag:yaml.org,2002:float")
    kept = {
        first: [(tag, pattern) for tag, pattern in rows if tag not in dropped]
        for first, rows in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    for first in "-+.0123456789":
        number = [("tag:yaml.org,2002:int", _full(_INT)), ("tag:yaml.org,2002:float", _full(_FLOAT))]
        kept[first] = [*kept.get(first, []), *number]
    return kept


def _full(pattern: re.Pattern[str]) -> re.Pattern[str]:
    return re.compile(f"(?:{pattern.pattern})$", re.ASCII)


class Loader(_Base):  # type: ignore[misc]
    """A safe loader without dates and without numbers to the base of 60."""

    yaml_implicit_resolvers = _resolvers()


def documents(text: str) -> Iterator[yaml.Node]:
    """The root node of each document, with marks into `text`. Raises yaml.YAMLError; an empty document gives none."""
    loader = Loader(text)
    try:
        while loader.check_node():
            yield loader.get_node()
    finally:
        loader.dispose()


def value(node: yaml.Node) -> Any:
    """What a node stands for, aliases and merge keys resolved. Raises yaml.YAMLError."""
    loader = Loader("")
    try:
        return loader.construct_document(node)
    finally:
        loader.dispose()


def plain_text(text: str) -> bool:
    """Whether an unquoted scalar is read as a string, and not as a boolean, a number or null."""
    rows = Loader.yaml_implicit_resolvers.get(text[:1], [])
    return not any(pattern.match(text) for _, pattern in rows)
