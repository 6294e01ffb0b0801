"""Turns the arguments of `fit` into one checked struct."""

import argparse
from typing import get_args

from kubectl_caps.cli import values as read
from kubectl_caps.cli.arguments import FileArguments, RefusedFlags, checked_files, refuse, values_of
from kubectl_caps.cli.flags import TRACE_IMAGE, FitOutput
from kubectl_caps.core.fit.options import TrialOptions
from kubectl_caps.core.fit.trial_pod import TrialVolumes
from kubectl_caps.core.kubernetes.kinds import Kind
from kubectl_caps.errors import UsageError


class FitArguments(FileArguments, frozen=True, kw_only=True):
    """The arguments of `fit`. Empty `containers` mean all containers. `trials` are the options of each trial."""

    resources: tuple[str, ...]
    kinds: tuple[Kind, ...]
    containers: tuple[str, ...]
    evidence: tuple[str, ...]
    trials: TrialOptions
    max_trials: int
    trace: bool
    trace_image: str
    trace_namespace: str | None
    restricted: bool
    apply: bool
    yes: bool
    output: FitOutput


_WHOLE = RefusedFlags(("resources",), "when -f is given, TYPE and NAME cannot be: files are tried whole")
_NOT_WITH_FILES = RefusedFlags(
    ("apply",), "{flag} goes with an object of the cluster; `harden -f FILE --write` edits files", (False,)
)
_ONLY_WITH_FILES = RefusedFlags(("recursive",), "{flag} goes with -f", (False,))


def fit_arguments(options: argparse.Namespace) -> FitArguments:
    """The flags of `fit`, checked. Raises UsageError."""
    for name in ("parallel", "max_trials"):
        if getattr(options, name) < 1:
            raise UsageError(f"--{name.replace('_', '-')} must be 1 or more")
    if options.profile not in ("none", "restricted"):
        raise UsageError(f'unknown profile "{options.profile}"; the only one is restricted')
    output = read.output_format(options.output, get_args(FitOutput))
    if options.apply and output != "table":
        raise UsageError(f"--apply does not go with -o {output}: what harden prints would follow the document")
    for name in ("trace_image", "trace_namespace"):
        if getattr(options, name) and not options.trace:
            raise UsageError(f"--{name.replace('_', '-')} goes with --trace")
    on_files = checked_files(options).on_files
    refuse(options, (_WHOLE, _NOT_WITH_FILES) if on_files else (_ONLY_WITH_FILES,))
    values = {
        **values_of(FitArguments, options),
        "kinds": read.kinds_of(options.kinds),
        "containers": read.container_names(options.container),
        "trials": _trials(options),
        "trace_image": options.trace_image or TRACE_IMAGE,
        "restricted": options.profile == "restricted",
        "output": output,
    }
    return FitArguments(**values)


def _trials(options: argparse.Namespace) -> TrialOptions:
    volumes: TrialVolumes = options.trial_volumes or "refuse"
    if volumes not in get_args(TrialVolumes):
        raise UsageError(f'invalid argument "{volumes}" for "--trial-volumes" flag: must be empty or share')
    if options.allow_privilege_escalation not in ("false", "keep"):
        raise UsageError("--allow-privilege-escalation must be false or keep")
    timeout = read.duration(options.timeout, "timeout")
    if not timeout:
        raise UsageError("--timeout must be above 0: a trial has to end")
    return TrialOptions(
        settle=read.duration(options.settle, "settle"),
        timeout=timeout,
        parallel=options.parallel,
        volumes=volumes,
        probe=options.probe or "",
        escalation=options.allow_privilege_escalation,
        manager=options.field_manager,
    )
