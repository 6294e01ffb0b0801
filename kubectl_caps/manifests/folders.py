"""Which files are meant by `-f`: files, folders as kubectl reads them, kustomizations and Helm charts.

A folder with a kustomization stands for the resources that it lists, not for the patches beside them. A chart's
templates are no manifests before Helm has rendered them.
"""

import glob
import os
from collections.abc import Iterator, Sequence
from pathlib import Path as FilePath
from typing import Any

from msgspec import Struct

from kubectl_caps.errors import InputError
from kubectl_caps.manifests.loader import Unreadable
from kubectl_caps.manifests.source import STDIN, open_source, parsed

SUFFIXES = (".json", ".yaml", ".yml")
"""What is read of a folder, as kubectl does."""

_KUSTOMIZATIONS = ("kustomization.yaml", "kustomization.yml", "Kustomization")
_CHART_PARTS = ("templates", "charts", "crds")
_LISTS = ("resources", "bases", "components")
_WHAT_IT_IS = ("apiVersion", "kind", "metadata")
_WITHOUT_PODS = ("configMapGenerator", "secretGenerator")
_HARMLESS = (
    "resources", "bases", *_WITHOUT_PODS, "generatorOptions", "namePrefix", "nameSuffix", "namespace", "labels",
    "commonLabels", "images", "imageTags", "replicas", "helmGlobals", "crds", "openapi", "buildMetadata", "sortOptions",
    "validators",
)  # fmt: skip
"""Fields of a kustomization that leave what is judged of a pod as its resource has it; any other one may change it."""


_UNLISTED = "that no kustomization lists as a resource"


class Found(Struct, frozen=True):
    """A file to read; `named` where the user, or a kustomization, named it itself."""

    path: str
    named: bool


class PassedOver(Struct, frozen=True):
    """A file of a folder that is certainly not meant; `why` stands behind the word "file"."""

    path: str
    why: str


class Unapplied(Struct, frozen=True):
    """A kustomization that changes its resources before they reach a cluster; the text says what to do."""

    message: str

    def __str__(self) -> str:
        return self.message


Item = Found | PassedOver | Unapplied | InputError


def found(filenames: Sequence[str], *, recursive: bool, command: str) -> list[Item]:
    """Every file that is meant, each once, and what is to say of the others.

    `command` is what a rendered chart or kustomization should be piped into.
    """
    walk = _Walk(recursive, command)
    items = {_key(item): item for name in reversed(filenames) for item in reversed(list(_refused(walk.named(name))))}
    files = {key for key, item in items.items() if isinstance(item, Found)}
    return [
        item
        for item in reversed(items.values())
        if not isinstance(item, PassedOver) or os.path.realpath(item.path) not in files
    ]


def _key(item: Item) -> str:
    return os.path.realpath(item.path) if isinstance(item, Found) and item.path != STDIN else repr(item)


