"""Finds the files of `-f`: files, folders as kubectl reads them, kustomizations and Helm charts.

All files of a folder are read, and the files that its kustomization lists elsewhere. Files that a kustomization lists
as patches are passed over. A chart's templates are not read, because Helm must render them first.
"""

import glob
import os
import shlex
from collections.abc import Iterator, Mapping, Sequence, Set
from pathlib import Path as FilePath

from msgspec import Struct
from msgspec.structs import replace

from kubectl_caps.errors import InputError, os_words
from kubectl_caps.manifests.read.kustomization import NAMES, Kustomization, read_kustomization
from kubectl_caps.manifests.read.text import STDIN

SUFFIXES = (".json", ".yaml", ".yml")
"""The extensions of the files that are read in a folder, as in kubectl."""

_CHART_PARTS = ("templates", "charts", "crds")
_WITHOUT_R = "because -R is not given"
_LINK = "because links to folders are not followed"
_PATCH = "listed as a patch by a kustomization"
_COMPONENT = "with a Component, which is a part of other kustomizations"
_EXCLUDED = "left out by --exclude"


class Moved(Struct, frozen=True):
    """The namespace that a kustomization gives to an object, and the folder of the kustomization."""

    folder: str
    namespace: str

    @property
    def words(self) -> str:
        """The sentence beside a verdict on an object of the kustomization."""
        return f"{self.folder} sets the namespace {self.namespace}, and is not rendered here"

    @property
    def flag(self) -> str:
        """The flag that renders the kustomization."""
        return f"-k {shlex.quote(self.folder)}"


class ManifestFile(Struct, frozen=True):
    """A file to read. `named`: the user or a kustomization named the file itself.

    `moved` are the kustomizations that would set the namespace of its objects.
    """

    path: str
    named: bool
    moved: tuple[Moved, ...] = ()


class PassedOver(Struct, frozen=True):
    """A file, or a folder that --exclude matches, that is not judged. `why` is printed after the word "file"."""

    path: str
    why: str


class NotRead(Struct, frozen=True):
    """A file or folder that was not opened. `why` is an error if the user asked for its content."""

    path: str
    why: str | InputError


class Unapplied(Struct, frozen=True):
    """A kustomization that changes its resources before they reach a cluster. The message names the next command."""

    path: str
    message: str

    def __str__(self) -> str:
        return self.message


PathItem = ManifestFile | PassedOver | NotRead | Unapplied | InputError


def find_files(
    filenames: Sequence[str], *, recursive: bool, command: str, exclude: Sequence[str] = ()
) -> list[PathItem]:
    """Every selected file once, and the files that are passed over or not read.

    Messages name `command` as the command to pipe a rendered chart or kustomization into. `exclude` are patterns of
    paths to leave out. A file that is listed as a resource is read even if a kustomization also lists it as a patch.
    """
    walk = _Walk(recursive, command, exclude)
    folders: dict[str, str] = {}
    items = [(_key(item, folders), item) for name in filenames for item in _refused(walk.named(name))]
    files: dict[str, ManifestFile] = {}
    for key, item in items:
        if isinstance(item, ManifestFile):
            before = files.get(key, item)
            moved = tuple(dict.fromkeys((*before.moved, *item.moved)))
            files[key] = replace(before, named=before.named or item.named, moved=moved)
    passed_over = {_real(item.path, folders) for _, item in items if isinstance(item, PassedOver)}
    once = {key: files.get(key, item) for key, item in items}
    return [item for key, item in once.items() if _counts(key, item, files, passed_over)]


def _counts(key: str, item: PathItem, files: Mapping[str, ManifestFile], passed_over: Set[str]) -> bool:
    """Whether to keep this result of a file that was both found and passed over."""
    if isinstance(item, ManifestFile):
        return item.named or key not in passed_over
    if isinstance(item, PassedOver):
        file = files.get(os.path.realpath(item.path))
        return file is None or not file.named
    return True


def _key(item: PathItem, folders: dict[str, str]) -> str:
    return _real(item.path, folders) if isinstance(item, ManifestFile) and item.path != STDIN else repr(item)


