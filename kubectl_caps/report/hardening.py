"""The text output of `harden`: the plan as a table, and the result of each object."""

import json as stdlib_json
from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from kubectl_caps.core.harden.result import HardenResult, Suggestion
from kubectl_caps.core.kubernetes.changed_fields import fields, for_source
from kubectl_caps.core.kubernetes.field_managers import undone
from kubectl_caps.core.kubernetes.field_path import field_path
from kubectl_caps.core.kubernetes.patch import ABSENT, Json
from kubectl_caps.core.text import plural
from kubectl_caps.report.json import text
from kubectl_caps.report.table import Column, table
from kubectl_caps.report.terminal import escaped, screen

_WORDS = {
    "unchanged": "unchanged",
    "planned": "patched",
    "patched": "patched",
    "notProven": "patched",
    "undone": "undone",
    "rolledBack": "rolled back",
    "rollbackFailed": "failed, and could not be rolled back",
    "refused": "not patched",
    "skipped": "skipped",
    "failed": "failed",
}
_UNDO_WORDS = {**_WORDS, "planned": "undone", "patched": "undone", "refused": "not undone"}
_FILE_WORDS = {**_WORDS, "planned": "would be hardened", "patched": "hardened", "refused": "not hardened"}

_EFFECTS = {
    "reverts": "sets back {fields} {when}",
    "conflicts": "contests {fields} {when}",
    "removes": "removes {fields} {when}",
    "unknown": "may set {fields} {when}",
    "leaves": "leaves {fields}",
}


def hardening_plan(jobs: Sequence[HardenResult]) -> Iterator[str]:
    """The changes field by field, then the notes, and the adds that stay."""
    rows = [
        [
            job.workload.namespace,
            job.workload.reference,
            field.container or "<pod>",
            field_path(_short(field.path)),
            _value(field.before),
            _value(field.after),
        ]
        for job in jobs
        if job.result != "refused"
        for field in fields(job.hardening.patch, job.obj)
    ]
    head: list[str | Column] = ["NAMESPACE", "WORKLOAD", "CONTAINER", "FIELD", Column("OLD", leaves=1), "NEW"]
    first = 0 if _is_spread(jobs) else 1
    if rows:
        yield from table(head[first:], [row[first:] for row in rows])
        if screen().columns:
            count = len({(row[0], row[1]) for row in rows})
            yield f"{count} {plural('workload', count)} to change, {len(rows)} {plural('field', len(rows))}"
    yield from notes(jobs)
    for job in refused_in_plan(jobs):
        yield escaped(f"{job.workload.reference} will not be {_words(job)['patched']}: {job.message}")


def refused_in_plan(jobs: Sequence[HardenResult]) -> list[HardenResult]:
    """The refused objects that the plan lists. If no object is planned, only the results list them."""
    return [job for job in jobs if job.result == "refused"] if any(job.result == "planned" for job in jobs) else []


def notes(jobs: Sequence[HardenResult]) -> Iterator[str]:
    """The notes on each container; for a refused object only the notes on the refusal."""
    for job in jobs:
        if job.result == "refused" and not _is_printed(job):
            yield from _manager_effects(job)
            continue
        for note in job.hardening.notes:
            where = f"container {note.container} " if note.container else ""
            yield escaped(f"{job.workload.reference}: {where}{note.message}")
        for remark in job.remarks:
            yield escaped(f"{job.workload.reference}: {remark}")
        yield from _manager_effects(job)


def _is_printed(job: HardenResult) -> bool:
    """Whether the change of a refused object is printed, so that a person can make it."""
    return bool(job.replacement) or ("file" in job.workload.source and not job.hardening.refusals)


def _manager_effects(job: HardenResult) -> Iterator[str]:
    """The effects of other writers on the change, and a patch for their source if they undo the change."""
    for one in job.effects:
        if one.effect == "leaves" and one.writer.startswith("kubectl"):
            continue  # a person runs this command, and the command does not touch the change
        changed = ", ".join(field_path(_short(path)) for path in one.paths)
        said = f"{one.writer} {_EFFECTS[one.effect].format(fields=changed, when=one.when)}"
        yield escaped(f"{job.workload.reference}: {said}: {one.why}")
    if undone(job.effects):
        yield escaped(f"{job.workload.reference}: to make it last, change its source:")
        yield from (f"  {line}" for line in text(for_source(job.obj, job.hardening.patch), "yaml").splitlines())


def results(jobs: Sequence[HardenResult], suffix: str, told: Sequence[HardenResult] = ()) -> Iterator[str]:
    """The result of each object, then the manifests of objects that cannot be changed in place.

    `told` are the objects whose message the plan has printed.
    """
    spread = _is_spread(jobs)
    for job in jobs:
        where = f" -n {escaped(job.workload.namespace)}" if spread else ""
        known = any(job is one for one in told)
        yield hardening_line(
            replace(job, message="") if known else job, suffix if job.result == "planned" else "", where
        )
    for job in jobs:
        if job.replacement:
            yield from ("---", text(job.replacement, "yaml").rstrip("\n"))


def hardening_line(job: HardenResult, suffix: str, where: str = "") -> str:
    """`deployment.apps/web patched (server dry run)`; for a file, `deployment.apps/web would be hardened (check)`."""
    message = f" ({job.message})" if job.message else ""
    return escaped(f"{job.workload.reference}{where} {_words(job)[job.result]}{suffix}{message}")


def _words(job: HardenResult) -> dict[str, str]:
    """The words for each result. An object of a cluster is patched, and an object of a file is hardened."""
    if job.undo:
        return _UNDO_WORDS
    return _FILE_WORDS if "file" in job.workload.source else _WORDS


def suggestion(found: Suggestion) -> Iterator[str]:
    """The missing capabilities of each container, and the Pod Security level that results from adding them."""
    containers = (f"container {name} misses {', '.join(names)}" for name, names in found.add.items())
    yield escaped("; ".join(containers))
    without = "" if found.level == found.level_without else f", {found.level_without} without"
    yield f"Pod Security level with {', '.join(found.capabilities)}: {found.level}{without}"


def patches(jobs: Sequence[HardenResult]) -> str:
    """`-o patch`: the JSON Patches, for `kubectl patch --type=json --patch-file`."""
    return "".join(stdlib_json.dumps(job.hardening.patch.json_patch(), indent=2) + "\n" for job in jobs)


def _is_spread(jobs: Sequence[HardenResult]) -> bool:
    """Whether the objects are in several namespaces."""
    return len({job.workload.namespace for job in jobs}) > 1


def _short(path: tuple[str | int, ...]) -> tuple[str | int, ...]:
    """The part of a path from the securityContext on, which stands beside the container's name."""
    at = max((index for index, step in enumerate(path) if step == "securityContext"), default=0)
    return path[at:]


def _value(value: Json) -> str:
    return "<none>" if value is ABSENT else stdlib_json.dumps(value)
