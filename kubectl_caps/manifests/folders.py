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
_UNAPPLIED = (
    "patches", "patchesStrategicMerge", "patchesJson6902", "components", "replacements", "transformers", "vars",
    "configurations", "helmCharts", "helmChartInflationGenerator", "generators",
)  # fmt: skip


class Found(Struct, frozen=True):
    """A file to read; `named` where the user, or a kustomization, named it itself."""

    path: str
    named: bool


class PassedOver(Struct, frozen=True):
    """A file of a folder that is certainly not meant."""

    path: str


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
    items = {_key(item): item for name in reversed(filenames) for item in reversed(list(walk.named(name)))}
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
        if name == STDIN:
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
            extensions = f"recognized file extensions are [{' '.join(SUFFIXES)}]"
            yield from items or [InputError(f"error reading [{name}]: {extensions}")]
        elif path.name in _KUSTOMIZATIONS and (content := _kustomization(path)) is not None:
            yield from self._resources(path, content)
        else:
            yield Found(name, named=True)

    def _folder(self, path: FilePath, *, kustomized: bool) -> Iterator[Item]:
        """A folder's files in order of their names, as Go's filepath.Walk has them; links to folders are not followed.

        Below a kustomization only what it lists is read.
        """
        try:
            entries = sorted(path.iterdir())
        except OSError as error:
            yield InputError(f"open {path}: {(error.strerror or str(error)).lower()}")
            return
        is_chart = path / "Chart.yaml" in entries
        if is_chart:
            yield self._is_chart(path)
        for file, content in _kustomizations(path):
            kustomized = True
            yield from self._resources(file, content)
        for entry in entries:
            if is_chart and (entry.name in _CHART_PARTS or entry.name.startswith(("Chart.", "values"))):
                continue
            if entry.is_dir():
                if self.recursive and not entry.is_symlink():
                    yield from self._folder(entry, kustomized=kustomized)
            elif entry.suffix in SUFFIXES and not (kustomized and entry.name in _KUSTOMIZATIONS):
                yield PassedOver(str(entry)) if kustomized else Found(str(entry), named=False)

    def _is_chart(self, path: FilePath) -> InputError:
        render = f"helm template {path} | {self.command} -f -"
        return InputError(f"{path}: a Helm chart, whose templates are no manifests; render it: {render}")

    def _resources(self, path: FilePath, content: dict[str, Any]) -> Iterator[Item]:
        """The files of a kustomization and of those that it builds on."""
        real = os.path.realpath(path)
        if real in self.seen:
            return
        self.seen.add(real)
        unapplied = [field for field in _UNAPPLIED if content.get(field)]
        if unapplied:
            build = f"kubectl kustomize {path.parent} | {self.command} -f -"
            yield Unapplied(f"{path}: {', '.join(unapplied)} not applied here; for the result: {build}")
        for field in _LISTS:
            names = content.get(field) or []
            for name in names if isinstance(names, list) else [names]:
                yield from self._resource(path, str(name))

    def _resource(self, path: FilePath, name: str) -> Iterator[Item]:
        target = FilePath(os.path.normpath(path.parent / name))
        if target.is_dir():
            inner = next(_kustomizations(target), None)
            if inner:
                yield from self._resources(*inner)
            else:
                yield InputError(f"{path}: {name} is a folder without a kustomization")
        elif target.is_file():
            yield Found(str(target), named=True)
        else:
            yield InputError(f"{path}: {name} is no file here, not read")


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


def _kustomizations(folder: FilePath) -> Iterator[tuple[FilePath, dict[str, Any]]]:
    for name in _KUSTOMIZATIONS:
        content = _kustomization(folder / name) if (folder / name).is_file() else None
        if content is not None:
            yield folder / name, content


def _kustomization(path: FilePath) -> dict[str, Any] | None:
    """A kustomization's content; None for a file that only has its name, as Flux's objects may."""
    try:
        document = next(parsed(open_source(str(path)).text), None)
    except (InputError, Unreadable):
        return None
    content = (document.value if document else None) or {}
    if not isinstance(content, dict):
        return None
    is_one = str(content.get("apiVersion", "kustomize.config.k8s.io")).startswith("kustomize.config.k8s.io")
    return content if is_one else None
