"""Workloads of manifests: which objects of the files are meant, and what could not be judged."""

from collections.abc import Sequence

import msgspec

from kubectl_caps.core.workloads import (
    Kind,
    MalformedWorkload,
    Workload,
    kind_of,
    looks_like_pods,
)
from kubectl_caps.core.workloads import read as read_workloads
from kubectl_caps.errors import CapsError, InputError, UsageError
from kubectl_caps.manifests.read import Document, read


class Found(msgspec.Struct, frozen=True):
    """A workload's object in a file: a JobSet has several workloads, other kinds one."""

    document: Document
    kind: Kind
    workloads: tuple[Workload, ...]


def load(filenames: Sequence[str], *, recursive: bool) -> tuple[list[Document], list[CapsError]]:
    """Every object of files and folders, and what could not be read."""
    items = list(read(filenames, recursive=recursive))
    documents = [item for item in items if isinstance(item, Document)]
    return documents, [item for item in items if isinstance(item, InputError)]


def find(documents: Sequence[Document]) -> tuple[list[Found], list[CapsError]]:
    """The workloads among objects, and the errors: malformed objects, unknown kinds.

    Objects that run no pods are passed over; one of an unknown kind that seems to hold pods is an error, not a pass.
    """
    found: list[Found] = []
    errors: list[CapsError] = []
    for document in documents:
        try:
            workload = _workload(document)
        except InputError as error:
            errors.append(error)
            continue
        if workload:
            found.append(workload)
    return found, errors


def find_in(filenames: Sequence[str], *, recursive: bool) -> tuple[list[Found], list[CapsError]]:
    """The workloads of files and folders, and everything that could not be read or judged."""
    documents, unreadable = load(filenames, recursive=recursive)
    found, errors = find(documents)
    return found, unreadable + errors


def no_selector(selector: str | None) -> None:
    """Raises UsageError: files are judged whole."""
    if selector:
        raise UsageError("-l selects objects of a cluster; with -f every object of the files is judged")


def _workload(document: Document) -> Found | None:
    obj, where = document.object, f"{document.file.name}:{document.line}"
    kind = kind_of(obj["apiVersion"], obj["kind"])
    if kind is None:
        if looks_like_pods(obj):
            raise InputError(
                f"{where}: {obj['apiVersion']} {obj['kind']} seems to hold a pod template, but the kind is unknown"
            )
        return None
    try:
        workloads = tuple(read_workloads(kind, obj, document.source))
    except MalformedWorkload as error:
        name = (obj.get("metadata") or {}).get("name", "")
        raise InputError(f"{where}: {obj['kind']} {name}: {error}") from error
    return Found(document, kind, workloads)
