"""How `harden` looks: the plan as a table, and the JSON contract's `Hardening`."""

import json as stdlib_json
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from kubectl_caps.core.hardening import fields
from kubectl_caps.core.outcome import Blame, Job
from kubectl_caps.core.patch import ABSENT, Json, lookup
from kubectl_caps.core.pod import field_path
from kubectl_caps.core.writers import Forecast, for_source, undone
from kubectl_caps.errors import CapsError
from kubectl_caps.report.json import document, identity, text
from kubectl_caps.report.table import table
from kubectl_caps.report.terminal import escaped

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
_UNDO_WORDS = {**_WORDS, "planned": "undone", "refused": "not undone"}

_EFFECTS = {
    "reverts": "sets back {fields} {when}",
    "conflicts": "contests {fields} {when}",
    "removes": "removes {fields} {when}",
    "unknown": "may set {fields} {when}",
    "leaves": "leaves {fields}",
}


def plan(jobs: Sequence[Job]) -> Iterator[str]:
    """What would change, field by field, then what to know beside it, and what will stay as it is."""
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
    head = ["NAMESPACE", "WORKLOAD", "CONTAINER", "FIELD", "OLD", "NEW"]
    first = 0 if _is_spread(jobs) else 1
    if rows:
        yield from table(head[first:], [row[first:] for row in rows])
    yield from notes(jobs)
    if any(job.result == "planned" for job in jobs):  # else the results say it at once
        for job in jobs:
            if job.result == "refused":
                yield escaped(f"{job.workload.reference} will not be {_words(job)['planned']}: {job.message}")


def notes(jobs: Sequence[Job]) -> Iterator[str]:
    """What to know of each container beside the changes."""
    for job in jobs:
        for note in job.hardening.notes:
            where = f"container {note.container} " if note.container else ""
            yield escaped(f"{job.workload.reference}: {where}{note.message}")
        for remark in job.remarks:
            yield escaped(f"{job.workload.reference}: {remark}")
        yield from _forecasts(job)


def _forecasts(job: Job) -> Iterator[str]:
    """What other writers will do to the change, and the change for their source where they undo it."""
    for forecast in job.forecasts:
        if forecast.effect == "leaves" and forecast.writer.startswith("kubectl"):
            continue  # a person's command that changes nothing of it
        changed = ", ".join(field_path(_short(path)) for path in forecast.paths)
        said = f"{forecast.writer} {_EFFECTS[forecast.effect].format(fields=changed, when=forecast.when)}"
        yield escaped(f"{job.workload.reference}: {said}: {forecast.why}")
    if undone(job.forecasts):
        yield escaped(f"{job.workload.reference}: to make it last, change its source:")
        yield from (f"  {line}" for line in text(for_source(job.obj, job.hardening.patch), "yaml").splitlines())


def results(jobs: Sequence[Job], suffix: str) -> Iterator[str]:
    """How each object ended; at the end, manifests for what cannot be changed in place."""
    spread = _is_spread(jobs)
    for job in jobs:
        where = f" -n {escaped(job.workload.namespace)}" if spread else ""
        yield result_line(job, suffix if job.result == "planned" else "", where)
    for job in jobs:
        if job.replacement:
            yield from ("---", text(job.replacement, "yaml").rstrip("\n"))


def result_line(job: Job, suffix: str, where: str = "") -> str:
    """`deployment.apps/web patched (server dry run)`."""
    message = f" ({job.message})" if job.message else ""
    return escaped(f"{job.workload.reference}{where} {_words(job)[job.result]}{suffix}{message}")


def _words(job: Job) -> dict[str, str]:
    return _UNDO_WORDS if job.undo else _WORDS


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
        "notes": [
            *({"container": note.container, "message": note.message} for note in job.hardening.notes),
            *({"container": "", "message": remark} for remark in job.remarks),
        ],
        "patch": job.hardening.patch.json_patch(),
        "undo": job.hardening.patch.inverse().json_patch(),
        "writers": [_writer(forecast) for forecast in job.forecasts],
        **({"sourcePatch": for_source(job.obj, job.hardening.patch)} if undone(job.forecasts) else {}),
        "diagnosis": [_cause(blame) for blame in job.blames],
        "result": job.result,
        "message": job.message,
        **({"replacement": job.replacement} if job.replacement else {}),
    }


def _writer(forecast: Forecast) -> dict[str, Any]:
    return {
        "writer": forecast.writer,
        "effect": forecast.effect,
        "when": forecast.when,
        "fields": [field_path(path) for path in forecast.paths],
        "why": forecast.why,
    }


def _cause(blame: Blame) -> dict[str, Any]:
    cause = blame.cause
    return {
        "container": blame.container,
        "evidence": cause.evidence_text,
        "source": cause.source,
        "kind": cause.kind,
        "capabilities": list(cause.capabilities),
        "explanation": cause.explanation,
        "certainty": cause.certainty,
        "next": blame.then,
    }


def _is_spread(jobs: Sequence[Job]) -> bool:
    """Whether the objects are in several namespaces."""
    return len({job.workload.namespace for job in jobs}) > 1


def _short(path: tuple[str | int, ...]) -> tuple[str | int, ...]:
    """The part of a path that people need beside the container's name."""
    at = max((index for index, step in enumerate(path) if step == "securityContext"), default=0)
    return path[at:]


def _value(value: Json) -> str:
    return "<none>" if value is ABSENT else stdlib_json.dumps(value)
