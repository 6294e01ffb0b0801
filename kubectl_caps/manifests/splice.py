"""One change of a value as replacements of text."""

from collections.abc import Iterator, Sequence
from typing import Any

import yaml
from msgspec import Struct

from kubectl_caps.core.patch import ABSENT, Change
from kubectl_caps.core.pod import Path
from kubectl_caps.manifests import render
from kubectl_caps.manifests.locate import Tree, Unsafe, is_flow, line_of

STEP = 2
"""Blanks of indentation where the text shows no other."""


class Splice(Struct, frozen=True):
    """The text between `start` and `end` becomes `text`; `indent` orders insertions at one place."""

    start: int
    end: int
    text: str
    indent: int = 0


def splices(tree: Tree, changes: Sequence[Change], text: str) -> Iterator[Splice]:
    """The replacements for the changes of one document. Raises Unsafe."""
    inserts: dict[Path, list[tuple[str, Any]]] = {}
    for change in changes:
        parent, key = change.path[:-1], change.path[-1]
        node = tree.find(change.path)
        if node is None and change.after is not ABSENT:
            inserts.setdefault(parent, []).append((str(key), change.after))
        elif node is not None:
            yield from _change(tree, tree.find(parent), str(key), node, change, text)
    for path, pairs in inserts.items():
        mapping = tree.find(path)
        if not isinstance(mapping, yaml.MappingNode):
            raise Unsafe(line_of(tree.root), f"{path[-1]} is not a mapping")
        yield (
            _insert_flow(tree, mapping, pairs, text)
            if mapping.flow_style
            else _insert_block(tree, mapping, pairs, text)
        )


def _change(
    tree: Tree, parent: yaml.Node | None, key: str, node: yaml.Node, change: Change, text: str
) -> Iterator[Splice]:
    if not isinstance(parent, yaml.MappingNode):
        raise Unsafe(line_of(node), "only fields of mappings can be changed")
    found = tree.pair(parent, key)
    if found is None or tree.is_alias(found[0].end_mark.index, node):
        raise Unsafe(line_of(node), f"{key} is an alias")
    name = found[0]
    if change.after is ABSENT:
        yield _removed(tree, parent, name, node, text)
    elif isinstance(node, yaml.SequenceNode) and not node.flow_style and isinstance(change.after, list):
        yield from _items(tree, name, node, change.after, text)
    elif isinstance(node, yaml.ScalarNode) and isinstance(change.after, dict) and not parent.flow_style:
        yield from _filled(parent, name, node, change.after, text)
    elif isinstance(node, yaml.ScalarNode) or is_flow(node):
        yield _replaced(parent, node, change.after, text)
    else:
        raise Unsafe(line_of(node), f"{key} is written in a style that cannot be kept")


def _replaced(parent: yaml.MappingNode, node: yaml.Node, value: Any, text: str) -> Splice:
    """A scalar or a flow collection: its marks are exact, but an anchor or tag before it belongs to the span."""
    start, end = node.start_mark.index, node.end_mark.index
    if text[start : start + 1] in ("&", "!"):
        raise Unsafe(line_of(node), "it carries an anchor or a tag")
    if isinstance(node, yaml.ScalarNode) and node.style in ("|", ">"):
        raise Unsafe(line_of(node), "it is a block scalar")
    blank = " " if start == end and text[start - 1 : start] == ":" else ""
    return Splice(start, end, blank + render.flow(value, as_json=_is_json(parent, text)))


def _filled(
    parent: yaml.MappingNode, name: yaml.ScalarNode, node: yaml.ScalarNode, value: dict[str, Any], text: str
) -> Iterator[Splice]:
    """An empty value (`key:`, `key: ~`) becomes a block below its line, whose comment stays."""
    if node.value not in ("", "~", "null", "Null", "NULL") or node.style:
        raise Unsafe(line_of(node), f"{name.value} is not a mapping")
    if node.end_mark.index > node.start_mark.index:
        start = node.start_mark.index
        if text[start : start + 1] in ("&", "!"):
            raise Unsafe(line_of(node), "it carries an anchor or a tag")
        yield Splice(start - (text[start - 1 : start] == " "), node.end_mark.index, "")
    indent, step = name.start_mark.column, _step(parent)
    lines = [line for key, inner in value.items() for line in render.block(key, inner, indent + step, step)]
    yield _lines_after(text, name.end_mark.index, lines, indent + step)


def _insert_block(tree: Tree, mapping: yaml.MappingNode, pairs: Sequence[tuple[str, Any]], text: str) -> Splice:
    """New keys below the last line that belongs to the mapping, indented as its other keys."""
    indent, step = mapping.value[0][0].start_mark.column, _step(mapping)
    lines = [line for key, value in pairs for line in render.block(key, value, indent, step)]
    return _lines_after(text, tree.end(mapping, text), lines, indent)


