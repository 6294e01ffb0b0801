"""Hardening on a cluster: the plan, the question, and one rollout after the other."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from kubectl_caps.cluster.objects import Cluster
from kubectl_caps.cluster.resources import resource_of
from kubectl_caps.commands import options as read
from kubectl_caps.commands.harden import planned, print_lines
from kubectl_caps.commands.harden_live import Live, Watch
from kubectl_caps.commands.live import Target, connected, targets
from kubectl_caps.core.hardening import Hardening, Wishes
from kubectl_caps.core.outcome import NOT_DONE, Job
from kubectl_caps.core.patch import Patch
from kubectl_caps.core.pod import Metadata
from kubectl_caps.core.workloads import kind_of, reference
from kubectl_caps.core.workloads import read as read_workloads
from kubectl_caps.errors import ApiError, CapsError, UsageError
from kubectl_caps.report import hardening as report
from kubectl_caps.report import json
from kubectl_caps.report.terminal import confirm, escaped, is_interactive, say

_SUFFIX = {"none": "", "client": " (dry run)", "server": " (server dry run)"}


def harden_live(options: argparse.Namespace, wishes: Wishes) -> int:
    """Plan, ask, harden, report; returns the exit status."""
    dry_run = "client" if options.output == "patch" else read.dry_run(options)
    watch = Watch(
        wait=read.boolean(options.wait, "wait"),
        rollback=read.boolean(options.rollback, "rollback"),
        timeout=read.seconds(options.timeout, "timeout"),
        settle=read.seconds(options.settle, "settle"),
        manager=options.field_manager,
    )
    cluster, namespace, context = connected(options)
    asked = targets(cluster, options.resources)
    errors: list[CapsError] = []
    jobs = list(_jobs(cluster, asked, namespace, options.selector, {"context": context}, wishes, errors))
    todo = [job for job in jobs if job.result == "planned"]
    if options.output != "patch":
        _print_plan(jobs, options.output)
    several = len(todo) > 1 or any(target.name is None for target in asked)
    if todo and several and dry_run == "none" and not options.yes and not _agreed(len(todo)):
        say("Nothing was changed.")
        return 1
    if dry_run != "client":
        _harden_all(cluster, todo, watch, wishes, dry_run)
    for error in errors:
        say(str(error))
    _print_results(jobs, errors, options.output, _SUFFIX[dry_run])
    return 2 if errors or any(job.result in NOT_DONE for job in jobs) else 0


def _jobs(
    cluster: Cluster,
    asked: Sequence[Target],
    namespace: str,
    selector: str | None,
    source: dict[str, str],
    wishes: Wishes,
    errors: list[CapsError],
) -> Iterator[Job]:
    for target in asked:
        try:
            for obj in _objects(cluster, target, namespace, selector):
                job = _job(cluster, target, obj, source, wishes)
                if job:
                    yield job
        except ApiError as error:
            errors.append(error)


def _objects(cluster: Cluster, target: Target, namespace: str, selector: str | None) -> Iterator[dict[str, Any]]:
    resource = resource_of(target.kind)
    if target.name is not None:
        if selector:
            raise UsageError("name cannot be provided when a selector is specified")
        yield cluster.get(resource, namespace, target.name)
        return
    for page in cluster.pages(resource, namespace, label_selector=selector):
        for raw in page:
            # Items of a list carry neither apiVersion nor kind.
            yield {"apiVersion": target.kind.api_version, "kind": target.kind.kind, **msgspec.json.decode(raw)}


def _job(cluster: Cluster, target: Target, obj: dict[str, Any], source: dict[str, str], wishes: Wishes) -> Job | None:
    """The job for one object; None for one of a whole TYPE that another object controls."""
    kind = target.kind
    workload = next(read_workloads(kind, obj, source))
    owner = _top_owner(cluster, workload.metadata, workload.namespace)
    if owner and target.name is None:
        say(f"{workload.reference} is controlled by {owner}, left alone")
        return None
    job = Job(kind, obj, workload, Hardening(Patch(())))
    if owner:
        job.result, job.message = "refused", f"it is controlled by {owner}, which would undo it; harden that"
    elif kind.effect == "never":
        job.result, job.message = "refused", _CANNOT[kind.kind]
    else:
        job.hardening = planned(kind, obj, source, wishes)
        if job.hardening.refusals:
            job.result = "refused"
            job.message = "; ".join(f"container {note.container}: {note.message}" for note in job.hardening.refusals)
        elif not job.hardening.patch.changes:
            job.result = "unchanged"
    return job


_CANNOT = {
    "Pod": "a pod cannot be changed in place; harden its manifest with -f, delete the pod and create it again",
    "Job": "a job's pod template cannot be changed; harden its manifest with -f, delete the job and create it again",
    "JobSet": "a jobset's pod templates cannot be changed; harden its manifest with -f and create it again",
}


def _top_owner(cluster: Cluster, metadata: Metadata, namespace: str) -> str | None:
    """The topmost controller as kubectl prints it, as far up as it can be read."""
    top, owner = None, metadata.controller
    while owner:
        top = reference(owner.api_version, owner.kind, owner.name)
        kind = kind_of(owner.api_version, owner.kind)
        if kind is None:
            return top
        try:
            obj = cluster.get(resource_of(kind), namespace, owner.name)
        except ApiError:
            return top
        owner = msgspec.convert(obj.get("metadata", {}), Metadata).controller
    return top


def _agreed(count: int) -> bool:
    if not is_interactive():
        raise UsageError(f"{count} objects would be changed and there is no terminal to ask on; --yes goes ahead")
    return confirm(f"Harden {count} object{'' if count == 1 else 's'}?")


def _harden_all(cluster: Cluster, todo: Sequence[Job], watch: Watch, wishes: Wishes, dry_run: str) -> None:
    """One after the other; the first one that fails stops the rest."""
    stopped = ""
    for job in todo:
        if stopped:
            job.result, job.message = "skipped", f"{stopped} failed"
            continue
        live = Live(cluster, job, watch, wishes)
        try:
            live.try_on_server()
            if dry_run == "none":
                job.result = live.harden()
        except CapsError as error:
            job.result, job.message = "failed", str(error).removeprefix("error: ")
        if job.result in NOT_DONE:
            stopped = job.workload.reference


def _print_plan(jobs: Sequence[Job], output: str) -> None:
    lines = report.plan(jobs)
    if output == "table":
        print_lines(lines)
        sys.stdout.flush()
    else:
        for line in lines:
            say(line)


def _print_results(jobs: Sequence[Job], errors: Sequence[CapsError], output: str, suffix: str) -> None:
    if output in ("json", "yaml"):
        sys.stdout.write(json.text(report.hardening(jobs, errors), output))
    elif output == "patch":
        sys.stdout.write(report.patches([job for job in jobs if job.hardening.patch.changes]))
    elif output == "name":
        print_lines(
            escaped(job.workload.reference) for job in jobs if job.result in ("planned", "patched", "notProven")
        )
    else:
        print_lines(report.result_line(job, suffix if job.result == "planned" else "") for job in jobs)
    if not jobs and not errors:
        say("No resources found.")
