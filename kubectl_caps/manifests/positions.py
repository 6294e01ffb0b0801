"""Where fields are in the text of manifests: line and column of a field, or of the nearest parent that is there."""

from bisect import bisect_right
from contextlib import suppress
from itertools import accumulate

import yaml
from msgspec import Struct

from kubectl_caps.core.pod import Path
from kubectl_caps.manifests.loader import MERGE, Unreadable
from kubectl_caps.manifests.read import Document
from kubectl_caps.manifests.source import Parsed, SourceFile, parsed, pieces


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
        # Only line feeds end a line, as editors and code scanning count; libyaml knows more line ends.
        self._starts = [0, *accumulate(len(line) + 1 for line in file.text.split("\n"))]

    def of(self, document: Document, path: Path = ()) -> Span:
        """The field at a path of an object, its key and value; where it is absent, its nearest parent's key."""
        piece = self._pieces[document.piece]
        node = self._nodes(document.piece)[document.node].node
        key, value = _first(node), node
        for step in (*document.prefix, *path):
            below = _step(value, step)
            if below is None:
                return self._span(piece.start, key, key)
            key, value = below
        return self._span(piece.start, key, value if isinstance(value, yaml.ScalarNode) else key)

    def _nodes(self, piece: int) -> list[Parsed]:
        if piece not in self._parsed:
            self._parsed[piece] = []
            with suppress(Unreadable):  # what stands before the fault was read and judged
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
    """What stands for a node in a line: of a mapping its first key, of anything else itself."""
    if isinstance(node, yaml.MappingNode) and node.value:
        key: yaml.Node = node.value[0][0]
        return key
    return node


def _step(node: yaml.Node, step: str | int) -> tuple[yaml.Node, yaml.Node] | None:
    """The key (or list item) and the value below a node; of a key that stands twice the last one, as kubectl does."""
    if isinstance(step, int):
        found = isinstance(node, yaml.SequenceNode) and step < len(node.value)
        return (_first(node.value[step]), node.value[step]) if found else None
    if not isinstance(node, yaml.MappingNode):
        return None
    for key, value in reversed(node.value):
        if key.value == step and key.tag != MERGE:
            return key, value
    merges = [value for key, value in node.value if key.tag == MERGE]
    items = [item for value in merges for item in (value.value if isinstance(value, yaml.SequenceNode) else [value])]
    return next((below for item in items if (below := _step(item, step))), None)
