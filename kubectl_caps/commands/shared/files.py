"""Reads the objects of manifests (-f), and finds the workloads among them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from kubectl_caps.core.kubernetes.field_path import Path, field_path
from kubectl_caps.core.kubernetes.kinds import KINDS, Kind, kind_of
from kubectl_caps.core.kubernetes.unknown_kinds import not_judged, pod_field, read_whole
from kubectl_caps.core.kubernetes.workloads import MalformedWorkload, Workload
from kubectl_caps.core.podsecurity.partial_objects import is_partial
from kubectl_caps.core.text import plural
from kubectl_caps.errors import CapsError, InputError
from kubectl_caps.manifests.read.objects import ManifestObject, ObjectItem
from kubectl_caps.manifests.read.paths import NotRead, PassedOver
from kubectl_caps.manifests.read.text import SourceFile
from kubectl_caps.report.terminal import say, warn

if TYPE_CHECKING:
    from kubectl_caps.manifests.read.positions import Positions


class FoundWorkload(msgspec.Struct, frozen=True):
    """An object in a file with its workloads. A JobSet may have several workloads, other kinds have one."""

    document: ManifestObject
    kind: Kind
    workloads: tuple[Workload, ...]


class Loaded(msgspec.Struct):
    """The objects of files and folders, the errors, and the files that were passed over.

    `not_read` is the number of files and folders that were not opened.
    """

    documents: list[ManifestObject]
    errors: list[CapsError]
    passed_over: list[str]
    not_read: int


def load_objects(items: Iterable[ObjectItem], *, editing: bool = False) -> Loaded:
    """The objects and errors of the items.

    Prints the files that were passed over, and the keys that are repeated. A kustomization's fields that change its
    resources are an error if the resources are judged, and a warning if they are edited (`editing`).
    """
    documents: list[ManifestObject] = []
    errors: list[CapsError] = []
    passed_over: dict[str, list[str]] = {}
    not_read: dict[str, list[str]] = {}
    unread = 0
    for item in items:
        if isinstance(item, ManifestObject):
            documents.append(item)
        elif isinstance(item, PassedOver):
            passed_over.setdefault(item.why, []).append(item.path)
        elif isinstance(item, NotRead):
            unread += 1
            if isinstance(item.why, InputError):
                item.why.about = {"file": item.path}
                errors.append(item.why)
            else:
                not_read.setdefault(item.why, []).append(item.path)
        elif isinstance(item, InputError):
            errors.append(item)
        elif editing:
            warn(str(item))
        else:
            unapplied = InputError(str(item))
            unapplied.about = {"file": item.path}
            errors.append(unapplied)
    for why, paths in passed_over.items():
        say(f"Passed over {len(paths)} {plural('file', len(paths))} {why}: {first_names(paths)}")
    for why, paths in not_read.items():
        say(f"Left {len(paths)} {plural('folder', len(paths))} unread {why}: {first_names(paths)}")
    # The items of a list share the repeated keys of their document.
    wrong = {(document.file.name, document.index): document for document in documents if document.repeated}
    for document in wrong.values():
        for repeated in document.repeated:
            warn(f"{document.file.name}:{repeated.line}: {repeated}; kubectl takes the last one")
    return Loaded(documents, errors, [path for paths in passed_over.values() for path in paths], unread)


def find_workloads(
    documents: Sequence[ManifestObject], namespace: str | None = None
) -> tuple[list[FoundWorkload], list[tuple[ManifestObject, InputError]]]:
    """The workloads among objects, and the objects with an error: malformed, unknown, or in another namespace than -n.

    Objects that run no pods are passed over. Partial objects are passed over with a line on stderr. An object of an
    unknown kind that seems to hold pods is an error. Objects without a namespace are in `namespace`.
    """
    found: list[FoundWorkload] = []
    errors: list[tuple[ManifestObject, InputError]] = []
    partial: list[str] = []
    for position, document in enumerate(documents, 1):
        obj = _without_nulls(document)
        kind = kind_of(obj["apiVersion"], obj["kind"])
        if kind and is_partial(kind, obj):
            partial.append(f"{document.file.name}:{document.line}")
            continue
        try:
            workloads = _workloads(document, kind, obj, namespace)
        except InputError as error:
            error.about = _about(document, namespace)
            errors.append((document, error))
            continue
        if kind and workloads:
            placed = tuple(_placed(workload, position, namespace) for workload in workloads)
            found.append(FoundWorkload(document, kind, placed))
    if partial:
        parts = "which is only a part of one" if len(partial) == 1 else "which are only parts of objects"
        say(f"Passed over {len(partial)} {plural('object', len(partial))}, {parts}: {first_names(partial)}")
    return found, errors


def _about(document: ManifestObject, namespace: str | None) -> dict[str, str]:
    """The source of an error: the file and the object."""
    obj, metadata = document.object, document.object.get("metadata") or {}
    texts = {"kind": obj["kind"], "namespace": metadata.get("namespace") or namespace, "name": metadata.get("name")}
    return {"file": document.file.name, **{key: value for key, value in texts.items() if isinstance(value, str)}}


def locator(found: Sequence[FoundWorkload]) -> Callable[[Workload, Path], tuple[int, int, int] | None]:
    """A function that returns the line, the first column and the column after the end of a workload's field."""
    documents = {workload.position: item.document for item in found for workload in item.workloads}
    files: dict[SourceFile, Positions] = {}

    def locate(workload: Workload, path: Path) -> tuple[int, int, int] | None:
        from kubectl_caps.manifests.read.positions import Positions

        document = documents[workload.position]
        positions = files[document.file] = files.get(document.file) or Positions(document.file)
        span = positions.of(document, path)
        return span.line, span.column, span.end

    return locate


