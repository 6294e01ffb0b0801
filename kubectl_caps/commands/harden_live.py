"""Hardening on a cluster: the plan, the question, and one rollout after the other."""

import argparse
import math
import sys
from collections.abc import Sequence
from threading import Event

from kubectl_caps.cluster.objects import Cluster
from kubectl_caps.commands import options as read
from kubectl_caps.commands.harden import print_lines
from kubectl_caps.commands.harden_object import Live
from kubectl_caps.commands.harden_plan import Planner, try_all
from kubectl_caps.commands.harden_run import Run
from kubectl_caps.commands.harden_targets import Scope, asked, find
from kubectl_caps.commands.harden_undo import check_unused, save, undo_jobs
from kubectl_caps.commands.harden_watch import Watch
from kubectl_caps.commands.live import connected
from kubectl_caps.core.hardening import Wishes
from kubectl_caps.core.outcome import Job
from kubectl_caps.errors import CapsError, InputError, UsageError
from kubectl_caps.report import hardening as report
from kubectl_caps.report import json
from kubectl_caps.report.terminal import confirm, escaped, is_interactive, say


def harden_live(options: argparse.Namespace, wishes: Wishes) -> int:
    """Plan, ask, harden (or undo), report; returns the exit status. Raises KeyboardInterrupt."""
    watch = _watch(options)
    dry_run = read.dry_run(options)
    if options.output == "patch" and dry_run == "none":
        dry_run = "client"
    check_unused(options.undo_to)
    cluster, namespace, context = connected(options)
    errors: list[CapsError] = []
    if options.undo:
        jobs, several = undo_jobs(cluster, options.undo, context, errors), False
    else:
        jobs, several = _jobs(cluster, options, namespace, context, wishes, errors)
    stop = Event()
    lives = [Live(cluster, job, watch, wishes, stop) for job in jobs if job.result == "planned"]
    if dry_run == "server" or (dry_run == "none" and not options.undo):
        try_all(lives)
    todo = [live for live in lives if live.job.result == "planned"]
    if options.output != "patch":
        _print_plan(jobs, options.output)
    for error in errors:
        say(str(error))
    interrupted = False
    if dry_run == "none":
        if todo and several and not options.yes and not _agreed(len(todo)):
            return _declined(jobs, errors, options.output)
        if options.undo_to and todo:
            save(options.undo_to, [live.job for live in todo], watch.flags)
        # What cannot be undone is no reason to leave the others as they are.
        act, keep_going = (Live.undo, True) if options.undo else (Live.harden, options.keep_going)
        interrupted = Run(todo, act, stop).run(parallel=options.max_parallel, keep_going=keep_going)
    _print_results(jobs, errors, options.output, read.SUFFIX[dry_run])
    if interrupted:
        raise KeyboardInterrupt
    return 2 if errors or any(job.is_not_done for job in jobs) else 0


def _watch(options: argparse.Namespace) -> Watch:
    if options.max_parallel < 1:
        raise UsageError("--max-parallel must be 1 or more")
    return Watch(
        wait=read.boolean(options.wait, "wait"),
        rollback=read.boolean(options.rollback, "rollback"),
        timeout=read.seconds(options.timeout, "timeout") or math.inf,
        settle=read.seconds(options.settle, "settle"),
        manager=options.field_manager,
        force=options.force,
        flags=read.connection(options),
    )


def _jobs(
    cluster: Cluster,
    options: argparse.Namespace,
    namespace: str,
    context: str,
    wishes: Wishes,
    errors: list[CapsError],
) -> tuple[list[Job], bool]:
    """The jobs, and whether they are more than one named object: then it is asked before they are done."""
    targets = asked(cluster, options)
    scope = Scope(None if options.all_namespaces else namespace, options.selector, options.force)
    planner = Planner(cluster, wishes, context, manager=options.field_manager, force=options.force)
    jobs = []
    for found in find(cluster, targets, scope, planner.owners, errors):
        try:
            jobs.append(planner.job(found))
        except InputError as error:
            errors.append(error)
    return jobs, len(jobs) > 1 or any(target.name is None for target in targets)


def _agreed(count: int) -> bool:
    if not is_interactive():
        what = "1 object" if count == 1 else f"{count} objects"
        raise UsageError(f"{what} would be changed and there is no terminal to ask on; --yes goes ahead")
    return confirm(f"Harden {'1 object' if count == 1 else f'{count} objects'}?")


def _declined(jobs: Sequence[Job], errors: Sequence[CapsError], output: str) -> int:
    """What was not agreed to is not done: no failure, but what could not have been done is one all the same."""
    status = 2 if errors or any(job.is_not_done for job in jobs) else 1
    for job in jobs:
        if job.result == "planned":
            job.result, job.message = "skipped", "declined"
    say("Nothing was changed.")
    _print_results(jobs, errors, output, "")
    return status


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
        say(*(report.result_line(job, "") for job in jobs if job.is_not_done))
    elif output == "name":
        done = ("planned", "patched", "notProven", "undone")
        print_lines(escaped(job.workload.reference) for job in jobs if job.result in done)
    else:
        print_lines(report.results(jobs, suffix))
    if not jobs and not errors:
        say("No resources found.")