def _insert_flow(tree: Tree, mapping: yaml.MappingNode, pairs: Sequence[tuple[str, Any]], text: str) -> Splice:
    """New keys before the closing brace; on lines of their own where the last key has one."""
    as_json = _is_json(mapping, text)
    words = [render.pair(key, value, as_json=as_json) for key, value in pairs]
    if not mapping.value:
        start = mapping.start_mark.index
        if text[start : start + 1] != "{":
            raise Unsafe(line_of(mapping), "it carries an anchor or a tag")
        return Splice(start, mapping.end_mark.index, "{" + ", ".join(words) + "}")
    key, value = mapping.value[-1]
    if tree.is_alias(key.end_mark.index, value):
        raise Unsafe(line_of(mapping), "its last value is an alias")
    at = tree.end(value, text)
    own_line = key.start_mark.line > mapping.start_mark.line
    gap = _newline(text, key.start_mark.index) + " " * key.start_mark.column if own_line else " "
    trailing = text[at : mapping.end_mark.index].partition("#")[0].lstrip().startswith(",")
    if trailing:
        at = text.index(",", at) + 1
    return Splice(at, at, ("" if trailing else ",") + gap + ("," + gap).join(words), key.start_mark.column)


def _removed(tree: Tree, mapping: yaml.MappingNode, name: yaml.ScalarNode, node: yaml.Node, text: str) -> Splice:
    """The key with its value: whole lines in block style, the pair with one comma in flow style."""
    names = [key.value for key, _ in mapping.value]
    at = names.index(name.value)
    if mapping.flow_style:
        if at:
            return Splice(tree.end(mapping.value[at - 1][1], text), tree.end(node, text), "")
        following = mapping.value[1][0].start_mark.index if len(names) > 1 else tree.end(node, text)
        return Splice(name.start_mark.index, following, "")
    start = text.rfind("\n", 0, name.start_mark.index) + 1
    if len(names) == 1 or text[start : name.start_mark.index].strip():
        raise Unsafe(line_of(name), f"{name.value} cannot be taken out of its line")
    return Splice(start, _next_line(text, tree.end(node, text)), "")


def _items(
    tree: Tree, name: yaml.ScalarNode, node: yaml.SequenceNode, wanted: Sequence[Any], text: str
) -> Iterator[Splice]:
    """A block list: items that stay keep their lines, others lose theirs, new ones are written like the others."""
    rest, indent = list(wanted), node.start_mark.column
    for item in node.value:
        if (
            not isinstance(item, yaml.ScalarNode)
            or item.style in ("|", ">")
            or item.start_mark.index < node.start_mark.index
        ):
            raise Unsafe(line_of(node), f"an item of {name.value} is not a plain value")
        if rest and item.value == rest[0]:
            rest.pop(0)
            continue
        start = text.rfind("\n", 0, item.start_mark.index) + 1
        if text[start : item.start_mark.index].strip() != "-":
            raise Unsafe(line_of(item), f"an item of {name.value} shares its line")
        yield Splice(start, _next_line(text, item.end_mark.index), "")
    if rest:
        lines = [f"{' ' * indent}- {render.flow(value)}" for value in rest]
        yield _lines_after(text, tree.end(node, text), lines, indent)


def _lines_after(text: str, index: int, lines: Sequence[str], indent: int) -> Splice:
    """New lines below the line that `index` is on, in the line ends of that line."""
    at, newline = _next_line(text, index), _newline(text, index)
    if at == len(text) and not text.endswith("\n"):
        return Splice(at, at, newline + newline.join(lines), indent)
    return Splice(at, at, "".join(line + newline for line in lines), indent)


def _next_line(text: str, index: int) -> int:
    """The start of the line below the one that `index` is on; an index behind a line's end is on the next one."""
    if index and text[index - 1] == "\n":
        return index
    end = text.find("\n", index)
    return len(text) if end < 0 else end + 1


def _newline(text: str, index: int) -> str:
    end = text.find("\n", index)
    if end < 0:
        end = text.find("\n")
    return "\r\n" if end > 0 and text[end - 1] == "\r" else "\n"


def _is_json(mapping: yaml.MappingNode, text: str) -> bool:
    """Whether keys are quoted as in JSON: all of them in a JSON file, else those beside."""
    return text.lstrip()[:1] in ("{", "[") or (is_flow(mapping) and any(key.style == '"' for key, _ in mapping.value))


def _step(mapping: yaml.MappingNode) -> int:
    """How much deeper the mappings in this one are indented."""
    column = mapping.value[0][0].start_mark.column
    for _, value in mapping.value:
        if isinstance(value, yaml.MappingNode) and not value.flow_style and value.start_mark.column > column:
            return int(value.start_mark.column - column)
    return STEP