def written(source: SourceFile, text: str, errors: list[CapsError]) -> str:
    """Replace a file's content. Returns the words of an error, or an empty text. The error is added to `errors`."""
    from kubectl_caps.manifests.edit.write import write_file

    try:
        write_file(source, text)
    except InputError as error:
        errors.append(error)
        return error.words
    return ""


def first_names(paths: Sequence[str]) -> str:
    """The first five names as a text."""
    return ", ".join(paths[:5]) + (", ..." if len(paths) > 5 else "")


def _workloads(
    document: ManifestObject, kind: Kind | None, obj: Mapping[str, Any], namespace: str | None
) -> list[Workload]:
    """The workloads of a document. `obj` is its object without nulls. Raises InputError.

    A JobSet without jobs, and a Rollout that takes its template from a Deployment, have no workloads.
    """
    where = f"{document.file.name}:{document.line}"
    name = (obj.get("metadata") or {}).get("name", "")
    if kind is None:
        field = pod_field(obj)
        if field is not None:
            called = f" {name}" if name else ""
            raise InputError(f"{where}: {obj['apiVersion']} {obj['kind']}{called} {not_judged(field)}")
        if _is_misplaced(obj):
            raise InputError(f'{where}: no matches for kind "{obj["kind"]}" in version "{obj["apiVersion"]}"')
        return []
    try:
        workloads = read_whole(kind, obj, document.source)
    except MalformedWorkload as error:
        raise InputError(f"{where}: {obj['kind']} {name}: {error}") from error
    for workload in workloads:
        if not workload.template.spec.containers:
            path = field_path((*workload.path, "spec", "containers"))
            raise InputError(f"{where}: {obj['kind']} {name}: {path}: Required value")
        if namespace and workload.namespace not in ("", namespace):
            raise InputError(
                f'{where}: {obj["kind"]} {name}: the namespace from the provided object "{workload.namespace}" '
                f'does not match the namespace "{namespace}"'
            )
    return workloads


def _placed(workload: Workload, position: int, namespace: str | None) -> Workload:
    """The workload with its position among the objects, and in `namespace` if it names no namespace itself."""
    if workload.namespace or not namespace:
        return replace(workload, position=position)
    return replace(workload, position=position, metadata=replace(workload.metadata, namespace=namespace))


def _is_misplaced(obj: Mapping[str, Any]) -> bool:
    """Whether a built-in kind is in a built-in group that does not have this kind."""
    group = obj["apiVersion"].partition("/")[0] if "/" in obj["apiVersion"] else ""
    return obj["kind"] in _BUILTIN and group in ("", "apps", "batch", "extensions")


_BUILTIN = frozenset(kind.kind for kind in KINDS if kind.builtin)


def _without_nulls(document: ManifestObject) -> Any:
    """The object without null fields, which Kubernetes treats as absent (for example a template's `metadata:`)."""
    if not document.aliases:  # with aliases, the JSON may be too large
        with suppress(OverflowError, UnicodeEncodeError, RecursionError):
            if b"null" not in msgspec.json.encode(document.object):  # much faster than looking at each field
                return document.object
    return _pruned(document.object)


def _pruned(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _pruned(inner) for key, inner in value.items() if inner is not None}
    return [_pruned(item) for item in value] if isinstance(value, list) else value
