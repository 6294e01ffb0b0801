"""Edits YAML in flow style (`{…}`, `[…]`) and JSON: replaces parts of lines."""

from collections.abc import Iterator, Sequence
from typing import Any

import yaml

from kubectl_caps.manifests.edit import render
from kubectl_caps.manifests.edit.lines import Splice, blanks_at, line_end, line_start, newline_at
from kubectl_caps.manifests.edit.nodes import Tree, Unsafe, line_of
from kubectl_caps.manifests.edit.render import Style


def replace(tree: Tree, mapping: yaml.MappingNode, node: yaml.Node, value: Any, text: str) -> Splice:
    """Replace a scalar or a flow collection. PyYAML's span of a node includes an anchor or a tag before it: Unsafe."""
    start, end = node.start_mark.index, node.end_mark.index
    if text[start : start + 1] in ("&", "!"):
        raise Unsafe(line_of(node), "the value has an anchor or a tag")
    if isinstance(node, yaml.ScalarNode) and node.style in ("|", ">"):
        raise Unsafe(line_of(node), "the value is a block scalar")
    blank = " " if start == end and text[start - 1 : start] == ":" else ""
    style = _style(tree, mapping, text)
    if style.newline:
        line = blanks_at(text, line_start(text, start))
        style = Style(style.json, style.tight, style.step, newline_at(text, start) + line)
    return Splice(start, end, blank + render.flow(value, style))


def insert_flow(tree: Tree, mapping: yaml.MappingNode, pairs: Sequence[tuple[str, Any]], text: str) -> Iterator[Splice]:
    """Add keys before the closing brace. If the last key has its own line, each new key gets a line below it."""
    if not mapping.value:
        yield fill_flow(tree, mapping, pairs, text)
        return
    key, value = mapping.value[-1]
    if tree.is_alias(key.end_mark.index, value):
        raise Unsafe(line_of(mapping), "the last value of the mapping is an alias")
    style, at = _style(tree, mapping, text), tree.end(value, text)
    words = [render.pair(name, inner, style) for name, inner in pairs]
    gap = "" if style.tight else " "
    if key.start_mark.line > mapping.start_mark.line:
        gap = newline_at(text, key.start_mark.index) + blanks_at(text, line_start(text, key.start_mark.index))
    if text[at : mapping.end_mark.index].partition("#")[0].lstrip().startswith(","):
        at = text.index(",", at) + 1
    else:
        yield Splice(at, at, ",", key.start_mark.column + 1)
    end = line_end(text, at)
    if "\n" in gap and text[at:end].lstrip()[:1] in ("", "#"):
        at = end
    yield Splice(at, at, gap + ("," + gap).join(words), key.start_mark.column)


def fill_flow(tree: Tree, mapping: yaml.MappingNode, pairs: Sequence[tuple[str, Any]], text: str) -> Splice:
    """Replace a whole mapping that is empty or loses all its keys."""
    start = mapping.start_mark.index
    if text[start : start + 1] != "{":
        raise Unsafe(line_of(mapping), "the mapping has an anchor or a tag")
    style = _style(tree, mapping, text)
    return Splice(start, mapping.end_mark.index, render.flow(dict(pairs), Style(style.json, style.tight)))


def remove_flow(tree: Tree, mapping: yaml.MappingNode, at: int, text: str) -> Splice:
    """Remove a key with its value and one comma."""
    name, node = mapping.value[at]
    if at:
        return Splice(tree.end(mapping.value[at - 1][1], text), tree.end(node, text), "")
    following = mapping.value[1][0].start_mark.index if len(mapping.value) > 1 else tree.end(node, text)
    return Splice(name.start_mark.index, following, "")


def _style(tree: Tree, mapping: yaml.MappingNode, text: str) -> Style:
    """The style of the mapping's text: JSON or YAML, with or without blanks, and for JSON whether keys have lines."""
    shown = mapping if mapping.value else tree.root
    if not isinstance(shown, yaml.MappingNode) or not shown.flow_style or not shown.value:
        return Style()
    key, value = shown.value[-1]
    is_json = any(name.style == '"' for name, _ in shown.value)
    tight = is_json and text[key.end_mark.index : value.start_mark.index] == ":"
    own_line = key.start_mark.line > shown.start_mark.line
    if not is_json or not own_line or not _all_flow(tree):
        return Style(is_json, tight)
    inner, outer = (
        blanks_at(text, line_start(text, index)) for index in (key.start_mark.index, shown.end_mark.index - 1)
    )
    return Style(is_json, tight, inner.removeprefix(outer) or "  ", newline_at(text, key.start_mark.index) + inner)


def _all_flow(tree: Tree) -> bool:
    """Whether the whole document is in flow style."""
    return isinstance(tree.root, yaml.MappingNode) and bool(tree.root.flow_style)
