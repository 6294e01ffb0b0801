"""Where fields are in the text of manifests: line and column of a field, or of the nearest parent that is there."""

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
"""The node of a key and that of its value."""


class Span(Struct, frozen=True):
    """A place within one line; line and columns count from 1, in characters, `end` is the column behind it."""

    line: int
    column: int
    end: int


class Positions:
    """The fields of one file's documents."""

    def __init__(self, file: SourceFile) -> None:
        self._pieces = pieces(file.text)
        self._parsed: dict[int, list[Parsed]] = {}
        self._fields: dict[int, dict[str, NodePair]] = {}
        # Only line feeds end a line, as editors and code scanning count; libyaml knows more line ends.
        self._starts = [0, *accumulate(len(line) + 1 for line in file.text.split("\n"))]

    def of(self, document: ManifestObject, path: Path = ()) -> Span:
        """The field at a path of an object, its key and value; if it is absent, the key of its nearest parent."""
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
        """The fields of a mapping, found once; the last one of a key that stands twice, as in kubectl."""
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
            with suppress(UnreadableYaml):  # what stands before the fault was read and judged
                for document in parsed(self._pieces[piece].text):
                    self._parsed[piece].append(document)
        return self._parsed[piece]

    def _span(self, offset: int, start: yaml.Node, end: yaml.Node) -> Span:
        at = int(start.start_mark.index) + offset
        line = bisect_right(self._starts, at)
        begin, after = self._starts[line - 1], self._starts[line] - 1
        # A value of several lines, or one that stands elsewhere (an alias), is told by its key.
        ends = (int(node.end_mark.index) + offset for node in (end, start))
        last = next((index for index in ends if at < index <= after), after)
        return Span(line, at - begin + 1, max(last, at) - begin + 1)


def _first(node: yaml.Node) -> yaml.Node:
    """The node that stands for a value in a line: the first key of a mapping, else the node itself."""
    if isinstance(node, yaml.MappingNode) and node.value:
        key: yaml.Node = node.value[0][0]
        return key
    return node
