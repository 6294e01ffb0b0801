"""Edits YAML in block style: adds and removes whole lines."""

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

import msgspec
import yaml

from kubectl_caps.manifests.edit import comments, render
from kubectl_caps.manifests.edit.lines import Splice, blanks_at, line_end, line_start, lines_after, next_line
from kubectl_caps.manifests.edit.nodes import Tree, Unsafe, line_of

_COLON = re.compile(r"[ \t]*:")

STEP = 2
"""The indentation of a mapping if the text shows no other."""


def insert_block(tree: Tree, mapping: yaml.MappingNode, pairs: Sequence[tuple[str, Any]], text: str) -> Splice:
    """Add keys below the last line that certainly belongs to the mapping, indented as its other keys."""
    indent, step = mapping.value[0][0].start_mark.column, _step(tree, mapping)
    lines = [line for key, value in pairs for line in render.block(key, value, indent, step)]
    for key, value in reversed(mapping.value):
        with suppress(Unsafe):
            return lines_after(text, tree.pair_end(key, value, text), lines, indent)
    raise Unsafe(line_of(mapping), "the end of the mapping is not certain")


def fill_block(
    tree: Tree,
    mapping: yaml.MappingNode,
    name: yaml.ScalarNode,
    node: yaml.ScalarNode,
    value: dict[str, Any],
    text: str,
) -> Iterator[Splice]:
    """Replace an empty value (`key:`, `key: ~`) with a block below its line. A comment on the line stays."""
    if node.value not in ("", "~", "null", "Null", "NULL") or node.style:
        raise Unsafe(line_of(node), f"{name.value} is not a mapping")
    if node.end_mark.index > node.start_mark.index:
        start = node.start_mark.index
        if text[start : start + 1] in ("&", "!"):
            raise Unsafe(line_of(node), "the value has an anchor or a tag")
        yield _without_null(node, text)
    indent, step = name.start_mark.column, _step(tree, mapping)
    lines = [line for key, inner in value.items() for line in render.block(key, inner, indent + step, step)]
    yield lines_after(text, name.end_mark.index, lines, indent + step)


def _without_null(node: yaml.ScalarNode, text: str) -> Splice:
    """Remove a null, and its line if the line has no other text. A comment after the null stays."""
    start, end = int(node.start_mark.index), int(node.end_mark.index)
    begin, last = line_start(text, start), line_end(text, end)
    if text[begin:start].strip():  # the null is on the line of its key
        return Splice(start - (text[start - 1 : start] == " "), end, "")
    if text[end:last].strip():
        return Splice(start, end + len(blanks_at(text, end)), "")
    return Splice(begin, next_line(text, end), "")


def empty(name: yaml.ScalarNode, mapping: yaml.MappingNode, text: str) -> Splice:
    """Write `{}` after a key whose mapping loses all its keys. Comments between the keys stay."""
    colon = _COLON.match(text, name.end_mark.index)
    if not colon or text[mapping.start_mark.index] in "&!":
        raise Unsafe(line_of(name), f"{name.value} would be empty")
    return Splice(colon.end(), colon.end(), " {}")


def remove_block(tree: Tree, name: yaml.ScalarNode, node: yaml.Node, text: str) -> Splice:
    """Remove the lines of a key and its value. Comments on these lines stay."""
    start = line_start(text, name.start_mark.index)
    if text[start : name.start_mark.index].strip():
        raise Unsafe(line_of(name), f"{name.value} does not begin its line")
    end = next_line(text, tree.end(node, text))
    return Splice(start, end, comments.as_lines([name, node], start, end, text))


def items(
    tree: Tree, name: yaml.ScalarNode, node: yaml.SequenceNode, wanted: Sequence[Any], text: str
) -> Iterator[Splice]:
    """Change a list: kept items keep their lines, removed items leave their comments, new items get their own lines."""
    rest, indent = list(wanted), node.value[0].start_mark.column
    for item in node.value:
        if not isinstance(item, yaml.ScalarNode) or item.style in ("|", ">") or tree.is_shared(item):
            raise Unsafe(line_of(node), f"an item of {name.value} is not a plain value")
        start = line_start(text, item.start_mark.index)
        dash = text[start : item.start_mark.index].rstrip()
        if dash.strip() != "-":
            raise Unsafe(line_of(item), f"an item of {name.value} shares its line")
        indent = len(dash) - 1
        if rest and item.value == rest[0]:
            rest.pop(0)
            continue
        end = next_line(text, item.end_mark.index)
        yield Splice(start, end, comments.as_lines([item], start, end, text))
    if rest:
        lines = [f"{' ' * indent}- {render.flow(value)}" for value in rest]
        found = lines_after(text, tree.end(node, text), lines, indent)
        # The items count as deeper than the keys of the mapping around the list, also with the same indentation.
        yield msgspec.structs.replace(found, indent=indent + 1)


def _step(tree: Tree, mapping: yaml.MappingNode) -> int:
    """The indentation of mappings inside this mapping, else of mappings inside the document's root."""
    for outer in (mapping, tree.root):
        for key, value in outer.value if isinstance(outer, yaml.MappingNode) else ():
            if (
                not isinstance(value, yaml.MappingNode)
                or value.flow_style
                or value.start_mark.index < key.end_mark.index
            ):
                continue
            step = int(value.value[0][0].start_mark.column - key.start_mark.column)
            if 0 < step <= 8:
                return step
    return STEP
