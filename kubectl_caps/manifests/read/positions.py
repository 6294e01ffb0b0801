"""Finds the line and column of a field in the text of a manifest, or of the field's nearest existing parent."""

from bisect import bisect_right
from contextlib import suppress
from itertools import accumulate

import yaml
from msgspec import Struct

from kubectl_caps.core.kubernetes.field_path import Path
from kubectl_caps.manifests.read.go_scalars import MERGE, UnreadableYaml
from kubectl_caps.manifests.read.objects import ManifestObject
from kubectl_caps.manifests.read.text import Parsed, SourceFile, parsed, pieces

NodePair = tuple[yaml.Node, yaml.Node]
"""The node of a key, and the node of its value."""


class Span(Struct, frozen=True):
    """A part of one line. Line and columns count characters from 1; `end` is the column after the part."""

    line: int
    column: int
    end: int


class Positions:
    """Finds fields in the documents of one file."""

    def __init__(self, file: SourceFile) -> None:
        self._pieces = pieces(file.text)
        self._parsed: dict[int, list[Parsed]] = {}
        self._fields: dict[int, dict[str, NodePair]] = {}
        # Only a line feed ends a line, as in editors and code scanning. libyaml knows more line ends.
        self._starts = [0, *accumulate(len(line) + 1 for line in file.text.split("\n"))]

    def of(self, document: ManifestObject, path: Path = ()) -> Span:
        """The span of a field's key and value; if the field is absent, the span of its nearest parent's key."""
        piece = self._pieces[document.piece]
        node = self._nodes(document.piece)[document.node].node
        key, value = _first(node), node
        for step in (*document.prefix, *path):
            below = self._step(value, step)
            if below is None:
                return self._span(piece.start, key, key)
            key, value = below
        return self._span(piece.start, key, value if isinstance(value, yaml.ScalarNode) else key)

    def _step(self, node: yaml.Node, step: str | int) -> NodePair | None:
        """The key (or list item) and the value below a node."""
        if isinstance(step, int):
            found = isinstance(node, yaml.SequenceNode) and step < len(node.value)
            return (_first(node.value[step]), node.value[step]) if found else None
        return self._fields_of(node).get(step) if isinstance(node, yaml.MappingNode) else None

    def _fields_of(self, node: yaml.MappingNode) -> dict[str, NodePair]:
        """The fields of a mapping, computed once. Of a repeated key the last one counts, as in kubectl."""
        if id(node) not in self._fields:
            fields: dict[str, NodePair] = {}
            merges = [value for key, value in node.value if key.tag == MERGE]
            for value in merges:
                for item in value.value if isinstance(value, yaml.SequenceNode) else [value]:
                    below = self._fields_of(item) if isinstance(item, yaml.MappingNode) else {}
                    fields = {**below, **fields}
            fields.update((key.value, (key, value)) for key, value in node.value if key.tag != MERGE)
            self._fields[id(node)] = fields
        return self._fields[id(node)]

    def _nodes(self, piece: int) -> list[Parsed]:
        if piece not in self._parsed:
            self._parsed[piece] = []
            with suppress(UnreadableYaml):  # the documents before the error were read and judged
                for document in parsed(self._pieces[piece].text):
                    self._parsed[piece].append(document)
        return self._parsed[piece]

    def _span(self, offset: int, start: yaml.Node, end: yaml.Node) -> Span:
        at = int(start.start_mark.index) + offset
        line = bisect_right(self._starts, at)
        begin, after = self._starts[line - 1], self._starts[line] - 1
        # For a value of several lines, or a value in another place (an alias), the span is that of the key.
        ends = (int(node.end_mark.index) + offset for node in (end, start))
        last = next((index for index in ends if at < index <= after), after)
        return Span(line, at - begin + 1, max(last, at) - begin + 1)


def _first(node: yaml.Node) -> yaml.Node:
    """The node whose line stands for a value: the first key of a mapping, else the node itself."""
    if isinstance(node, yaml.MappingNode) and node.value:
        key: yaml.Node = node.value[0][0]
        return key
    return node
