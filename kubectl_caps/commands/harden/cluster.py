"""Runs `harden` on a cluster: makes the plan, asks the user, and hardens one object after the other."""

from collections.abc import Iterable, Sequence
from threading import Event

from msgspec import Struct
from msgspec.structs import replace

from kubectl_caps.cli.arguments import connection_flags
from kubectl_caps.cli.harden import HardenArguments
from kubectl_caps.cli.values import SUFFIX
from kubectl_caps.cluster.api.client import Cluster
from kubectl_caps.commands.harden.outputs import print_plan, print_results
from kubectl_caps.commands.harden.plan import Planner, try_on_server
from kubectl_caps.commands.harden.run import HardenRun, RunResult
from kubectl_caps.commands.harden.runtimes import runtimes
from kubectl_caps.commands.harden.targets import TargetScope, find_targets, requested_targets
from kubectl_caps.commands.harden.undo import read_undo, undo_jobs
from kubectl_caps.commands.harden.undo_file import UndoFile, check_unused
from kubectl_caps.commands.harden.watch import RolloutOptions
from kubectl_caps.commands.harden.workload import WorkloadHardening
from kubectl_caps.commands.shared.connect import connected
from kubectl_caps.core.harden.result import HardenResult
from kubectl_caps.core.kubernetes.job_run import is_cron_job
from kubectl_caps.errors import CapsError, InputError, UsageError
from kubectl_caps.report import hardening as report
from kubectl_caps.report.terminal import confirm, is_interactive, say


class Planned(Struct, frozen=True):
    """The planned objects and the errors. `several` says that the plan is for more than one named object."""

    jobs: tuple[HardenResult, ...]
    errors: tuple[CapsError, ...]
    several: bool


def harden_live(arguments: HardenArguments) -> int:
    """Make the plan, ask the user, harden or undo, print the results, and return the exit status.

    Raises UsageError, ConfigError, InputError, ApiError, Unreachable; KeyboardInterrupt after an interrupted run.
    """
    watch, options, dry_run = _watch(arguments), arguments.wanted, arguments.dry_run
    check_unused(arguments.undo_to)
    to_undo = read_undo(arguments.undo) if arguments.undo else []
    cluster, namespace, context = connected(arguments)
    if options.add or options.add_in:
        options = replace(options, runtimes=runtimes(cluster, None if arguments.all_namespaces else namespace))
    if arguments.undo:
        plan = Planned(*undo_jobs(cluster, to_undo, context, force=arguments.force), several=True)
    else:
        plan = _planned(cluster, arguments, namespace, Planner(cluster, options, context, watch))
    stop = Event()
    works = {at: WorkloadHardening(cluster, job, watch, options, stop) for at, job in _todo(plan.jobs)}
    if dry_run == "server" or (dry_run == "none" and not arguments.undo):
        tried = try_on_server(list(works.values()), [plan.jobs[at] for at in works])
        plan = replace(plan, jobs=_updated(plan.jobs, works, tried))
    told = report.refused_in_plan(plan.jobs) if arguments.output == "table" else []
    if arguments.output != "patch":
        print_plan(plan.jobs, arguments.output)
    say(*(str(error) for error in plan.errors))
    if dry_run != "none":
        print_results(plan.jobs, plan.errors, arguments.output, SUFFIX[dry_run], told)
        return _status(plan, 0)
    todo = [at for at, _ in _todo(plan.jobs)]
    if todo and plan.several and not _agreed(arguments, len(todo)):
        return _declined(plan, arguments.output, told)
    done, error = _run(arguments, [works[at] for at in todo], [plan.jobs[at] for at in todo], stop)
    plan = replace(plan, jobs=_updated(plan.jobs, todo, done.jobs), errors=(*plan.errors, *([error] if error else ())))
    print_results(plan.jobs, plan.errors, arguments.output, "", told)
    if done.is_interrupted:
        raise KeyboardInterrupt
    return _status(plan, 0)


def _todo(jobs: Sequence[HardenResult]) -> list[tuple[int, HardenResult]]:
    """The planned jobs, with their indexes."""
    return [(at, job) for at, job in enumerate(jobs) if job.result == "planned"]


