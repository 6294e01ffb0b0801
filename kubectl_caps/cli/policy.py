"""Turns the arguments of `policy` into one checked struct."""

import argparse
from typing import cast, get_args

from kubectl_caps.cli import values as read
from kubectl_caps.cli.arguments import (
    FileArguments,
    RefusedFlags,
    checked_files,
    refuse,
    values_of,
)
from kubectl_caps.cli.flags import DryRun, PolicyForm, PolicyOutput
from kubectl_caps.core.kubernetes.kinds import Kind
from kubectl_caps.core.nearest import hint
from kubectl_caps.core.policy.vap import Action
from kubectl_caps.errors import UsageError

_DEFAULT: tuple[Action, ...] = ("audit", "warn")


class PolicyArguments(FileArguments, frozen=True, kw_only=True):
    """The arguments of `policy`. `document` is the file with the JSON of `fit` or `inspect`.

    `actions` are the requested actions, or the default. Without `is_action_named`, --check accepts every action on the
    cluster. `tests` is the folder for examples. `exemptions` and `annotations`: see InspectArguments.
    """

    document: str | None
    kinds: tuple[Kind, ...]
    form: PolicyForm
    actions: tuple[Action, ...]
    is_action_named: bool
    controllers: tuple[str, ...]
    apply: bool
    check: bool
    remove: bool
    dry_run: DryRun
    field_manager: str
    force: bool
    output: PolicyOutput
    tests: str | None
    exemptions: str | None
    annotations: bool

    @property
    def fills(self) -> bool:
        """Whether the form has a mutating policy, which fills in the fields that pods leave out."""
        return self.form == "map"


_NOT_WITH_FILES = RefusedFlags(
    ("apply", "check", "remove", "document"), "{flag} does not go with -f, which makes a policy of files", ("", False)
)
_ONLY_WITH_FILES = RefusedFlags(("recursive",), "{flag} goes with -f", (False,))
_ONLY_PRINTED = RefusedFlags(
    ("output", "tests"), "{flag} goes with a printed policy, not with --apply, --check or --remove"
)
_ONLY_SENT = RefusedFlags(("dry_run",), "{flag} goes with --apply or --remove", ("none",))


def policy_arguments(options: argparse.Namespace) -> PolicyArguments:
    """The flags of `policy`, checked. Raises UsageError."""
    sent = sum((options.apply, options.check, options.remove))
    if sent > 1:
        raise UsageError("--apply, --check and --remove cannot be used together")
    for flag, value in (("--from", options.document), ("--tests", options.tests)):
        if value == "":
            raise UsageError(f'invalid argument "" for "{flag}" flag: the path is empty')
    on_files = checked_files(options).on_files
    refuse(options, (_NOT_WITH_FILES,) if on_files else (_ONLY_WITH_FILES,))
    refuse(options, (_ONLY_PRINTED,) if sent else (_ONLY_SENT,))
    if sent and options.form in ("kyverno", "gatekeeper"):
        raise UsageError(f"--form {options.form} is only printed: `kubectl apply -f -` puts it on the cluster")
    if options.check:
        refuse(options, (_ONLY_SENT,))
    if options.form not in get_args(PolicyForm):
        known = get_args(PolicyForm)
        words = f'invalid argument "{options.form}" for "--form" flag: must be one of {", ".join(known)}'
        raise UsageError(f"{words}{hint(options.form, known)}")
    values = {
        **values_of(PolicyArguments, options),
        "kinds": read.kinds_of(options.kinds),
        "actions": _actions(options.action) or _DEFAULT,
        "is_action_named": bool(options.action),
        "annotations": read.annotations_count(options.exemptions, options.exemptions_from),
        "dry_run": read.dry_run_of(options.dry_run),
        "output": read.output_format(options.output, get_args(PolicyOutput)),
    }
    return PolicyArguments(**values)


def _actions(texts: list[str]) -> tuple[Action, ...]:
    known = get_args(Action)
    words = list(dict.fromkeys(word for text in texts for word in text.split(",")))
    for word in words:
        if word not in known:
            raise UsageError(f'invalid argument "{word}" for "--action" flag: must be {", ".join(known)}')
    if {"deny", "warn"} <= set(words):
        raise UsageError("--action: deny and warn cannot be used together: a refusal says the same as the warning")
    return tuple(cast("Action", word) for word in known if word in words)
