"""kubectl caps label-ns: Pod Security labels on namespaces, after showing everything that they would refuse."""

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from kubectl_caps.cluster.inventory import take
from kubectl_caps.cluster.objects import Cluster
from kubectl_caps.cluster.resources import NAMESPACES
from kubectl_caps.command_line import program_name
from kubectl_caps.commands import options as read
from kubectl_caps.commands.harden import print_lines
from kubectl_caps.commands.live import connected
from kubectl_caps.core.labelling import (
    SYSTEM_NAMESPACES,
    Labelling,
    LabelPlan,
    LabelWish,
    Mode,
    judge,
    plan_labels,
    security_labels,
)
from kubectl_caps.core.podsecurity.policy import PolicyError, parse_policy
from kubectl_caps.core.workloads import WORKLOADS
from kubectl_caps.errors import CapsError, UsageError
from kubectl_caps.report import json
from kubectl_caps.report import labelling as report
from kubectl_caps.report.terminal import escaped, say, warn

OUTPUTS = ("table", "json", "yaml", "name")
MODES: tuple[Mode, ...] = ("enforce", "audit", "warn")
_SUFFIX = {"none": "", "client": " (dry run)", "server": " (server dry run)"}
_VIOLATE = "violate the new PodSecurity enforce level"


class _Run(Struct):
    """What is the same for every namespace of one command."""

    cluster: Cluster
    context: str
    minor: int
    wishes: Sequence[LabelWish]
    options: argparse.Namespace
    dry_run: str
    warnings: list[str]


def main(options: argparse.Namespace) -> int:
    """Judge and label each namespace, print what was found, and return the exit status."""
    read.output(options, OUTPUTS)
    dry_run, wishes = read.dry_run(options), _wishes(options)
    if not options.names:
        raise UsageError("you must name one or more namespaces: label-ns NAME…")
    warnings: list[str] = []
    cluster, _, context = connected(options, warn=warnings.append)
    run = _Run(cluster, context, cluster.server_version()[1], wishes, options, dry_run, warnings)
    results: list[Labelling] = []
    errors: list[CapsError] = []
    for name in dict.fromkeys(options.names):
        try:
            results.append(_label(run, name))
        except CapsError as error:
            errors.append(error)
            say(str(error))
        while warnings:
            warn(warnings.pop(0))
    _print(results, errors, options.output, _SUFFIX[dry_run])
    if errors or any(item.not_judged or item.result == "failed" for item in results):
        return 2
    return 1 if any(item.result == "refused" for item in results) else 0


def _wishes(options: argparse.Namespace) -> list[LabelWish]:
    asked = {mode: getattr(options, mode) for mode in MODES if getattr(options, mode) is not None}
    wishes = []
    for mode, text in (asked or {"enforce": "restricted"}).items():
        try:
            policy = parse_policy(text)
        except PolicyError as error:
            raise UsageError(f"--{mode}: {error}") from error
        wishes.append(LabelWish(mode, policy.level, text.partition(":")[2] or None))
    return wishes


def _label(run: _Run, name: str) -> Labelling:
    """One namespace. Raises CapsError where it cannot be read or labelled at all."""
    namespace = run.cluster.get(NAMESPACES, None, name)
    plan = plan_labels(namespace, run.wishes, overwrite=run.options.overwrite, force=run.options.force)
    labels = (namespace["metadata"].get("labels")) or {}
    after = plan.patch.applied(namespace)["metadata"]["labels"]
    mode: Mode = "enforce" if any(wish.mode == "enforce" for wish in run.wishes) else run.wishes[0].mode
    item = Labelling(name, security_labels(labels), security_labels(after), plan.policies.of(mode), mode)
    inventory = take(run.cluster, WORKLOADS, name, {"context": run.context})
    item.judged = judge(inventory.of(WORKLOADS), item.policy, run.minor)
    item.not_judged = tuple(str(error) for error in inventory.errors)
    refusals = [*plan.refusals, *_system(run, name), *_would_break(run, item, plan)]
    if refusals:
        item.result, item.message = "refused", "; ".join(refusals)
    elif not plan.patch.changes:
        item.result, item.message = "unchanged", "it has these labels already"
    elif run.dry_run != "client":
        _send(run, name, plan, dry_run=run.dry_run == "server")
        item.result = "planned" if run.dry_run == "server" else "labeled"
    return item


def _would_break(run: _Run, item: Labelling, plan: LabelPlan) -> list[str]:
    """Why enforcing would break something: our verdict, and the server's own on the pods that run."""
    if item.mode != "enforce":
        return []
    reasons = []
    if item.judged:
        reasons.append(f"enforce={item.policy} would refuse what is listed")
    if plan.patch.changes:
        _send(run, item.namespace, plan, dry_run=True)
        if not item.judged and any(_VIOLATE in warning for warning in run.warnings):
            reasons.append("the server says that existing pods violate it")
    if item.not_judged:
        reasons.append("not everything could be judged")
    if run.options.force:
        return []
    return [f"{reason}; --force labels it all the same" for reason in reasons]


def _system(run: _Run, name: str) -> list[str]:
    if name in SYSTEM_NAMESPACES and not run.options.force:
        return [f"{name} belongs to the system; --force labels it all the same"]
    return []


def _send(run: _Run, name: str, plan: LabelPlan, *, dry_run: bool) -> dict[str, Any]:
    manager = run.options.field_manager
    return run.cluster.patch(NAMESPACES, None, name, plan.patch.json_patch(), dry_run=dry_run, field_manager=manager)


def _print(results: Sequence[Labelling], errors: Sequence[CapsError], output: str, suffix: str) -> None:
    if output in ("json", "yaml"):
        sys.stdout.write(json.text(report.labelling(results, errors), output))
    elif output == "name":
        print_lines(escaped(f"namespace/{item.namespace}") for item in results if item.result in ("planned", "labeled"))
    else:
        for item in results:
            print_lines(report.verdict(item, program_name()))
            print(report.result_line(item, suffix))
