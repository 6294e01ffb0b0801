"""YAML as Kubernetes reads it: the same text gives the same object as in sigs.k8s.io/yaml, and so in kubectl.

It is YAML 1.1 with Go's ideas of numbers. PyYAML finds the nodes and their places; their values are made here, for
PyYAML differs where it matters: `y` is true, `09` is 9, a merge key (`<<`) overrides the keys before it, keys are
strings. tests/manifests/test_kubectl_reads_the_same.py compares with the real kubectl.
"""

import gc
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import yaml

from kubectl_caps.manifests.read.go_scalars import MERGE, RESOLVERS, STRING, Repeated, UnreadableYaml, scalar_value

_NON_SPECIFIC = re.compile(r"(?:&\S+\s(?:\s|#[^\n]*\n)*)?!(?:<!>)?(?!\S)")
"""The tag `!`, behind an anchor or not: go-yaml reads a string behind it, PyYAML whatever it looks like.

It is matched where a scalar begins, never searched: an anchor ends at the first blank, so one match takes one pass.
"""

_MOST_NODES = 500_000
"""So many values a document may stand for when most of them come through aliases (go-yaml allows fewer in the end)."""


class _Resolvers:
    yaml_implicit_resolvers = RESOLVERS


class _PureLoader(_Resolvers, yaml.SafeLoader):
    pass


Loader: Any = _PureLoader
if hasattr(yaml, "CSafeLoader"):

    class _CLoader(_Resolvers, yaml.CSafeLoader):
        pass

    Loader = _CLoader


def nodes(text: str) -> Iterator[yaml.Node]:
    """The root node of each document, with marks into `text`. Raises UnreadableYaml; an empty document gives none."""
    # Looked for once: a text may hold as many documents as lines.
    has_aliases, has_tags = "*" in text, "!" in text
    try:
        loader = Loader(text)
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
    """Composing makes many objects and no garbage: looking for some takes three quarters of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def value(node: yaml.Node, repeated: list[Repeated] | None = None) -> Any:
    """The value of a node, with aliases and merge keys resolved; each alias gives a value of its own.

    Raises UnreadableYaml. Keys that stand twice in a mapping are added to `repeated`.
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
    """The mappings of a merge key, the one that wins last."""
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
    """Raises UnreadableYaml for an anchor that contains itself, and for a document that aliases blow up."""
    sizes: dict[int, int] = {}
    size = _size(root, sizes, set())
    if size > _MOST_NODES and size > 10 * len(sizes):
        raise UnreadableYaml(_line(root), "document contains excessive aliasing")


def _size(node: yaml.Node, sizes: dict[int, int], above: set[int]) -> int:
    """The number of values that a node stands for."""
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
    """Make strings of the scalars that carry the tag `!`; a merge key stays one."""
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
