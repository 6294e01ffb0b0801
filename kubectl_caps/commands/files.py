"""Workloads of manifests: which objects of the files are meant, and what could not be judged."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from kubectl_caps.command_line import program_name
from kubectl_caps.core.pod import Path, field_path
from kubectl_caps.core.podsecurity.standard import plural
from kubectl_caps.core.workloads import KINDS, Kind, MalformedWorkload, Workload, kind_of, looks_like_pods
from kubectl_caps.core.workloads import read as read_workloads
from kubectl_caps.errors import CapsError, InputError, UsageError
from kubectl_caps.manifests.folders import PassedOver
from kubectl_caps.manifests.positions import Positions
from kubectl_caps.manifests.read import Document, read
from kubectl_caps.manifests.source import SourceFile
from kubectl_caps.manifests.write import write
from kubectl_caps.report.terminal import say, warn


class Found(msgspec.Struct, frozen=True):
    """A workload's object in a file: a JobSet has several workloads, other kinds one."""

    document: Document
    kind: Kind
    workloads: tuple[Workload, ...]


def load(
    filenames: Sequence[str], *, recursive: bool, command: str, editing: bool = False
) -> tuple[list[Document], list[CapsError]]:
    """Every object of files and folders, and what could not be read.

    Says which files were passed over, and which keys stand twice. What a kustomization does to its resources is an
    error where they are judged, and only said where they are edited (`editing`).
    """
    again = f"{program_name()} {command}"
    documents: list[Document] = []
    errors: list[CapsError] = []
    passed_over: dict[str, list[str]] = {}
    for item in read(filenames, recursive=recursive, command=again):
        if isinstance(item, Document):
            documents.append(item)
        elif isinstance(item, PassedOver):
            passed_over.setdefault(item.why, []).append(item.path)
        elif isinstance(item, InputError):
            errors.append(item)
        elif editing:
            warn(str(item))
        else:
            errors.append(InputError(f"{item}"))
    for why, paths in passed_over.items():
        _say_passed_over(why, paths)
    for document in documents:
        for repeated in document.repeated:
            warn(f"{document.file.name}:{repeated.line}: {repeated}; kubectl takes the last one")
    return documents, errors


def find(documents: Sequence[Document], namespace: str | None = None) -> tuple[list[Found], list[CapsError]]:
    """The workloads among objects, and the errors: malformed objects, unknown kinds, another namespace than `-n`'s.

    Objects that run no pods are passed over; one of an unknown kind that seems to hold pods is an error, not a pass.
    `namespace` is where those are that name none.
    """
    found: list[Found] = []
    errors: list[CapsError] = []
    for document in documents:
        try:
            workload = _workload(document, namespace)
        except InputError as error:
            errors.append(error)
            continue
        if workload:
            found.append(workload)
    return found, errors


def locator(found: Sequence[Found]) -> Callable[[Workload, Path], tuple[int, int, int] | None]:
    """Tells for a field of one of these workloads its line, its column and the column behind it."""
    documents = {id(workload): item.document for item in found for workload in item.workloads}
    files: dict[SourceFile, Positions] = {}

    def locate(workload: Workload, path: Path) -> tuple[int, int, int] | None:
        document = documents[id(workload)]
        positions = files[document.file] = files.get(document.file) or Positions(document.file)
        span = positions.of(document, path)
        return span.line, span.column, span.end

    return locate


def written(source: SourceFile, text: str, errors: list[CapsError]) -> str:
    """Replace a file's content; empty, or why that failed, which is among the errors then."""
    try:
        write(source, text)
    except InputError as error:
        errors.append(error)
        return error.words
    return ""


def no_selector(selector: str | None) -> None:
    """Raises UsageError: files are judged whole."""
    if selector:
        raise UsageError("-l selects objects of a cluster; with -f every object of the files is judged")


def _say_passed_over(why: str, paths: Sequence[str]) -> None:
    names = ", ".join(paths[:5]) + (", ..." if len(paths) > 5 else "")
    say(f"Passed over {len(paths)} {plural('file', len(paths))} {why}: {names}")


def _workload(document: Document, namespace: str | None) -> Found | None:
    obj, where = document.object, f"{document.file.name}:{document.line}"
    kind = kind_of(obj["apiVersion"], obj["kind"])
    name = (obj.get("metadata") or {}).get("name", "")
    if kind is None:
        if looks_like_pods(obj):
            raise InputError(
                f"{where}: {obj['apiVersion']} {obj['kind']} seems to hold a pod template, but the kind is unknown"
            )
        if _is_misplaced(obj):
            raise InputError(f'{where}: no matches for kind "{obj["kind"]}" in version "{obj["apiVersion"]}"')
        return None
    try:
        workloads = tuple(read_workloads(kind, _without_nulls(obj), document.source))
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
    return Found(document, kind, tuple(_inside(workload, namespace) for workload in workloads))


def _inside(workload: Workload, namespace: str | None) -> Workload:
    """The workload in `namespace`, where it names none itself."""
    if workload.namespace or not namespace:
        return workload
    return replace(workload, metadata=replace(workload.metadata, namespace=namespace))


def _is_misplaced(obj: Mapping[str, Any]) -> bool:
    """Whether a built-in kind stands in a built-in group that does not have it."""
    group = obj["apiVersion"].partition("/")[0] if "/" in obj["apiVersion"] else ""
    return group in ("", "apps", "batch", "extensions") and any(
        kind.builtin and kind.kind == obj["kind"] for kind in KINDS
    )


def _without_nulls(value: Any) -> Any:
    """The same without fields that are null: to Kubernetes they are not there (`metadata:` of a template)."""
    if isinstance(value, dict):
        return {key: _without_nulls(inner) for key, inner in value.items() if inner is not None}
    return [_without_nulls(item) for item in value] if isinstance(value, list) else value
