"""Turns the changes of fields into replacements of text."""

from collections.abc import Iterator, Sequence
from typing import Any

import yaml

from kubectl_caps.core.kubernetes.field_path import Path
from kubectl_caps.core.kubernetes.patch import ABSENT, Change
from kubectl_caps.manifests.edit import block, comments, flow
from kubectl_caps.manifests.edit.lines import Splice
from kubectl_caps.manifests.edit.nodes import Tree, Unsafe, is_flow, line_of


def splices(tree: Tree, changes: Sequence[Change], text: str) -> Iterator[Splice]:
    """The replacements for the changes of one document. Raises Unsafe."""
    inserts: dict[Path, list[tuple[str, Any]]] = {}
    removals: dict[Path, list[str]] = {}
    for change in changes:
        parent, key = change.path[:-1], str(change.path[-1])
        node = tree.find(change.path)
        if change.after is ABSENT and node is not None:
            removals.setdefault(parent, []).append(key)
        elif node is not None:
            yield from _change(tree, tree.find(parent), key, node, change, text)
        elif change.after is not ABSENT:
            inserts.setdefault(parent, []).append((key, change.after))
    for path in dict.fromkeys([*inserts, *removals]):
        yield from _keys(tree, path, inserts.get(path, []), removals.get(path, []), text)


def _change(
    tree: Tree, parent: yaml.Node | None, key: str, node: yaml.Node, change: Change, text: str
) -> Iterator[Splice]:
    if not isinstance(parent, yaml.MappingNode):
        raise Unsafe(line_of(node), "only fields of mappings can be changed")
    name = _name(tree, parent, key, node)
    if isinstance(node, yaml.SequenceNode) and not node.flow_style and isinstance(change.after, list):
        yield from block.items(tree, name, node, change.after, text)
    elif isinstance(node, yaml.ScalarNode) and isinstance(change.after, dict) and not parent.flow_style:
        yield from block.fill_block(tree, parent, name, node, change.after, text)
    elif isinstance(node, yaml.ScalarNode) or is_flow(node):
        yield flow.replace(tree, parent, node, change.after, text)
        yield from _comments([node], node, node, text)
    else:
        raise Unsafe(line_of(node), f"{key} is written in a style that cannot be kept")


def _keys(
    tree: Tree, path: Path, pairs: Sequence[tuple[str, Any]], removed: Sequence[str], text: str
) -> Iterator[Splice]:
    """The keys that are added to a mapping, and the keys that are removed."""
    mapping = tree.find(path)
    if not isinstance(mapping, yaml.MappingNode):
        raise Unsafe(line_of(mapping or tree.root), f"{path[-1]} is not a mapping")
    emptied = len(removed) == len(mapping.value)
    if mapping.flow_style and (emptied or not mapping.value):
        yield flow.fill_flow(tree, mapping, pairs, text)
        yield from _comments([mapping], mapping, mapping, text)
        return
    if emptied and not pairs:
        yield block.empty(_holder(tree, path, mapping), mapping, text)
    for key in removed:
        at = next(at for at, (name, _) in enumerate(mapping.value) if name.value == key)
        name = _name(tree, mapping, key, mapping.value[at][1])
        if mapping.flow_style:
            yield flow.remove_flow(tree, mapping, at, text)
            yield from _comments(mapping.value[at], name, mapping.value[at][1], text)
        else:
            yield block.remove_block(tree, name, mapping.value[at][1], text)
    if pairs and mapping.flow_style:
        yield from flow.insert_flow(tree, mapping, pairs, text)
    elif pairs:
        yield block.insert_block(tree, mapping, pairs, text)


def _comments(nodes: Sequence[yaml.Node], first: yaml.Node, last: yaml.Node, text: str) -> Iterator[Splice]:
    """The comments in a removed part in flow style."""
    return comments.behind(nodes, first.start_mark.index, last.end_mark.index, text)


def _holder(tree: Tree, path: Path, node: yaml.Node) -> yaml.ScalarNode:
    """The node of the key whose value is this mapping."""
    parent = tree.find(path[:-1]) if path else None
    if not isinstance(parent, yaml.MappingNode):
        raise Unsafe(line_of(node), "the mapping would be empty")
    return _name(tree, parent, str(path[-1]), node)


def _name(tree: Tree, mapping: yaml.MappingNode, key: str, node: yaml.Node) -> yaml.ScalarNode:
    """The node of a key. Raises Unsafe if the key's value is an alias."""
    found = tree.pair(mapping, key)
    if found is None or tree.is_alias(found[0].end_mark.index, node):
        raise Unsafe(line_of(found[0] if found else node), f"{key} is an alias")
    return found[0]
