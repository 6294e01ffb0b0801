"""Reading manifests: files, folders and standard input into objects, each with the place where it stands.

Whatever cannot be read is yielded as an InputError beside what can, so that one broken document hides no other.
"""

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path as FilePath
from typing import Any

import yaml
from msgspec import Struct

from kubectl_caps.core.pod import Path
from kubectl_caps.errors import InputError
from kubectl_caps.manifests import loader

SUFFIXES = (".yaml", ".yml", ".json")
"""What is read of a folder, as kubectl does."""

STDIN = "-"
BOM = "\ufeff"


class SourceFile(Struct, frozen=True):
    """A file's text with its newlines as they are, and whether a byte order mark stood before it."""

    name: str
    text: str
    bom: bool = False

    @property
    def parsed_text(self) -> str:
        """The text for the parser: YAML forbids the tabs that JSON allows between tokens. Positions stay the same."""
        return self.text.replace("\t", " ") if "\t" in self.text and _is_json(self.text) else self.text


class Document(Struct, frozen=True):
    """One object: `index` counts the file's documents from 0, `prefix` is the path of a list's item in its document."""

    file: SourceFile
    index: int
    line: int
    prefix: Path
    object: dict[str, Any]

    @property
    def source(self) -> dict[str, Any]:
        """The JSON contract's `source`."""
        return {"file": self.file.name, "document": self.index, "line": self.line}


def read(filenames: Sequence[str], *, recursive: bool) -> Iterator[Document | InputError]:
    """Every object of files, folders and standard input (`-`), in order."""
    for name in dict.fromkeys(filenames):
        for path in _paths(name, recursive):
            source = path if isinstance(path, InputError) else open_file(path)
            if isinstance(source, InputError):
                yield source
            else:
                yield from objects(source)


def open_file(name: str) -> SourceFile | InputError:
    """A file's text."""
    try:
        data = sys.stdin.buffer.read() if name == STDIN else FilePath(name).read_bytes()
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        return InputError(f"{name}: not UTF-8 text (byte {error.start})")
    except OSError as error:
        return InputError(f"{name}: {(error.strerror or str(error)).lower()}")
    return SourceFile("STDIN" if name == STDIN else name, text.removeprefix(BOM), text.startswith(BOM))


def objects(file: SourceFile) -> Iterator[Document | InputError]:
    """Every object of one file; the items of a list one by one."""
    index = -1
    try:
        for node in loader.documents(file.parsed_text):
            index += 1
            yield from _document(file, index, node)
    except yaml.YAMLError as error:
        yield _broken(file, error)
    except RecursionError:
        yield InputError(f"{file.name}: document {index + 1}: nested too deeply")


def _paths(name: str, recursive: bool) -> Iterator[str | InputError]:
    path = FilePath(name)
    if name == STDIN or path.is_file():
        yield name
    elif path.is_dir():
        found = sorted(item for item in path.glob("**/*" if recursive else "*") if item.suffix in SUFFIXES)
        yield from (str(item) for item in found if item.is_file())
        if not found:
            yield InputError(f"error reading [{name}]: recognized file extensions are {list(SUFFIXES)}")
    elif path.exists():
        yield name  # a pipe, as in -f <(helm template chart)
    else:
        yield InputError(f'the path "{name}" does not exist')


def _document(file: SourceFile, index: int, node: yaml.Node) -> Iterator[Document | InputError]:
    line = node.start_mark.line + 1
    problem = next(_problems(node, set(), {}), None)
    if problem:
        yield InputError(f"{file.name}:{problem[0]}: {problem[1]}")
        return
    value = loader.value(node)
    if value is None:
        return
    if not isinstance(value, dict):
        yield InputError(f"{file.name}:{line}: not a Kubernetes object but a {_kind_of(value)}")
    elif _is_list(value):
        items = _items_node(node)
        for at, item in enumerate(value.get("items") or ()):
            where = items.value[at].start_mark.line + 1 if items else line
            yield from _object(file, index, where, ("items", at), item)
    else:
        yield from _object(file, index, line, (), value)


def _object(file: SourceFile, index: int, line: int, prefix: Path, value: Any) -> Iterator[Document | InputError]:
    if not isinstance(value, dict):
        yield InputError(f"{file.name}:{line}: not a Kubernetes object but a {_kind_of(value)}")
        return
    for field in ("apiVersion", "kind"):
        if not isinstance(value.get(field), str) or not value[field]:
            yield InputError(f"{file.name}:{line}: Object '{field}' is missing")
            return
    if not isinstance(value.get("metadata") or {}, dict):
        yield InputError(f"{file.name}:{line}: metadata is not a mapping")
        return
    yield Document(file, index, line, prefix, value)


def _problems(node: yaml.Node, above: set[int], done: dict[int, bool]) -> Iterator[tuple[int, str]]:
    """Line and words for what makes a document unsafe to judge: a later key wins in silence, a template is no value."""
    if id(node) in above:
        yield node.start_mark.line + 1, "an anchor that contains itself"
        return
    if isinstance(node, yaml.ScalarNode) or done.setdefault(id(node), False):
        return
    done[id(node)] = True
    above.add(id(node))
    if isinstance(node, yaml.MappingNode):
        yield from _key_problems(node)
    for child in node.value:
        for part in child if isinstance(child, tuple) else (child,):
            yield from _problems(part, above, done)
    above.discard(id(node))


def _key_problems(node: yaml.MappingNode) -> Iterator[tuple[int, str]]:
    seen: dict[str, int] = {}
    for key, _ in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            yield line, _TEMPLATE
        elif key.tag != "tag:yaml.org,2002:merge" and key.value in seen:
            yield line, f'duplicate key "{key.value}", first on line {seen[key.value]}'
        else:
            seen[key.value] = line


_TEMPLATE = "looks like a Helm template; render it first: helm template CHART | kubectl caps ... -f -"


def _broken(file: SourceFile, error: yaml.YAMLError) -> InputError:
    if "{{" in file.text:
        return InputError(f"{file.name}: {_TEMPLATE}")
    mark = getattr(error, "problem_mark", None)
    where = f"{file.name}:{mark.line + 1}" if mark else file.name
    problem = getattr(error, "problem", None) or str(error).splitlines()[0]
    return InputError(f"{where}: not valid YAML: {problem}")


def _is_list(value: dict[str, Any]) -> bool:
    kind = value.get("kind")
    return isinstance(kind, str) and kind.endswith("List") and isinstance(value.get("items"), list)


def _items_node(node: yaml.Node) -> yaml.SequenceNode | None:
    found = (item for key, item in node.value if key.value == "items")
    return next((item for item in found if isinstance(item, yaml.SequenceNode)), None)


def _is_json(text: str) -> bool:
    if text.lstrip()[:1] not in ("{", "["):
        return False
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _kind_of(value: Any) -> str:
    return {list: "list", str: "string", bool: "boolean", int: "number", float: "number"}.get(type(value), "value")
