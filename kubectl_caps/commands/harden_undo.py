"""`--undo-to FILE`: what undoes a run, saved before anything is sent. `--undo FILE`: applying it."""

import os
import shlex
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec

from kubectl_caps.cluster.objects import Cluster
from kubectl_caps.cluster.resources import resource_of
from kubectl_caps.command_line import program_name
from kubectl_caps.core.hardening import Hardening, Note
from kubectl_caps.core.outcome import Job
from kubectl_caps.core.patch import lookup, rebased
from kubectl_caps.core.undo import SavedUndo, left_alone, patch_of, saved
from kubectl_caps.core.workloads import kind_of
from kubectl_caps.core.workloads import read as read_workloads
from kubectl_caps.errors import CapsError, InputError, UsageError
from kubectl_caps.report import hardening as report
from kubectl_caps.report import json
from kubectl_caps.report.terminal import say


def check_unused(file: str | None) -> None:
    """Raises UsageError where a file would be overwritten: it may be the only way back from an earlier run."""
    if file and Path(file).exists():
        raise UsageError(f"--undo-to: {file} exists already, and may be needed to undo another run")


def save(file: str, jobs: Sequence[Job], flags: str) -> None:
    """Write what undoes these jobs, whole or not at all, and onto the disk; say the command. Raises InputError."""
    path = Path(file)
    text = json.text(report.hardening(jobs, []), "json")
    try:
        with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=f".{path.name}.", delete=False) as out:
            try:
                out.write(text)
                out.flush()
                os.fsync(out.fileno())
                Path(out.name).replace(path)
            except BaseException:
                Path(out.name).unlink(missing_ok=True)
                raise
    except OSError as error:
        raise InputError(f"{file}: {(error.strerror or str(error)).lower()}; nothing was changed") from error
    say(f"to undo this run: {program_name()} harden --undo {shlex.quote(file)}{flags}")


def undo_jobs(cluster: Cluster, file: str, context: str, errors: list[CapsError]) -> list[Job]:
    """A job for each object of a saved undo. Raises InputError where the file is none."""
    jobs = []
    for item in _read(file):
        try:
            jobs.append(_job(cluster, item, context))
        except CapsError as error:
            errors.append(error)
    return jobs


def _read(file: str) -> list[SavedUndo]:
    try:
        return saved(msgspec.json.decode(Path(file).read_bytes()))
    except OSError as error:
        words = f'the path "{file}" does not exist' if isinstance(error, FileNotFoundError) else f"{file}: {error}"
        raise InputError(words) from error
    except ValueError as error:  # msgspec's errors are ValueErrors
        raise InputError(f"{file}: not a saved undo: {error}") from error


def _job(cluster: Cluster, item: SavedUndo, context: str) -> Job:
    kind = kind_of(item.api_version, item.kind)
    if kind is None:
        raise InputError(f"{item.kind} {item.name}: a kind that this version does not know")
    current = cluster.get(resource_of(kind), item.namespace, item.name)
    workload = next(read_workloads(kind, current, {"context": context}))
    try:
        undo = patch_of(item.undo)
    except ValueError as error:
        raise InputError(f"{workload.reference}: its undo is no JSON Patch of ours: {error}") from error
    job = Job(kind, current, workload, Hardening(undo), undo=True)
    uid = dict(undo.guards).get(("metadata", "uid"))
    if uid != lookup(current, ("metadata", "uid")):
        job.result, job.message = "refused", "it is another object than the one that was hardened"
        return job
    rest, conflicts = rebased(undo, current)
    job.conflicts, job.message = tuple(conflicts), left_alone(conflicts) if conflicts else ""
    job.hardening = Hardening(rest, (Note("", job.message),) if conflicts and rest.changes else ())
    if not rest.changes:
        job.result = "refused" if conflicts else "unchanged"
    return job
