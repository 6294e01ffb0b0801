"""Reads YAML as Kubernetes does: a text gives the same object as with sigs.k8s.io/yaml and kubectl.

This is YAML 1.1 with Go's numbers. PyYAML finds the nodes and their positions. The values are made here, because
kubectl's values differ from PyYAML's: `y` is true, `09` is 9, a merge key (`<<`) overrides the keys before it, and all
keys are strings. tests/manifests/test_kubectl_reads_the_same.py compares with the real kubectl.
"""

import gc
import operator
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import yaml

from kubectl_caps.manifests.read.go_scalars import (
    MERGE,
    STRING,
    TAGS,
    Repeated,
    UnreadableYaml,
    plain_tag,
    scalar_value,
)

_NON_SPECIFIC = re.compile(r"(?:&\S+\s(?:\s|#[^\n]*\n)*)?!(?:<!>)?(?!\S)")
"""The tag `!`, with or without an anchor before it. go-yaml reads the scalar after it as a string, PyYAML does not.

The pattern is matched only at the start of a scalar. An anchor ends at the first blank, so a match takes one pass.
"""

_MOST_NODES = 500_000
"""The largest number of values of a document in which most values come through aliases. go-yaml allows fewer."""


_COLLECTIONS: dict[Any, str] = {yaml.SequenceNode: f"{TAGS}seq", yaml.MappingNode: f"{TAGS}map"}


class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """PyYAML's loader with the tags of go-yaml."""

    # PyYAML calls these two for each node to follow path resolvers. There are none, and a builtin takes no time.
    descend_resolver = operator.is_
    ascend_resolver = int

    def resolve(self, kind: type[yaml.Node], value: str, implicit: tuple[bool, bool]) -> str:
        """The implicit tag of a node. Unlike PyYAML's `resolve`, it knows no path resolvers and takes half the time."""
        if kind is yaml.ScalarNode:
            return plain_tag(value) if implicit[0] else STRING
        return _COLLECTIONS[kind]


class _PositionLoader(Loader):
    def resolve(self, kind: type[yaml.Node], value: str, implicit: tuple[bool, bool]) -> str:
        if kind is yaml.ScalarNode:
            return MERGE if value == "<<" and implicit[0] else STRING
        return _COLLECTIONS[kind]


def nodes(text: str, *, tagged: bool = True) -> Iterator[yaml.Node]:
    """The root node of each document, with marks into `text`. Raises UnreadableYaml; an empty document gives none.

    If `tagged` is False, plain scalars are tagged as strings, except merge keys. This takes a quarter less time, and
    `value` does not understand the nodes.
    """
    # Searched once for the whole text, which may hold as many documents as lines.
    has_aliases, has_tags = "*" in text, "!" in text
    try:
        loader = (Loader if tagged else _PositionLoader)(text)
        try:
            while loader.check_node():
                with _no_garbage_collection():
                    node = loader.get_node()
                if has_aliases:
                    _check_aliases(node)
                if has_tags:
                    _as_strings(node, text, set())
                yield node
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        raise _unreadable(error, text) from error
    except RecursionError as error:
        raise UnreadableYaml(None, "exceeded max depth") from error


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Switch garbage collection off while PyYAML composes nodes: without this it takes three quarters of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def value(node: yaml.Node, repeated: list[Repeated] | None = None) -> Any:
    """The value of a node, with aliases and merge keys resolved. Each alias gives its own copy of the value.

    Raises UnreadableYaml. Keys that occur twice in a mapping are added to `repeated`.
    """
    if isinstance(node, yaml.ScalarNode):
        # Most scalars are strings, and a call for each of them takes a tenth of the time.
        return node.value if node.tag == STRING else scalar_value(node.tag, node.value, _line(node))
    if isinstance(node, yaml.SequenceNode):
        return [value(item, repeated) for item in node.value]
    result: dict[str, Any] = {}
    lines: dict[str, int] = {}
    for key, inner in node.value:
        if key.tag == MERGE:
            for merged in _merged(inner):
                result.update(value(merged, repeated))
            continue
        name = _key(key)
        if name in lines and repeated is not None:
            repeated.append(Repeated(key.start_mark.line + 1, name, lines[name]))
        lines[name] = key.start_mark.line + 1
        result[name] = value(inner, repeated)
    return result


def _merged(node: yaml.Node) -> Iterator[yaml.Node]:
    """The mappings of a merge key. The mapping that wins is the last one."""
    several = reversed(node.value) if isinstance(node, yaml.SequenceNode) else [node]
    for one in several:
        if not isinstance(one, yaml.MappingNode):
            raise UnreadableYaml(_line(node), "map merge requires map or sequence of maps as the value")
        yield one


def _key(node: yaml.Node) -> str:
    if not isinstance(node, yaml.ScalarNode):
        raise UnreadableYaml(_line(node), "invalid map key")
    found = value(node)
    if found is None:
        raise UnreadableYaml(_line(node), "unsupported map key of type null")
    if isinstance(found, bool):
        return str(found).lower()
    return str(found).removesuffix(".0") if isinstance(found, float) else str(found)


def _check_aliases(root: yaml.Node) -> None:
    """Raises UnreadableYaml for an anchor that contains itself, and for a document with too many values by aliases."""
    sizes: dict[int, int] = {}
    size = _size(root, sizes, set())
    if size > _MOST_NODES and size > 10 * len(sizes):
        raise UnreadableYaml(_line(root), "document contains excessive aliasing")


def _size(node: yaml.Node, sizes: dict[int, int], above: set[int]) -> int:
    """The number of values in a node, with all aliases written out."""
    if id(node) in sizes:
        return sizes[id(node)]
    if id(node) in above:
        raise UnreadableYaml(_line(node), "anchor value contains itself")
    above.add(id(node))
    children = () if isinstance(node, yaml.ScalarNode) else node.value
    parts = (part for child in children for part in (child if isinstance(child, tuple) else (child,)))
    sizes[id(node)] = 1 + sum(_size(part, sizes, above) for part in parts)
    above.discard(id(node))
    return sizes[id(node)]


def _as_strings(node: yaml.Node, text: str, seen: set[int]) -> None:
    """Turn the scalars with the tag `!` into strings, except merge keys."""
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.ScalarNode):
        if node.tag != MERGE and _NON_SPECIFIC.match(text, node.start_mark.index):
            node.tag = STRING
        return
    for child in node.value:
        for part in child if isinstance(child, tuple) else (child,):
            _as_strings(part, text, seen)


_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff]")


def _unreadable(error: yaml.YAMLError, text: str) -> UnreadableYaml:
    if isinstance(error, yaml.reader.ReaderError):
        found = _CONTROL.search(text)
        line = text.count("\n", 0, found.start()) + 1 if found else None
        return UnreadableYaml(line, "control characters are not allowed")
    mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
    if (getattr(error, "context", None) or "").startswith("found duplicate anchor"):
        problem = "an anchor is defined twice"
    return UnreadableYaml(mark.line + 1 if mark else None, problem or str(error).splitlines()[0])


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1
