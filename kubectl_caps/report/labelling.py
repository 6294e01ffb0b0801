"""How `label-ns` looks: who would be refused and why, and the JSON contract's `Labelling`."""

import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from kubectl_caps.core.labelling import SYSTEM_NAMESPACES, VERBS, Judged, Labelling
from kubectl_caps.core.mending import mending
from kubectl_caps.core.pod import Path, field_path
from kubectl_caps.core.podsecurity.labels import looser, resolve
from kubectl_caps.core.podsecurity.standard import plural
from kubectl_caps.core.workloads import reference
from kubectl_caps.errors import CapsError
from kubectl_caps.report.json import document, identity, violation
from kubectl_caps.report.table import table as lines
from kubectl_caps.report.terminal import escaped


def verdict(item: Labelling, program: str) -> Iterator[str]:
    """Everything that the labels would refuse, object by object, with what would mend it; then the labels."""
    if item.judged:
        refused = f"{item.mode}={item.policy} would {VERBS[item.mode]} {_plural(len(item.judged), 'workload')}"
        running = f", {_plural(pods, 'running pod')}" if (pods := _pods(item)) else ""
        yield escaped(f"namespace/{item.namespace}: {refused}{running}")
    for judged in item.judged:
        yield from _judged(judged, item.namespace, program)
    for kind, texts in (("not judged", item.not_judged), ("note", item.notes)):
        for text in texts:
            yield escaped(f"namespace/{item.namespace}: {kind}: {text}")
    for key in item.after | item.before:
        old, new = item.before.get(key), item.after.get(key)
        if old != new:
            yield escaped(f"namespace/{item.namespace}: {key}: {old or '<none>'} -> {new or '<none>'}")


def plan(item: Labelling, program: str) -> Iterator[str]:
    """The way to the judged policy in order: warn and audit now, mend the workloads, then enforce."""
    level, name, held = str(item.policy), item.namespace, resolve(item.before)
    if not any(key.endswith("-version") for key in item.before):
        level = level.removesuffix(":latest")  # no label pins another version
    system = " --force" if name in SYSTEM_NAMESPACES else ""
    yield escaped(f"# {name}: 1. see what {level} would refuse, and refuse nothing")
    modes = [mode for mode in ("warn", "audit") if looser(item.policy, held.of(mode))]
    if modes:
        flags = " ".join(f"--{mode} {level}" for mode in modes)
        force = " --force" if any(looser(held.of(mode), item.policy) for mode in modes) else system
        yield escaped(f"{program} label-ns {name} {flags} --overwrite{force}")
    yield escaped(f"# {name}: 2. mend what it would refuse: {_plural(len(item.judged), 'workload')}")
    yield from _mend(item, program)
    for text in item.not_judged:
        yield escaped(f"# not judged: {text}")
    yield escaped(f"# {name}: 3. enforce")
    force = system or (" --force" if looser(held.enforce, item.policy) else "")
    yield escaped(f"{program} label-ns {name} --enforce {level} --overwrite{force}")


def _mend(item: Labelling, program: str) -> Iterator[str]:
    for judged in item.judged:
        flags, remain = mending(judged)
        if flags is not None:
            yield escaped(_command(judged, item.namespace, program, flags))
        if flags is None or remain:
            yield escaped(f"# {judged.workload.reference}: {_by_hand(judged)}: {', '.join(remain)}")


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


def result_line(item: Labelling, suffix: str) -> str:
    """`namespace/shop labeled (server dry run)`, or unlabeled where labels were only taken away."""
    verb = "unlabeled" if item.after.items() < item.before.items() else "labeled"
    done = {"planned": f"{verb}{suffix}", "labeled": verb, "unknown": f"may have been {verb}"}
    words = done.get(item.result, "not labeled")
    message = f": {item.message}" if item.message else ""
    return escaped(f"namespace/{item.namespace} {words}{message}")


def labelling(items: Sequence[Labelling], errors: Sequence[CapsError]) -> dict[str, Any]:
    """`kind: Labelling`. What could not be judged counts once for each namespace that it may be in."""
    unjudged = [text for item in items for text in item.not_judged]
    summary = {
        "namespaces": len(items),
        "unknown": sum(error.words not in unjudged for error in errors) + len(unjudged),
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
    if flags is None:
        yield escaped(f"    to mend: {_by_hand(judged)}")
    else:
        part = f" in part (not {', '.join(remain)})" if remain else ""
        yield escaped(f"    to mend{part}: {_command(judged, namespace, program, flags)}")


def _by_hand(judged: Judged) -> str:
    """What to do where `harden` can do nothing."""
    owner = judged.workload.metadata.controller
    name = reference(owner.api_version, owner.kind, owner.name) if owner else ""
    if judged.workload.is_pod:
        return f"delete it, {name} makes another" if owner else "by hand: a pod cannot be changed in place"
    return f"by hand, in its controller {name}" if owner else "by hand"


def _prefix(judged: Judged) -> Path:
    return () if judged.created else judged.workload.path


def _command(judged: Judged, namespace: str, program: str, flags: Sequence[str]) -> str:
    """The `harden` that mends it where it was found: in its file, or in the cluster."""
    file = judged.workload.source.get("file")
    if file is not None:
        return " ".join([program, "harden", "-f", shlex.quote(file), *flags])
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
    return f"{count} {plural(noun, count)}"
