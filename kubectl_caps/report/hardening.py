"""How `harden` looks: the plan as a table, and the JSON contract's `Hardening`."""

import json as stdlib_json
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from kubectl_caps.core.diagnosis import Cause
from kubectl_caps.core.hardening import fields
from kubectl_caps.core.outcome import Job
from kubectl_caps.core.patch import ABSENT, Json, lookup
from kubectl_caps.core.pod import field_path
from kubectl_caps.errors import CapsError
from kubectl_caps.report.json import document, identity
from kubectl_caps.report.table import table
from kubectl_caps.report.terminal import escaped

_WORDS = {
    "unchanged": "unchanged",
    "planned": "patched",
    "patched": "patched",
    "notProven": "patched",
    "rolledBack": "rolled back",
    "rollbackFailed": "failed, and could not be rolled back",
    "refused": "not patched",
    "skipped": "skipped",
    "failed": "failed",
}


def plan(jobs: Sequence[Job]) -> Iterator[str]:
    """What would change, field by field, then what to know beside it."""
    rows = [
        [
            job.workload.reference,
            field.container or "<pod>",
            field_path(_short(field.path)),
            _value(field.before),
            _value(field.after),
        ]
        for job in jobs
        for field in fields(job.hardening.patch, job.obj)
    ]
    if rows:
        yield from table(["WORKLOAD", "CONTAINER", "FIELD", "OLD", "NEW"], rows)
    yield from notes(jobs)


def notes(jobs: Sequence[Job]) -> Iterator[str]:
    """What to know of each container beside the changes."""
    for job in jobs:
        for note in job.hardening.notes:
            where = f"container {note.container} " if note.container else ""
            yield escaped(f"{job.workload.reference}: {where}{note.message}")


def result_line(job: Job, suffix: str) -> str:
    """`deployment.apps/web patched (server dry run)`."""
    message = f" ({job.message})" if job.message and job.result != "patched" else ""
    return escaped(f"{job.workload.reference} {_WORDS[job.result]}{suffix}{message}")


def hardening(jobs: Sequence[Job], errors: Sequence[CapsError]) -> dict[str, Any]:
    """`kind: Hardening`."""
    summary = {"workloads": len(jobs), "unknown": len(errors), "byResult": dict(Counter(job.result for job in jobs))}
    return document("Hardening", [_item(job) for job in jobs], errors, summary)


def patches(jobs: Sequence[Job]) -> str:
    """`-o patch`: what would be sent, for `kubectl patch --type=json --patch-file`."""
    return "".join(stdlib_json.dumps(job.hardening.patch.json_patch(), indent=2) + "\n" for job in jobs)


def _item(job: Job) -> dict[str, Any]:
    uid = lookup(job.obj, ("metadata", "uid"))
    changes = [
        {
            "path": field_path(field.path),
            "container": field.container,
            **({} if field.before is ABSENT else {"before": field.before}),
            **({} if field.after is ABSENT else {"after": field.after}),
        }
        for field in fields(job.hardening.patch, job.obj)
    ]
    return {
        **identity(job.workload),
        "uid": uid if isinstance(uid, str) else None,
        "changes": changes,
        "notes": [{"container": note.container, "message": note.message} for note in job.hardening.notes],
        "patch": job.hardening.patch.json_patch(),
        "undo": job.hardening.patch.inverse().json_patch(),
        "diagnosis": [_cause(job, cause) for cause in job.causes],
        "result": job.result,
        "message": job.message,
    }


def _cause(job: Job, cause: Cause) -> dict[str, Any]:
    return {
        "container": job.container,
        "evidence": cause.evidence_text,
        "source": cause.source,
        "capabilities": list(cause.capabilities),
        "explanation": cause.explanation,
        "certainty": cause.certainty,
    }


def _short(path: tuple[str | int, ...]) -> tuple[str | int, ...]:
    """The part of a path that people need beside the container's name."""
    at = max((index for index, step in enumerate(path) if step == "securityContext"), default=0)
    return path[at:]


def _value(value: Json) -> str:
    return "<none>" if value is ABSENT else stdlib_json.dumps(value)
