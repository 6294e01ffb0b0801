"""Reads the manifests of -f or -k for a command: objects, workloads, errors and counts."""

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from kubectl_caps.cli.arguments import FileArguments
from kubectl_caps.cli.flags import program_name
from kubectl_caps.commands.shared.files import FoundWorkload, Loaded, find_workloads, load_objects
from kubectl_caps.core.assess.coverage import Coverage
from kubectl_caps.core.assess.exemptions import Exemption
from kubectl_caps.errors import CapsError, InputError
from kubectl_caps.manifests.read.kustomization import rendered
from kubectl_caps.manifests.read.objects import ManifestObject, ObjectItem, objects, read_objects
from kubectl_caps.manifests.read.paths import Moved, NotRead

NOTHING = "the files hold no object that runs pods"


class Manifests(Struct):
    """The objects of manifests, the workloads among them, the errors, and the counts behind a verdict.

    `unjudged` are the objects with an error.
    """

    documents: list[ManifestObject]
    found: list[FoundWorkload]
    errors: list[CapsError]
    coverage: Coverage
    unjudged: list[tuple[ManifestObject, InputError]]


def read_manifests(
    arguments: FileArguments,
    command: str,
    *,
    namespace: str | None = None,
    editing: bool = False,
    gate: bool = False,
) -> Manifests:
    """Read the manifests that the flags name. Manifests without an object are an error, as in kubectl.

    For a `gate`, manifests without a workload are an error, too. With --changed-files both are allowed, because most
    commits change other files.
    """
    loaded = load_objects(_items(arguments, f"{program_name()} {command}"), editing=editing)
    documents = loaded.documents
    found, malformed = find_workloads(documents, namespace)
    without_pods = len(documents) - len(found) - len(malformed)
    coverage = Coverage(len(found), len(loaded.passed_over) + without_pods, loaded.not_read)
    errors = [*loaded.errors, *(error for _, error in malformed)]
    if not arguments.changed_files:
        errors += _without_objects(arguments.filename, loaded, command)
    if gate and not found and not errors and not arguments.changed_files:
        errors.append(InputError(f"nothing to judge: {NOTHING}"))
    return Manifests(documents, found, errors, coverage, malformed)


def moved_from(found: Sequence[FoundWorkload]) -> dict[Moved, set[str]]:
    """The kustomizations that would set the namespace of workloads, with the namespaces that the workloads name."""
    moved: dict[Moved, set[str]] = {}
    for item in found:
        for one in item.document.moved:
            moved.setdefault(one, set()).update(workload.namespace for workload in item.workloads)
    return moved


def unsure_exemptions(files: Manifests, listed: Sequence[Exemption], command: str) -> Iterator[CapsError]:
    """An error for each exemption by namespace that may concern an object whose namespace a kustomization sets."""
    again = f"{program_name()} {command}"
    for exemption in (one for one in listed if one.namespace != "*"):
        anywhere = replace(exemption, namespace="*")
        met = [item.document for item in files.found if any(map(anywhere.meets, item.workloads))]
        met += [document for document, error in files.unjudged if anywhere.meets_error(error.about)]
        for moved in dict.fromkeys(one for document in met for one in document.moved):
            yield InputError(
                f"{exemption.origin}: an exemption by namespace is not judged: {moved.words}; "
                f"judge that: {again} {moved.flag}"
            )


def _items(arguments: FileArguments, again: str) -> Iterable[ObjectItem]:
    """The objects that -f or -k names. `again` is the command that an advice repeats."""
    if not arguments.kustomize:
        recursive, exclude, named = arguments.recursive, arguments.exclude, not arguments.changed_files
        return read_objects(arguments.filename, recursive=recursive, command=again, exclude=exclude, named=named)
    try:
        return objects(rendered(arguments.kustomize), again)
    except InputError as error:
        return [NotRead(arguments.kustomize, error)]


def _without_objects(filenames: Sequence[str], loaded: Loaded, command: str) -> Iterator[CapsError]:
    """An error for each named file, and for standard input, without an object: a `helm template` may have failed.

    Folders, patterns and kustomizations name other files, and some of these may be empty. A file with another error and
    a file that was passed over get no second error. The error of a chart names the chart's folder.
    """
    unread = dict.fromkeys("STDIN" if name == "-" else name for name in filenames)
    unread = dict.fromkeys(name for name in unread if name == "STDIN" or _is_read_itself(Path(name)))
    if not unread:
        return
    names = {document.file.name for document in loaded.documents}
    names |= {error.about["file"] for error in loaded.errors if "file" in error.about}
    said = {os.path.realpath(name) for name in (*names, *loaded.passed_over)}
    for name in unread:
        if said.isdisjoint(_with_parents(name)):
            yield InputError(f"{name}: no objects passed to {command}")


def _with_parents(name: str) -> Iterator[str]:
    path = Path(os.path.realpath(name))
    yield from map(str, (path, *path.parents))


def _is_read_itself(path: Path) -> bool:
    return path.exists() and not path.is_dir() and path.stem.lower() != "kustomization"