class _Walk:
    """One command's way through files and folders; a kustomization that several build on is read once."""

    def __init__(self, recursive: bool, command: str) -> None:
        self.recursive, self.command = recursive, command
        self.seen: set[str] = set()

    def named(self, name: str) -> Iterator[Item]:
        path = FilePath(name)
        if not name:
            yield InputError("one or more files must be specified as -f pod.yaml or --filename=pod.json")
        elif name == STDIN:
            yield Found(name, named=True)
        elif name.startswith(("http://", "https://")):
            yield InputError(f"{name}: addresses are not read; curl -sSL {name} | {self.command} -f -")
        elif not os.path.lexists(name) and glob.has_magic(name) and (matches := _matching(name)):
            for match in matches:
                yield from self.named(match)
        elif problem := _inaccessible(path):
            yield InputError(f'the path "{name}" {problem}')
        elif chart := _chart_of(path):
            yield self._is_chart(chart)
        elif path.is_dir():
            items = list(self._folder(path, kustomized=False))
            if not items and not _named_kustomization(path):
                extensions = f"recognized file extensions are [{' '.join(SUFFIXES)}]"
                yield InputError(f"error reading [{name}]: {extensions}")
            yield from items
        elif path.name in _KUSTOMIZATIONS and (content := _kustomization(path)) is not None:
            yield from self._resources(path, content)
        else:
            yield Found(name, named=True)

    def _folder(self, path: FilePath, *, kustomized: bool) -> Iterator[Item]:
        """A folder's files in order of their names, as Go's filepath.Walk has them; links to folders are not followed.

        Below a kustomization only what it lists is read.
        """
        entries = sorted(path.iterdir())
        is_chart = path / "Chart.yaml" in entries
        if is_chart:
            yield self._is_chart(path)
        resources = self._built(path)
        if resources is not None:
            kustomized = True
            yield from resources
        for entry in entries:
            if is_chart and (entry.name in _CHART_PARTS or entry.name.startswith(("Chart.", "values"))):
                continue
            if entry.is_dir():
                if self.recursive and not entry.is_symlink():
                    yield from _refused(self._folder(entry, kustomized=kustomized))
            elif entry.suffix in SUFFIXES and not (kustomized and entry.name in _KUSTOMIZATIONS):
                yield PassedOver(str(entry), _UNLISTED) if kustomized else Found(str(entry), named=False)

    def _is_chart(self, path: FilePath) -> InputError:
        render = f"helm template {path} | {self.command} -f -"
        return InputError(f"{path}: a Helm chart, whose templates are no manifests; render it: {render}")

    def _built(self, folder: FilePath) -> Iterator[Item] | None:
        """What a folder's kustomization stands for; None where it has none."""
        files = _named_kustomization(folder)
        built = [(path, content) for path in files if (content := _kustomization(path)) is not None]
        if built and len(files) > 1:
            return iter([InputError(f"Found multiple kustomization files under: {folder}")])
        return self._resources(*built[0]) if built else None

    def _resources(self, path: FilePath, content: dict[str, Any] | InputError) -> Iterator[Item]:
        """The files of a kustomization and of those that it builds on."""
        real = os.path.realpath(path)
        if real in self.seen:
            return
        self.seen.add(real)
        if isinstance(content, InputError):
            yield content
            return
        fields = [field for field in content if content[field] and field not in _WHAT_IT_IS]
        unapplied = [field for field in fields if field not in _HARMLESS]
        if not fields:
            yield InputError(f"{path} is empty")
        elif unapplied:
            build = f"kubectl kustomize {path.parent} | {self.command} -f -"
            yield Unapplied(f"{path}: {', '.join(unapplied)} not applied here; for the result: {build}")
        elif content.get("kind") != "Component" and not any(field in fields for field in (*_LISTS, *_WITHOUT_PODS)):
            yield InputError(f"{path} lists no resources")
        for field in _LISTS:
            names = content.get(field) or []
            for name in names if isinstance(names, list) else [names]:
                yield from _refused(self._resource(path, str(name)))

    def _resource(self, path: FilePath, name: str) -> Iterator[Item]:
        target = FilePath(os.path.normpath(path.parent / name))
        if target.is_dir():
            missing = InputError(f"{path}: {name} is a folder without a kustomization")
            resources = self._built(target)
            yield from [missing] if resources is None else resources
        elif target.is_file():
            yield Found(str(target), named=True)
        else:
            yield InputError(f"{path}: {name} is no file here, not read")


def _refused(items: Iterator[Item]) -> Iterator[Item]:
    """The same, and an error where the file system refuses, as for a folder that may be listed but not entered."""
    try:
        yield from items
    except OSError as error:
        yield InputError(f"open {error.filename}: {(error.strerror or str(error)).lower()}")


def _matching(pattern: str) -> list[str]:
    """Files for a pattern that no shell has expanded, as kubectl does it."""
    return sorted(glob.glob(pattern))  # noqa: PTH207 - Path.glob takes no absolute pattern


def _inaccessible(path: FilePath) -> str | None:
    try:
        path.stat()
    except FileNotFoundError:
        return "does not exist"
    except OSError as error:
        return f"cannot be accessed: stat {path}: {(error.strerror or str(error)).lower()}"
    except ValueError as error:
        return f"cannot be accessed: {error}"
    return None


def _chart_of(path: FilePath) -> FilePath | None:
    """The chart whose template a path is."""
    ways = [path, *path.parents] if path.is_absolute() else [path, *path.parents, *path.absolute().parents]
    charts = (part.parent for part in ways if part.name == "templates" and (part.parent / "Chart.yaml").is_file())
    return next(charts, None)


def _named_kustomization(folder: FilePath) -> list[FilePath]:
    """The files of a folder that have a kustomization's name."""
    return [folder / name for name in _KUSTOMIZATIONS if (folder / name).is_file()]


def _kustomization(path: FilePath) -> dict[str, Any] | InputError | None:
    """A kustomization's content; None for an object of another group that only has its name, as Flux's may."""
    try:
        document = next(parsed(open_source(str(path)).text), None)
    except InputError as error:
        return error
    except Unreadable as error:
        line = f"line {error.line}: " if error.line else ""
        return InputError(f"{path}: invalid Kustomization: yaml: {line}{error}")
    content = document.value if document else None
    if content is None:
        return {}
    if not isinstance(content, dict):
        return InputError(f"{path}: invalid Kustomization: not a mapping")
    is_one = str(content.get("apiVersion", "kustomize.config.k8s.io")).startswith("kustomize.config.k8s.io")
    return content if is_one else None
