"""kubectl caps harden: drop ALL capabilities and add back only what is chosen, live or in files."""

import argparse
import sys
from collections.abc import Mapping
from typing import Any

from kubectl_caps.commands import options as read
from kubectl_caps.core.hardening import Hardening, Wishes, harden
from kubectl_caps.core.workloads import Kind
from kubectl_caps.core.workloads import read as read_workloads
from kubectl_caps.errors import UsageError

OUTPUTS = ("table", "json", "yaml", "name", "patch")
_LIVE_ONLY = {
    "wait": "true", "rollback": "true", "dry_run": "none", "selector": None, "all_namespaces": False, "all": False,
    "max_parallel": 1, "keep_going": False, "force": False, "undo": None, "undo_to": None, "yes": False,
    "timeout": "10m", "settle": "10s", "field_manager": "kubectl-caps",
}  # fmt: skip
_NOT_WITH_UNDO = {
    "resources": [], "all": False, "all_namespaces": False, "selector": None, "undo_to": None, "add": [],
    "container": [], "remove_adds": False, "profile": "none", "run_as_user": None, "namespace": None,
    "allow_privilege_escalation": "false",
}  # fmt: skip


def main(options: argparse.Namespace) -> int:
    """Harden files or a cluster and return the exit status."""
    read.output(options, OUTPUTS)
    wishes = _wishes(options)
    if options.filename:
        from kubectl_caps.commands.harden_files import harden_files

        _check_files(options)
        return harden_files(options, wishes)
    from kubectl_caps.commands.harden_live import harden_live

    _check_live(options)
    return harden_live(options, wishes)


def planned(kind: Kind, obj: Mapping[str, Any], source: Mapping[str, Any], wishes: Wishes) -> Hardening:
    """The hardening of one object. Raises UsageError for a container that it does not have."""
    try:
        return harden(obj, tuple(read_workloads(kind, obj, source)), wishes)
    except ValueError as error:
        raise UsageError(str(error)) from error


def _wishes(options: argparse.Namespace) -> Wishes:
    if options.allow_privilege_escalation not in ("false", "keep"):
        raise UsageError("--allow-privilege-escalation must be false or keep")
    if options.profile not in ("none", "restricted"):
        raise UsageError(f'unknown profile "{options.profile}"; the only one is restricted')
    if options.run_as_user is not None and options.run_as_user < 1:
        raise UsageError("--run-as-user must be a user id above 0")
    return Wishes(
        add=read.capabilities(options.add),
        containers=tuple(options.container),
        remove_adds=options.remove_adds,
        escalation=options.allow_privilege_escalation,
        profile=options.profile,
        run_as_user=options.run_as_user,
    )


def _check_files(options: argparse.Namespace) -> None:
    if options.resources:
        raise UsageError("when -f is given, TYPE and NAME cannot be: files are hardened whole")
    for name in _given(options, _LIVE_ONLY):
        raise UsageError(f"{name} has no meaning with -f")
    read.file_flags(options)


def _check_live(options: argparse.Namespace) -> None:
    if options.undo:
        for name in _given(options, _NOT_WITH_UNDO):
            raise UsageError(f"{name} has no meaning with --undo: the file says what is undone")
    elif not options.resources and not options.all:
        raise UsageError("you must provide one or more resources: TYPE [NAME…], --all or -f")
    if options.undo_to and (read.dry_run(options) != "none" or options.output == "patch"):
        raise UsageError("--undo-to saves what undoes a change: nothing is changed with --dry-run or -o patch")
    read.no_file_flags(options)


def _given(options: argparse.Namespace, defaults: Mapping[str, Any]) -> list[str]:
    """The flags (or TYPE) among these that were given, be it with their default."""
    flags = {name: "TYPE" if name == "resources" else f"--{name.replace('_', '-')}" for name in defaults}
    return [flag for name, flag in flags.items() if flag in options.flags or getattr(options, name) != defaults[name]]


def print_lines(lines: Any) -> None:
    """Results, line by line, on stdout."""
    sys.stdout.writelines(f"{line}\n" for line in lines)