def _real(path: str, folders: dict[str, str]) -> str:
    """The path without links, as os.path.realpath gives it; each folder is looked up once, in `folders`."""
    folder, name = os.path.split(path)
    if name in ("", ".", "..") or os.path.islink(path):  # noqa: PTH114 - no name makes it raise
        return os.path.realpath(path)
    if folder not in folders:
        folders[folder] = os.path.realpath(folder)
    return os.path.join(folders[folder], name)  # noqa: PTH118


class _Walk:
    """The walk of one command through files and folders. It reads a kustomization once even if several list it."""

    def __init__(self, recursive: bool, command: str, exclude: Sequence[str]) -> None:
        self.recursive, self.command, self.exclude = recursive, command, exclude
        self.seen: set[tuple[str, Moved | None]] = set()

    def excluded(self, path: FilePath) -> bool:
        """Whether --exclude matches the path or the end of the path."""
        return any(path.match(pattern) for pattern in self.exclude)

    def named(self, name: str) -> Iterator[PathItem]:
        path = FilePath(name)
        if not name:
            yield InputError("one or more files must be specified as -f pod.yaml or --filename=pod.json")
        elif name == STDIN:
            yield ManifestFile(name, named=True)
        elif name.startswith(("http://", "https://")):
            yield _not_read(name, f"{name}: addresses are not read; curl -sSL {name} | {self.command} -f -")
        elif not os.path.lexists(name) and glob.has_magic(name) and (matches := _matching(name)):
            for match in matches:
                yield from self.named(match)
        elif self.excluded(path):
            yield PassedOver(name, _EXCLUDED)
        elif problem := _inaccessible(path):
            yield _not_read(name, f'the path "{name}" {problem}')
        elif chart := _chart_of(path):
            yield self._is_chart(chart)
        elif path.is_dir():
            items = list(self._folder(path))
            if all(isinstance(item, NotRead) for item in items) and not self._named_kustomization(path):
                extensions = f"recognized file extensions are [{' '.join(SUFFIXES)}]"
                yield InputError(f"error reading [{name}]: {extensions}")
            yield from items
        elif path.name in NAMES and (kustomization := read_kustomization(path)) is not None:
            yield from self._listed(path, kustomization, None)
        else:
            yield ManifestFile(name, named=True)

    def _folder(self, path: FilePath) -> Iterator[PathItem]:
        """The files that a folder's kustomization lists, then the folder's files in order of their names.

        The order is that of Go's filepath.Walk. Links to folders are not followed.
        """
        with os.scandir(path) as found:
            entries = sorted(found, key=lambda entry: entry.name)
        is_chart = any(entry.name == "Chart.yaml" for entry in entries)
        if is_chart:
            yield self._is_chart(path)
        listed = self._built(path)
        yield from listed or ()
        for entry in entries:
            if is_chart and (entry.name in _CHART_PARTS or entry.name.startswith(("Chart.", "values"))):
                continue
            name = entry.path.removeprefix("./")  # the entries of "." have no other prefix
            # Of a link that leads to itself an entry raises, and a Path says no.
            is_folder = FilePath(name).is_dir() if entry.is_symlink() else entry.is_dir()
            is_manifest = os.path.splitext(entry.name)[1] in SUFFIXES  # noqa: PTH122
            if (is_folder or is_manifest) and self.excluded(FilePath(name)):
                yield PassedOver(name, _EXCLUDED)
            elif is_folder:
                if self.recursive and not entry.is_symlink():
                    yield from _refused(self._folder(FilePath(name)))
                else:
                    yield NotRead(name, _LINK if self.recursive else _WITHOUT_R)
            elif is_manifest and not (listed is not None and entry.name in NAMES):
                yield _regular(entry, name)

    def _is_chart(self, path: FilePath) -> NotRead:
        render = f"helm template {path} | {self.command} -f -"
        return _not_read(path, f"{path}: a Helm chart, whose templates are no manifests; render it: {render}")

    def _built(self, folder: FilePath, moved: Moved | None = None) -> Iterator[PathItem] | None:
        """The files that a folder's kustomization lists; None if the folder has none."""
        files = self._named_kustomization(folder)
        built = [(path, content) for path in files if (content := read_kustomization(path)) is not None]
        if built and len(files) > 1:
            return iter([InputError(f"Found multiple kustomization files under: {folder}")])
        return self._listed(*built[0], moved) if built else None

    def _listed(
        self, path: FilePath, kustomization: Kustomization | InputError, moved: Moved | None
    ) -> Iterator[PathItem]:
        """The files of a kustomization and of the kustomizations that it lists, and its patches.

        `moved` is the namespace of an outer kustomization. It counts before the namespace of this one.
        """
        if isinstance(kustomization, InputError):
            yield kustomization
            return
        if moved is None and kustomization.namespace:
            moved = Moved(str(path.parent), kustomization.namespace)
        if (seen := (os.path.realpath(path), moved)) in self.seen:
            return
        self.seen.add(seen)
        yield from self._problem(kustomization)
        for patch in kustomization.patches():
            # A Component's patches are read as files, because no other message says that the Component changes objects.
            if not kustomization.is_component and os.path.isfile(patch):  # noqa: PTH113 - no name makes it raise
                yield PassedOver(os.path.normpath(patch), _PATCH)
        for name, target in kustomization.resources():
            yield from _refused(self._resource(path, name, FilePath(os.path.normpath(target)), moved))

    def _problem(self, kustomization: Kustomization) -> Iterator[PathItem]:
        """The error or warning for a kustomization that is not rendered."""
        path = kustomization.path
        if not kustomization.fields:
            yield InputError(f"{path} is empty")
        elif kustomization.is_component:
            yield PassedOver(str(path), _COMPONENT)
        elif kustomization.unapplied:
            build = f"{self.command} -k {shlex.quote(str(path.parent))}"
            fields = ", ".join(kustomization.unapplied)
            yield Unapplied(str(path), f"{path}: {fields} not applied here; for the result: {build}")
        elif kustomization.lists_nothing:
            yield InputError(f"{path} lists no resources")

    def _resource(self, path: FilePath, name: str, target: FilePath, moved: Moved | None) -> Iterator[PathItem]:
        if self.excluded(target):
            yield PassedOver(str(target), _EXCLUDED)
        elif target.is_dir():
            missing = _not_read(target, f"{path}: {name} is a folder without a kustomization")
            listed = self._built(target, moved)
            yield from [missing] if listed is None else listed
        elif target.is_file():
            yield ManifestFile(str(target), named=True, moved=(moved,) if moved else ())
        else:
            yield _not_read(target, f"{path}: {name} is no file here, not read")

    def _named_kustomization(self, folder: FilePath) -> list[FilePath]:
        """The files of a folder that have a kustomization's name."""
        paths = (folder / name for name in NAMES)
        return [path for path in paths if path.is_file() and not self.excluded(path)]


