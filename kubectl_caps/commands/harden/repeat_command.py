"""Makes the printed `harden` command that repeats a hardening with more adds or other flags."""

import shlex

from kubectl_caps.cli.flags import program_name
from kubectl_caps.commands.harden.watch import RolloutOptions
from kubectl_caps.core.harden.plan import HardenOptions
from kubectl_caps.core.harden.result import HardenResult
from kubectl_caps.core.harden.suggestion import with_more
from kubectl_caps.core.kubernetes.job_run import is_cron_job

RUN_FLAGS = {"": (), "next": ("--wait",), "now": ("--trigger",)}
"""The flags for a watched run of a CronJob."""


def repeat_command(job: HardenResult, options: HardenOptions, watch: RolloutOptions, *more: str) -> str:
    """The command that hardens an object with these options, the suggested adds of its result, and `more` flags."""
    options = with_more(job, options, job.suggestion.add) if job.suggestion else options
    by_container: dict[str, list[str]] = {}
    for container, name in options.add_in:
        by_container.setdefault(container, []).append(name)
    flags = [f"--add {','.join(options.add)}"] if options.add else []
    flags += [f"--add {container}={','.join(names)}" for container, names in by_container.items()]
    flags += [f"-c {shlex.quote(name)}" for name in options.containers]
    flags += ["--remove-adds"] if options.remove_adds else []
    flags += [f"--profile {options.profile}"] if options.profile != "none" else []
    flags += [f"--run-as-user {options.run_as_user}"] if options.run_as_user else []
    flags += ["--allow-privilege-escalation keep"] if options.escalation == "keep" else []
    flags += ["--yes"] if _gains(job) else []
    flags += more
    target = f"{job.workload.reference} -n {job.workload.namespace}{watch.flags}"
    return " ".join([f"{program_name()} harden {target}", *flags])


def run_flags(job: HardenResult, watch: RolloutOptions) -> tuple[str, ...]:
    """The flags for the same watched run."""
    return RUN_FLAGS[watch.run] if is_cron_job(job.kind) else ()


def _gains(job: HardenResult) -> bool:
    """Whether the suggested adds are more than the containers have, so that the command needs --yes."""
    return bool(job.hardening.gains) or bool(job.suggestion and not job.hardening.patch.changes)
