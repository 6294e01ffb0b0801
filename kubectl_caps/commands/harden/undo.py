"""Reads the patches of `--undo FILE`, which undo an earlier run, and plans them like a hardening."""

from collections.abc import Sequence
from pathlib import Path

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from kubectl_caps.cluster.api.client import Cluster
from kubectl_caps.cluster.api.resources import resource_of
from kubectl_caps.core.harden.aftermath import hardened_again
from kubectl_caps.core.harden.plan import Hardening, Note
from kubectl_caps.core.harden.result import HardenResult
from kubectl_caps.core.harden.undo import SavedUndo, checked, left_alone, saved
from kubectl_caps.core.kubernetes.field_path import field_path
from kubectl_caps.core.kubernetes.kinds import Kind, kind_of
from kubectl_caps.core.kubernetes.patch import Patch, lookup, rebased
from kubectl_caps.core.kubernetes.workloads import MalformedWorkload, read_workloads
from kubectl_caps.core.label.plan_labels import SYSTEM_NAMESPACES
from kubectl_caps.errors import CapsError, InputError, os_words


class ToUndo(Struct, frozen=True):
    """An object of a saved undo. `kind` is None if this version does not know the kind."""

    saved: SavedUndo
    kind: Kind | None
    patch: Patch


def undo_jobs(
    cluster: Cluster, items: Sequence[ToUndo], context: str, *, force: bool
) -> tuple[tuple[HardenResult, ...], tuple[CapsError, ...]]:
    """A job for each object of a saved undo, and an error for each object that could not be read.

    Objects in namespaces of the system are refused without `force`.
    """
    jobs: list[HardenResult] = []
    errors: list[CapsError] = []
    for item in items:
        try:
            job = _job(cluster, item, context, force=force)
        except CapsError as error:
            errors.append(error)
            continue
        if job.result == "planned" and item.saved.namespace in SYSTEM_NAMESPACES and not force:
            job = job.ended("refused", "it is in a namespace of the system; --force goes on")
        jobs.append(job)
    return tuple(jobs), tuple(errors)


def read_undo(file: str) -> list[ToUndo]:
    """The objects of a saved undo. Raises InputError for a file that `harden` cannot have written."""
    try:
        items = saved(msgspec.json.decode(Path(file).read_bytes()))
        kinds = [kind_of(item.api_version, item.kind) for item in items]
        return [
            ToUndo(item, kind, checked(item, kind) if kind else Patch(()))
            for item, kind in zip(items, kinds, strict=True)
        ]
    except OSError as error:
        missing = isinstance(error, FileNotFoundError)
        raise InputError(f'the path "{file}" does not exist' if missing else f"{file}: {os_words(error)}") from error
    except (ValueError, RecursionError) as error:  # msgspec's errors are ValueErrors
        raise InputError(f"{file}: not a saved undo: {error}; nothing was undone") from error


def _job(cluster: Cluster, item: ToUndo, context: str, *, force: bool) -> HardenResult:
    kind, name, undo = item.kind, item.saved.name, item.patch
    if kind is None:
        raise InputError(f"{item.saved.kind} {name}: a kind that this version does not know")
    current = cluster.get(resource_of(kind), item.saved.namespace, name)
    try:
        workload = next(read_workloads(kind, current, {"context": context}), None)
    except MalformedWorkload as error:
        raise InputError(f"{kind.kind} {name}: {error}") from error
    if workload is None:
        raise InputError(f"{kind.kind} {name}: has no pod template of its own any more")
    job = HardenResult(kind, current, workload, Hardening(undo), undo=True)
    uid = dict(undo.guards).get(("metadata", "uid"))
    if uid != lookup(current, ("metadata", "uid")):
        return job.ended("refused", "it is not the object that was hardened: it was deleted and created again")
    if not force and item.saved.result == "rolledBack":
        return job.ended("unchanged", "that run rolled it back; --force undoes the rest")
    again = hardened_again(item.saved.left, undo, kind, current) if item.saved.left and not force else []
    if again:
        changed = ", ".join(map(field_path, again))
        return job.ended("refused", f"hardened again since, left alone: {changed}; --force undoes it")
    rest, conflicts = rebased(undo, current)
    message = left_alone(conflicts) if conflicts else ""
    notes = (Note("", message),) if conflicts and rest.changes else ()
    job = replace(job, conflicts=tuple(conflicts), message=message, hardening=Hardening(rest, notes))
    return job if rest.changes else job.ended("refused" if conflicts else "unchanged", message)
