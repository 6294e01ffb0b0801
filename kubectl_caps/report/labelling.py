"""How `label-ns` looks: who would be refused and why, and the JSON contract's `Labelling`."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from kubectl_caps.core.labelling import Judged, Labelling, mending
from kubectl_caps.core.pod import Path, field_path
from kubectl_caps.core.podsecurity.policy import NEWEST_MINOR, is_clamped
from kubectl_caps.errors import CapsError
from kubectl_caps.report.json import document, identity, violation
from kubectl_caps.report.table import table as lines
from kubectl_caps.report.terminal import escaped

_VERB = {"enforce": "refuse", "warn": "warn of", "audit": "record"}


def verdict(item: Labelling, program: str) -> Iterator[str]:
    """Everything that the labels would refuse, object by object, with what would mend it; then the labels."""
    count = len(item.judged)
    if count:
        pods = _plural(_pods(item), "running pod")
        refused = f"{item.mode}={item.policy} would {_VERB[item.mode]} {_plural(count, 'workload')}, {pods}"
        yield escaped(f"namespace/{item.namespace}: {refused}")
    for judged in item.judged:
        yield from _judged(judged, item.namespace, program)
    for kind, texts in (("not judged", item.not_judged), ("note", (*item.notes, *_clamped(item)))):
        for text in texts:
            yield escaped(f"namespace/{item.namespace}: {kind}: {text}")
    for key in item.after | item.before:
        old, new = item.before.get(key), item.after.get(key)
        if old != new:
            yield escaped(f"namespace/{item.namespace}: {key}: {old or '<none>'} -> {new or '<none>'}")


def plan(item: Labelling, program: str) -> Iterator[str]:
    """The way to the judged policy in order: warn and audit now, mend the workloads, then enforce."""
    level, name = str(item.policy).removesuffix(":latest"), item.namespace
    yield escaped(f"# {name}: 1. see what {level} would refuse, and refuse nothing")
    yield escaped(f"{program} label-ns {name} --warn {level} --audit {level} --overwrite")
    yield escaped(f"# {name}: 2. mend what it would refuse: {_plural(len(item.judged), 'workload')}")
    for judged in item.judged:
        flags, remain = mending(judged)
        if flags is not None:
            yield escaped(_command(judged, name, program, flags))
        if flags is None or remain:
            checks = ", ".join(remain or [violation.check for violation in judged.violations])
            yield escaped(f"# {judged.workload.reference}: by hand: {checks}")
    for text in item.not_judged:
        yield escaped(f"# not judged: {text}")
    yield escaped(f"# {name}: 3. enforce")
    yield escaped(f"{program} label-ns {name} --enforce {level} --overwrite")


def table(items: Sequence[Labelling]) -> Iterator[str]:
    """One row a namespace: what became of it, and how much the labels would refuse."""
    headers = ["NAMESPACE", "RESULT", "POLICY", "WORKLOADS", "PODS", "NOT-JUDGED"]
    rows = [
        [
            item.namespace,
            item.result,
            f"{item.mode}={item.policy}",
            str(len(item.judged)),
            str(_pods(item)),
            str(len(item.not_judged)),
        ]
        for item in items
    ]
    yield from lines(headers, rows)


def _pods(item: Labelling) -> int:
    return sum(len(judged.pods) for judged in item.judged)


def _clamped(item: Labelling) -> Iterator[str]:
    if is_clamped(item.policy.version, None):
        yield f"{item.policy.version} is newer than the rules known here: judged by those of v1.{NEWEST_MINOR}"


def result_line(item: Labelling, suffix: str) -> str:
    """`namespace/shop labeled (server dry run)`."""
    words = {"planned": f"labeled{suffix}", "labeled": "labeled"}.get(item.result, "not labeled")
    message = f": {item.message}" if item.message else ""
    return escaped(f"namespace/{item.namespace} {words}{message}")


def labelling(items: Sequence[Labelling], errors: Sequence[CapsError]) -> dict[str, Any]:
    """`kind: Labelling`."""
    summary = {
        "namespaces": len(items),
        "unknown": len(errors) + sum(len(item.not_judged) for item in items),
        "byResult": dict(Counter(item.result for item in items)),
    }
    return document("Labelling", [_item(item) for item in items], errors, summary)


def _judged(judged: Judged, namespace: str, program: str) -> Iterator[str]:
    pods = [name for name in judged.pods if name != judged.workload.name]
    running = f" (running in {_plural(len(pods), 'pod')})" if pods else ""
    created = " (its pods as the server would create them, with what webhooks put in)" if judged.created else ""
    yield escaped(f"  {judged.workload.reference}{running}{created}")
    for item in judged.violations:
        yield escaped(f"    {item.check}: {item.detail or item.reason}")
        for path in item.fields:
            yield escaped(f"      {field_path((*_prefix(judged), *path))}")
    flags, remain = mending(judged)
    if flags is not None:
        part = f" in part (not {', '.join(remain)})" if remain else ""
        yield escaped(f"    to mend{part}: {_command(judged, namespace, program, flags)}")


def _prefix(judged: Judged) -> Path:
    return () if judged.created else judged.workload.path


def _command(judged: Judged, namespace: str, program: str, flags: Sequence[str]) -> str:
    return " ".join([program, "harden", judged.workload.reference, "-n", namespace, *flags])


def _item(item: Labelling) -> dict[str, Any]:
    return {
        "namespace": item.namespace,
        "mode": item.mode,
        "policy": str(item.policy),
        "before": item.before,
        "after": item.after,
        "violations": [
            {
                **identity(judged.workload),
                "pods": list(judged.pods),
                "asCreated": judged.created,
                **violation(found, _prefix(judged)),
            }
            for judged in item.judged
            for found in judged.violations
        ],
        "notJudged": list(item.not_judged),
        "notes": list(item.notes),
        "result": item.result,
        "message": item.message,
    }


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
