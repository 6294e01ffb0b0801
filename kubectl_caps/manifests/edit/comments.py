"""Keeps the comments of removed text."""

import re
from collections.abc import Iterator, Sequence

import yaml

from kubectl_caps.manifests.edit.lines import Splice, blanks_at, line_end, line_start, newline_at

_COMMENT = re.compile(r"(?<!\S)#[^\r\n]*")


def inside(nodes: Sequence[yaml.Node], start: int, end: int, text: str) -> list[str]:
    """The comments between two indexes. `nodes` are the nodes there: a `#` inside their scalars is no comment."""
    spans = sorted(span for node in nodes for span in _scalars(node) if start <= span[0] and span[1] <= end)
    found, at = [], start
    for begin, after in [*spans, (end, end)]:
        found += [match[0].rstrip() for match in _COMMENT.finditer(text, at, begin)]
        at = max(at, after)
    return found


def as_lines(nodes: Sequence[yaml.Node], start: int, end: int, text: str) -> str:
    """The comments of removed lines, each on its own line, with the indentation of the first removed line."""
    before = blanks_at(text, line_start(text, start))
    return "".join(f"{before}{comment}{newline_at(text, start)}" for comment in inside(nodes, start, end, text))


def behind(nodes: Sequence[yaml.Node], start: int, end: int, text: str) -> Iterator[Splice]:
    """Put the comments of a removed part at the end of the part's last line."""
    if found := inside(nodes, start, end, text):
        at = line_end(text, end)
        yield Splice(at, at, f"  {' '.join(found)}")


def _scalars(node: yaml.Node) -> Iterator[tuple[int, int]]:
    if isinstance(node, yaml.ScalarNode):
        yield int(node.start_mark.index), int(node.end_mark.index)
        return
    for child in node.value:
        for inner in child if isinstance(child, tuple) else (child,):
            yield from _scalars(inner)
