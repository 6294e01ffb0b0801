"""Turns the arguments of `label-ns` into one checked struct."""

import argparse
from typing import get_args

from kubectl_caps.cli import values as read
from kubectl_caps.cli.arguments import (
    NO_SELECTOR,
    ONLY_WITH_FILES,
    EditArguments,
    RefusedFlags,
    check_edit,
    checked_files,
    refuse,
    values_of,
)
from kubectl_caps.cli.flags import DryRun, LabelOutput
from kubectl_caps.core.kubernetes.kinds import Kind
from kubectl_caps.core.label.plan_labels import LabelRequest, Mode
from kubectl_caps.errors import UsageError

MODES: tuple[Mode, ...] = ("enforce", "audit", "warn")


class LabelNsArguments(EditArguments, frozen=True, kw_only=True):
    """The arguments of `label-ns`. `requests` are the requested labels.

    `minor` is the server version for which files are judged.
    """

    names: tuple[str, ...]
    selector: str | None
    all: bool
    kinds: tuple[Kind, ...]
    requests: tuple[LabelRequest, ...]
    overwrite: bool
    force: bool
    plan: bool
    minor: int | None
    dry_run: DryRun
    field_manager: str
    output: LabelOutput


_NOT_WITH_FILES = (
    NO_SELECTOR,
    RefusedFlags(
        ("all", "plan", "dry_run", "field_manager"),
        "--all, --plan, --dry-run and --field-manager have no meaning with -f",
        nothing=("", "none"),
    ),
)


def label_ns_arguments(options: argparse.Namespace) -> LabelNsArguments:
    """The flags of `label-ns`, checked. Raises UsageError."""
    values = {
        **values_of(LabelNsArguments, options),
        "kinds": read.kinds_of(options.kinds),
        "output": read.output_format(options.output, get_args(LabelOutput)),
        "requests": _requests(options),
    }
    if checked_files(options).on_files:
        refuse(options, _NOT_WITH_FILES)
        check_edit(options)
        return LabelNsArguments(**values, minor=read.kubernetes_minor(options.kubernetes_version))
    refuse(options, (ONLY_WITH_FILES,))
    _check_names(options)
    values["dry_run"] = "client" if options.plan else read.dry_run_of(options.dry_run)
    return LabelNsArguments(**values, minor=None)


def _requests(options: argparse.Namespace) -> tuple[LabelRequest, ...]:
    """The labels of the named modes; enforce=restricted if no mode is named."""
    asked = {mode: getattr(options, mode) for mode in MODES if getattr(options, mode) is not None}
    asked = asked if asked or options.remove else {"enforce": "restricted"}
    removed = [mode for text in options.remove for mode in text.split(",")]
    if unknown := [mode for mode in removed if mode not in MODES]:
        raise UsageError(f'--remove: unknown mode "{unknown[0]}", must be one of {", ".join(MODES)}')
    if both := [mode for mode in removed if mode in asked]:
        raise UsageError(f"--{both[0]} and --remove {both[0]} cannot be used together")
    removals = tuple(LabelRequest(mode, None) for mode in MODES if mode in removed)
    return tuple(_request(mode, text) for mode, text in asked.items()) + removals


def _request(mode: Mode, text: str) -> LabelRequest:
    policy = read.policy(text, mode)
    return LabelRequest(mode, policy.level, text.partition(":")[2] or None)


def _check_names(options: argparse.Namespace) -> None:
    """Raise UsageError unless the namespaces are selected in exactly one way."""
    if not (options.names or options.selector or options.all):
        raise UsageError("you must name one or more namespaces, or use -l, --all or -f")
    if options.names and options.selector:
        raise UsageError("name cannot be provided when a selector is specified")
    if options.selector and options.all:
        raise UsageError("cannot set --all and --selector at the same time")
    if options.names and options.all:
        raise UsageError("name cannot be provided together with --all")
    if options.plan and (options.warn or options.audit or options.remove):
        raise UsageError("--plan leads to --enforce: --warn, --audit and --remove cannot be used with it")
