"""Finds the nodes of a YAML document by path, and the index in the text where a node really ends.

PyYAML's marks need care. A block collection ends where the next token starts, so its span includes comments and blank
lines. An alias is the same node as its anchor, with the anchor's marks. An empty value is a point after the colon.
"""

from collections import Counter
from collections.abc import Iterator

import yaml

from kubectl_caps.core.kubernetes.field_path import Path, field_path
from kubectl_caps.manifests.edit.lines import line_end
from kubectl_caps.manifests.read.go_scalars import MERGE

KeyAndValue = tuple[yaml.ScalarNode, yaml.Node]
"""The node of a key, and the node of its value."""


class Unsafe(Exception):
    """A place of a text that cannot be edited safely. The message is the reason; `line` counts from 1."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line = line


class Tree:
    """The nodes of one document, found by path. Knows the nodes that are shared through anchors."""

    def __init__(self, root: yaml.Node, *, aliases: bool = True) -> None:
        self.root = root
        self._uses = Counter(id(node) for node in _edges(root)) if aliases else Counter[int]()
        self._keys: dict[int, dict[str, list[KeyAndValue]]] = {}
        self._brought: dict[int, frozenset[str]] = {}

    def find(self, path: Path) -> yaml.Node | None:
        """The node at a path; None if the last key is missing. Raises Unsafe, also for shared nodes."""
        node = self.root
        for depth, step in enumerate(path):
            child = self._child(node, step, path[: depth + 1])
            if child is None:
                if depth + 1 == len(path):
                    return None
                raise Unsafe(line_of(node), f"{field_path(path[: depth + 1])} is missing")
            if self.is_shared(child):
                raise Unsafe(line_of(child), f"{field_path(path[: depth + 1])} is shared through an anchor")
            node = child
        return node

    def pair(self, mapping: yaml.MappingNode, key: str) -> tuple[yaml.ScalarNode, yaml.Node] | None:
        """The node of a key and the node of its value in a mapping; None if the key is missing."""
        return next(iter(self._pairs(mapping).get(key, ())), None)

    def is_shared(self, node: yaml.Node) -> bool:
        """Whether the node occurs in several places, through aliases."""
        return self._uses.get(id(node), 0) > 1

    def is_alias(self, before: int, node: yaml.Node) -> bool:
        """Whether the value after index `before` is an alias. The node of an alias is its anchor's, further up."""
        return bool(node.start_mark.index < before)

    def end(self, node: yaml.Node, text: str) -> int:
        """The index after the last character of a node, without comments and blank lines after the node."""
        if isinstance(node, yaml.ScalarNode):
            return _scalar_end(node, text)
        if is_flow(node) or not node.value:
            return int(node.end_mark.index)
        if isinstance(node, yaml.SequenceNode):
            if _ends_with_alias(node):
                raise Unsafe(line_of(node), "the last item of the list is an alias")
            return self.end(node.value[-1], text)
        key, value = node.value[-1]
        return self.pair_end(key, value, text)

    def pair_end(self, key: yaml.Node, value: yaml.Node, text: str) -> int:
        """The index after the last character of a key and its value."""
        is_alias = self.is_alias(key.end_mark.index, value)
        return line_end(text, key.end_mark.index) if is_alias else self.end(value, text)

    def _child(self, node: yaml.Node, step: str | int, path: Path) -> yaml.Node | None:
        if isinstance(step, int):
            if not isinstance(node, yaml.SequenceNode) or step >= len(node.value):
                raise Unsafe(line_of(node), f"{field_path(path)} is missing")
            item: yaml.Node = node.value[step]
            return item
        if not isinstance(node, yaml.MappingNode):
            raise Unsafe(line_of(node), f"{field_path(path[:-1])} is not a mapping")
        pairs = self._pairs(node)
        own = pairs.get(step, [])
        through = [key for key, value in pairs.get("<<", ()) if key.tag == MERGE and step in self._merged(value)]
        if through:
            line = max(line_of(key) for key in (*through, *(key for key, _ in own)))
            raise Unsafe(line, f"{field_path(path)} comes through a merge key (<<)")
        return own[-1][1] if own else None

    def _pairs(self, mapping: yaml.MappingNode) -> dict[str, list[KeyAndValue]]:
        """The keys of a mapping with their pairs of nodes, computed once."""
        if id(mapping) not in self._keys:
            pairs: dict[str, list[KeyAndValue]] = {}
            for key, value in mapping.value:
                pairs.setdefault(str(key.value), []).append((key, value))
            self._keys[id(mapping)] = pairs
        return self._keys[id(mapping)]

    def _merged(self, value: yaml.Node) -> frozenset[str]:
        """The keys that a merge key adds through its value, computed once."""
        if id(value) not in self._brought:
            items = value.value if isinstance(value, yaml.SequenceNode) else [value]
            pairs = [pair for item in items if isinstance(item, yaml.MappingNode) for pair in item.value]
            names = {str(key.value) for key, _ in pairs}
            deeper = (self._merged(inner) for key, inner in pairs if key.tag == MERGE)
            self._brought[id(value)] = frozenset(names).union(*deeper)
        return self._brought[id(value)]


def is_flow(node: yaml.Node) -> bool:
    """Whether a node is a collection in flow style (`{…}`, `[…]`)."""
    return isinstance(node, yaml.CollectionNode) and bool(node.flow_style)


def line_of(node: yaml.Node) -> int:
    """The first line of a node, from 1."""
    return int(node.start_mark.line) + 1


def _ends_with_alias(node: yaml.SequenceNode) -> bool:
    """Whether the last item is an alias. The node of an alias begins before the end of the item before it."""
    at = node.start_mark.index
    for item in node.value:
        is_alias = item.start_mark.index < at
        at = at if is_alias else item.end_mark.index
    return bool(is_alias)


def _edges(root: yaml.Node) -> Iterator[yaml.Node]:
    """Each node, as many times as a node or an alias refers to it."""
    waiting, seen = [root], set()
    while waiting:
        node = waiting.pop()
        yield node
        if id(node) in seen or isinstance(node, yaml.ScalarNode):
            continue
        seen.add(id(node))
        for child in node.value:
            waiting.extend(child if isinstance(child, tuple) else (child,))


def _scalar_end(node: yaml.ScalarNode, text: str) -> int:
    start, end = int(node.start_mark.index), int(node.end_mark.index)
    if node.style not in ("|", ">"):
        return end
    header = text[start : text.find("\n", start)]
    body = text[start:end]
    if not body.endswith("\n"):
        raise Unsafe(line_of(node), "the file ends in a block scalar without a line end")
    # With the indicator "+" (keep) the blank lines at the end belong to the value.
    return end if "+" in header else start + len(body.rstrip())
