"""What `-f` gives a command: objects, the workloads among them, and what could not be read, judged or found."""

import argparse
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from kubectl_caps.commands.files import Found, find, load
from kubectl_caps.errors import CapsError, InputError
from kubectl_caps.manifests.read import Document


def given(
    options: argparse.Namespace, command: str, *, namespace: str | None = None, editing: bool = False
) -> tuple[list[Document], list[Found], list[CapsError]]:
    """Every object, the workloads among them, and the errors; no object at all is one, as it is for kubectl."""
    documents, errors = load(options.filename, recursive=options.recursive, command=command, editing=editing)
    found, malformed = find(documents, namespace)
    errors += malformed
    return documents, found, errors or list(_without_objects(options.filename, documents, command))


def _without_objects(filenames: Sequence[str], documents: Sequence[Document], command: str) -> Iterator[CapsError]:
    """An error for each named file, and for standard input, that holds no object: a `helm template` that failed.

    Folders, patterns and kustomizations stand for other files, of which some may be empty.
    """
    full = {os.path.realpath(document.file.name) for document in documents}
    for name in dict.fromkeys("STDIN" if name == "-" else name for name in filenames):
        if (name == "STDIN" or _is_read_itself(Path(name))) and os.path.realpath(name) not in full:
            yield InputError(f"{name}: no objects passed to {command}")


def _is_read_itself(path: Path) -> bool:
    return path.exists() and not path.is_dir() and path.stem.lower() != "kustomization"
