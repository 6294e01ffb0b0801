"""Reads the files of `--evidence`."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from kubectl_caps.core.fit.evidence import FitEvidence, evidence_of, joined
from kubectl_caps.errors import InputError
from kubectl_caps.report.terminal import say

_LARGEST = 64 << 20
"""The largest file that is read, in bytes."""


def read_evidence(paths: Sequence[str], containers: Sequence[str]) -> FitEvidence:
    """The evidence of all files. Prints a line about each file. Raises InputError."""
    parts = []
    for path in paths:
        try:
            with Path(path).open("rb") as file:
                raw = file.read(_LARGEST + 1)
        except OSError as error:
            raise InputError(f"{path}: {error.strerror}") from error
        if len(raw) > _LARGEST:
            raise InputError(f"{path}: larger than {_LARGEST >> 20} MiB: give only the lines about capabilities")
        text = raw.decode("utf-8", errors="replace")
        try:
            part = evidence_of(text, list(_documents(text)), containers)
        except RecursionError as error:
            raise InputError(f"{path}: nested too deeply to be read") from error
        say(*(f"{path}: {note}" for note in part.notes))
        parts.append(part)
    return joined(parts)


def _documents(text: str) -> Iterator[Any]:
    """The documents of a text: one JSON document, one JSON document in each line, or a YAML ApplicationProfile."""
    if text.lstrip()[:1] in ("{", "["):
        try:
            yield msgspec.json.decode(text)
            return
        except msgspec.DecodeError:
            pass
        for line in text.splitlines():
            try:
                yield msgspec.json.decode(line)
            except msgspec.DecodeError:
                continue
    elif "kind: ApplicationProfile" in text:
        import yaml

        try:
            yield from yaml.load_all(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        except (yaml.YAMLError, ValueError):  # PyYAML raises ValueError for an invalid date
            return
