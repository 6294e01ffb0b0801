"""Turns the arguments of `harden` into one checked struct."""

import argparse
import math
from typing import get_args

from kubectl_caps.cli import values as read
from kubectl_caps.cli.arguments import (
    ONLY_WITH_FILES,
    EditArguments,
    RefusedFlags,
    check_edit,
    checked_files,
    refuse,
    values_of,
)
from kubectl_caps.cli.flags import DryRun, HardenOutput
from kubectl_caps.core.fit.canary import CanaryChoice
from kubectl_caps.core.harden.plan import HardenOptions
from kubectl_caps.core.kubernetes.kinds import Kind
from kubectl_caps.errors import UsageError


class HardenArguments(EditArguments, frozen=True, kw_only=True):
    """The arguments of `harden`. `wanted` are the changes of the containers.

    `timeout` and `settle` are in seconds; infinity means no limit. `given` are the flags on the command line, so that
    `--wait=true` differs from the default. `exemptions` and `annotations`: see InspectArguments.
    """

    resources: tuple[str, ...]
    all_namespaces: bool
    selector: str | None
    all: bool
    kinds: tuple[Kind, ...]
    wanted: HardenOptions
    dry_run: DryRun
    field_manager: str
    yes: bool
    force: bool
    wait: bool
    trigger: bool
    rollback: bool
    canary: CanaryChoice
    timeout: float
    settle: float
    accept_complaints: bool
    max_parallel: int
    keep_going: bool
    undo: str | None
    undo_to: str | None
    output: HardenOutput
    exemptions: str | None
    annotations: bool
    given: frozenset[str]


_WHOLE = RefusedFlags(("resources",), "when -f is given, TYPE and NAME cannot be: files are hardened whole")
_NOT_WITH_FILES = RefusedFlags(
    (
        "wait", "trigger", "rollback", "canary", "dry_run", "selector", "all_namespaces", "all", "max_parallel",
        "keep_going", "accept_complaints", "undo", "undo_to", "timeout", "settle", "field_manager",
    ),
    "{flag} has no meaning with -f",
)  # fmt: skip
_NOT_WITH_FILES_ALONE = RefusedFlags(("yes", "force"), _NOT_WITH_FILES.words)
"""With --add, these flags let a container of a file gain the added capabilities."""
_NOT_WITH_UNDO = RefusedFlags(
    (
        "resources", "all", "all_namespaces", "selector", "undo_to", "add", "container", "remove_adds", "profile",
        "run_as_user", "namespace", "allow_privilege_escalation", "trigger",
    ),
    "{flag} has no meaning with --undo: the file says what is undone",
)  # fmt: skip
_ONLY_WITH_CHECK = RefusedFlags(("exemptions", "exemptions_from"), "{flag} goes with -f and --check")


def harden_arguments(options: argparse.Namespace) -> HardenArguments:
    """The flags of `harden`, checked. Raises UsageError."""
    if options.changed_files:
        _take_changed_files(options)
    values = {
        **values_of(HardenArguments, options),
        "kinds": read.kinds_of(options.kinds),
        "output": read.output_format(options.output, get_args(HardenOutput)),
        "wanted": _wanted(options),
    }
    if checked_files(options).on_files:
        _check_files(options)
    else:
        _check_live(options)
    if options.max_parallel < 1:
        raise UsageError("--max-parallel must be 1 or more")
    values |= {
        "wait": read.boolean(options.wait, "wait"),
        "rollback": read.boolean(options.rollback, "rollback"),
        "canary": _canary(options.canary),
        "timeout": read.duration(options.timeout, "timeout") or math.inf,
        "settle": read.duration(options.settle, "settle"),
        "dry_run": _dry_run(options),
        "annotations": read.annotations_count(options.exemptions, options.exemptions_from),
    }
    return HardenArguments(**values)


def _take_changed_files(options: argparse.Namespace) -> None:
    """Use the arguments of --changed-files as the files of -f. Raises UsageError if -f, -k or --undo is given."""
    for flag, name in (("-f", "filename"), ("-k", "kustomize"), ("--undo", "undo")):
        if getattr(options, name):
            raise UsageError(f"only one of --changed-files or {flag} can be specified")
    options.filename, options.resources = options.resources, []


def _dry_run(options: argparse.Namespace) -> DryRun:
    """The mode of --dry-run. With -o patch the default is `client`, because the patch is only printed."""
    wanted = read.dry_run_of(options.dry_run)
    return "client" if options.output == "patch" and wanted == "none" else wanted


def _canary(text: str | None) -> CanaryChoice:
    if text is None:
        return "auto"
    return "yes" if read.boolean(text, "canary") else "no"


def _check_files(options: argparse.Namespace) -> None:
    refuse(options, (_WHOLE, _NOT_WITH_FILES, *(() if options.add else (_NOT_WITH_FILES_ALONE,))))
    check_edit(options)
    refuse(options, () if options.check else (_ONLY_WITH_CHECK,))


def _check_live(options: argparse.Namespace) -> None:
    if options.undo:
        refuse(options, (_NOT_WITH_UNDO,))
    elif not options.resources and not options.all:
        raise UsageError("you must provide one or more resources: TYPE [NAME…], --all or -f")
    if options.trigger and options.wait == "false":
        raise UsageError("--trigger watches the run that it makes: it does not go with --wait=false")
    if options.canary == "true" and options.wait == "false":
        raise UsageError("--canary waits for a pod: it does not go with --wait=false")
    if options.undo_to and _dry_run(options) != "none":
        raise UsageError("--undo-to saves what undoes a change: nothing is changed with --dry-run or -o patch")
    refuse(options, (ONLY_WITH_FILES, _ONLY_WITH_CHECK))


def _wanted(options: argparse.Namespace) -> HardenOptions:
    if options.allow_privilege_escalation not in ("false", "keep"):
        raise UsageError("--allow-privilege-escalation must be false or keep")
    if options.profile not in ("none", "restricted"):
        raise UsageError(f'unknown profile "{options.profile}"; the only one is restricted')
    if options.run_as_user is not None and options.run_as_user < 1:
        raise UsageError("--run-as-user must be a user id above 0")
    add, add_in = read.adds(options.add)
    containers = read.container_names(options.container)
    for name in (name for name, _ in add_in if containers and name not in containers):
        raise UsageError(f"--add names container {name}, and -c does not")
    return HardenOptions(
        add=add,
        add_in=add_in,
        containers=containers,
        remove_adds=options.remove_adds,
        escalation=options.allow_privilege_escalation,
        profile=options.profile,
        run_as_user=options.run_as_user,
        agreed=options.yes or options.force,
    )