def _not_read(path: FilePath | str, why: str) -> NotRead:
    return NotRead(str(path), InputError(why))


def _regular(entry: "os.DirEntry[str]", name: str) -> PathItem:
    """A folder's file. A pipe, a socket or a device is an error, because reading it might never end."""
    is_file = FilePath(name).is_file() if entry.is_symlink() else entry.is_file()
    if is_file or not os.path.exists(name):  # noqa: PTH110 - no name makes it raise
        return ManifestFile(name, named=False)
    return _not_read(name, f"{name}: a pipe, socket or device in a folder is not read; name it with -f")


def _refused(items: Iterator[PathItem]) -> Iterator[PathItem]:
    """The items, and an error if the file system refuses a folder, which may be listed but not entered."""
    try:
        yield from items
    except OSError as error:
        yield _not_read(error.filename, f"open {error.filename}: {os_words(error)}")


def _matching(pattern: str) -> list[str]:
    """The files of a pattern that the shell has not expanded, as in kubectl."""
    return sorted(glob.glob(pattern))  # noqa: PTH207 - Path.glob takes no absolute pattern


def _inaccessible(path: FilePath) -> str | None:
    try:
        path.stat()
    except FileNotFoundError:
        return "does not exist"
    except OSError as error:
        return f"cannot be accessed: stat {path}: {os_words(error)}"
    except ValueError as error:
        return f"cannot be accessed: {error}"
    return None


def _chart_of(path: FilePath) -> FilePath | None:
    """The folder of the chart that a template belongs to; None if the path is no template of a chart."""
    ways = [path, *path.parents] if path.is_absolute() else [path, *path.parents, *path.absolute().parents]
    charts = (part.parent for part in ways if part.name == "templates" and (part.parent / "Chart.yaml").is_file())
    return next(charts, None)