def _updated(
    jobs: Sequence[HardenResult], places: Iterable[int], results: Iterable[HardenResult]
) -> tuple[HardenResult, ...]:
    """The jobs, with new results at these indexes."""
    found = dict(zip(places, results, strict=True))
    return tuple(found.get(at, job) for at, job in enumerate(jobs))


def _status(plan: Planned, status: int) -> int:
    return 2 if plan.errors or any(job.is_not_done for job in plan.jobs) else status


def _run(
    arguments: HardenArguments, works: Sequence[WorkloadHardening], jobs: Sequence[HardenResult], stop: Event
) -> tuple[RunResult, InputError | None]:
    """Harden or undo the objects, and keep the file of --undo-to up to date. Also returns the error of that file."""
    file = None
    if arguments.undo_to and any(job.patch.changes for job in jobs):
        file = UndoFile(arguments.undo_to, jobs, watches=arguments.wait)
        file.begin(connection_flags(arguments))
    act = WorkloadHardening.undo if arguments.undo else WorkloadHardening.harden
    run = HardenRun(works, jobs, act, stop, file.update if file else lambda at, progress: None)
    # An undo goes on after a failure, so that as many objects as possible are undone.
    try:
        done = run.run(parallel=arguments.max_parallel, keep_going=bool(arguments.undo) or arguments.keep_going)
    finally:
        if file:
            file.close()
    error = file.error if file else None
    say(*([str(error)] if error else ()))
    return done, error


def _watch(arguments: HardenArguments) -> RolloutOptions:
    return RolloutOptions(
        wait=arguments.wait,
        rollback=arguments.rollback,
        timeout=arguments.timeout,
        settle=arguments.settle,
        manager=arguments.field_manager,
        force=arguments.force,
        accept_complaints=arguments.accept_complaints,
        flags=connection_flags(arguments),
        # The default is to wait for a rollout, but not for the next run of a CronJob, which may be a day away.
        run="now" if arguments.trigger else "next" if arguments.wait and "wait" in arguments.given else "",
        is_dry_run=arguments.dry_run != "none",
        canary=arguments.canary,
    )


def _planned(cluster: Cluster, arguments: HardenArguments, namespace: str, planner: Planner) -> Planned:
    """A job for each requested object, and the errors of objects that cannot be read. Raises UsageError."""
    targets = requested_targets(cluster, arguments)
    others = sorted({target.kind.plural for target in targets if not is_cron_job(target.kind)})
    if arguments.trigger and others:
        raise UsageError(f"--trigger makes a run of a CronJob: name cronjob or cronjob/NAME, not {', '.join(others)}")
    scope = TargetScope(None if arguments.all_namespaces else namespace, arguments.selector, arguments.force)
    jobs: list[HardenResult] = []
    errors: list[CapsError] = []
    for found in find_targets(cluster, targets, scope, planner.owners):
        if isinstance(found, CapsError):
            errors.append(found)
            continue
        try:
            job = planner.job(found)
            jobs += [] if job is None else [job]
        except InputError as error:
            errors.append(error)
    several = len(jobs) > 1 or any(target.name is None for target in targets)
    return Planned(tuple(jobs), tuple(errors), several)


def _agreed(arguments: HardenArguments, count: int) -> bool:
    """Whether the user agrees, by --yes or by an answer. Raises UsageError if there is no terminal."""
    if arguments.yes:
        return True
    if not is_interactive():
        what = "1 object" if count == 1 else f"{count} objects"
        raise UsageError(f"{what} would be changed and there is no terminal to ask on; --yes goes ahead")
    return confirm(f"{'Undo' if arguments.undo else 'Harden'} {'1 object' if count == 1 else f'{count} objects'}?")


def _declined(plan: Planned, output: str, told: Sequence[HardenResult]) -> int:
    """A declined question exits 1; an object that could not have been hardened anyway still makes it 2."""
    status = _status(plan, 1)
    jobs = [job.ended("skipped", "declined") if job.result == "planned" else job for job in plan.jobs]
    say("Nothing was changed.")
    print_results(jobs, plan.errors, output, "", told)
    return status
