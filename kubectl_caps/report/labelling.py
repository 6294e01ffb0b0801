"""How `label-ns` looks: who would be refused and why, and the JSON contract's `Labelling`."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from kubectl_caps.core.labelling import Judged, Labelling, mending
from kubectl_caps.core.pod import field_path
from kubectl_caps.errors import CapsError
from kubectl_caps.report.json import document, identity, violation
from kubectl_caps.report.terminal import escaped

_VERB = {"enforce": "refuse", "warn": "warn of", "audit": "record"}


def verdict(item: Labelling, program: str) -> Iterator[str]:
    """Everything that the labels would refuse, object by object, with what would mend it; then the labels."""
    count = len(item.judged)
    what = f"{item.mode}={item.policy} would {_VERB[item.mode]}"
    if count:
        pods = sum(len(judged.pods) for judged in item.judged)
        yield escaped(
            f"namespace/{item.namespace}: {what} {_plural(count, 'workload')}, {_plural(pods, 'running pod')}"
        )
    for judged in item.judged:
        yield from _judged(judged, item.namespace, program)
    for text in item.not_judged:
        yield escaped(f"namespace/{item.namespace}: not judged: {text}")
    for key in item.after | item.before:
        old, new = item.before.get(key), item.after.get(key)
        if old != new:
            yield escaped(f"namespace/{item.namespace}: {key}: {old or '<none>'} -> {new or '<none>'}")


def result_line(item: Labelling, suffix: str) -> str:
    """`namespace/shop labeled (server dry run)`."""
    words = {"planned": "labeled", "labeled": "labeled"}.get(item.result, "not labeled")
    message = f": {item.message}" if item.message else ""
    return escaped(f"namespace/{item.namespace} {words}{suffix if words == 'labeled' else ''}{message}")


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
    yield escaped(f"  {judged.workload.reference}{running}")
    for item in judged.violations:
        yield escaped(f"    {item.check}: {item.detail or item.reason}")
        for path in item.fields:
            yield escaped(f"      {field_path((*judged.workload.path, *path))}")
    flags, remain = mending(judged)
    if flags is not None:
        target = judged.workload.reference
        words = " ".join([program, "harden", target, "-n", namespace, *flags])
        yield escaped(f"    to mend{' in part' if remain else ''}: {words}")


def _item(item: Labelling) -> dict[str, Any]:
    return {
        "namespace": item.namespace,
        "mode": item.mode,
        "policy": str(item.policy),
        "before": item.before,
        "after": item.after,
        "violations": [
            {**identity(judged.workload), "pods": list(judged.pods), **violation(found, judged.workload.path)}
            for judged in item.judged
            for found in judged.violations
        ],
        "notJudged": list(item.not_judged),
        "result": item.result,
        "message": item.message,
    }


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
