"""Runs kubectl caps fit: finds the capabilities that workloads need, prints them, and applies them if wanted."""

import argparse
import shlex
from collections.abc import Iterator

from kubectl_caps.cli.arguments import ClusterArguments
from kubectl_caps.cli.fit import FitArguments, fit_arguments
from kubectl_caps.cli.parser import parse
from kubectl_caps.cluster.api.client import Cluster
from kubectl_caps.commands.fit.targets import file_subjects, live_subject
from kubectl_caps.commands.fit.workload import Declined, FitSubject, NotReadAgain, WorkloadFit
from kubectl_caps.commands.shared.connect import connected_runner
from kubectl_caps.core.fit.answer import AnswerContext, harden_words, is_answered, not_exercised
from kubectl_caps.core.fit.result import FitResult
from kubectl_caps.core.kubernetes.kinds import set_added_kinds
from kubectl_caps.core.kubernetes.pod import members
from kubectl_caps.errors import CapsError, UsageError
from kubectl_caps.report import json
from kubectl_caps.report.documents.fit import fit_document
from kubectl_caps.report.fit import fit_answer
from kubectl_caps.report.terminal import print_lines, say


def main(options: argparse.Namespace) -> int:
    """Find the smallest set of each workload, print it, and return the exit status. Raises KeyboardInterrupt."""
    arguments = fit_arguments(options)
    set_added_kinds(arguments.kinds)
    transport, connection = connected_runner(arguments)
    cluster, errors = Cluster(transport), list[CapsError]()
    subjects: Iterator[FitSubject]
    if arguments.on_files:
        subjects = file_subjects(cluster, arguments, connection.namespace, errors)
    else:
        subjects = iter([live_subject(cluster, arguments, connection.namespace, connection.context)])
    fits = list[WorkloadFit]()
    try:
        for subject in subjects:
            fits.append(WorkloadFit(cluster, transport, subject, arguments))
            _run(fits[-1], errors)
    except KeyboardInterrupt:
        _print(fits, errors, arguments)  # the finished answers must not be lost
        raise
    _print(fits, errors, arguments)
    if any(fit.result.message == "declined" for fit in fits):
        return 1
    if errors or not all(is_answered(fit.result.result) for fit in fits):
        return 2
    return _apply(fits[0], options) if arguments.apply else 0


def _run(fit: WorkloadFit, errors: list[CapsError]) -> None:
    """Run one fit. Another error than these two goes into its result and into `errors`.

    Raises UsageError, KeyboardInterrupt.
    """
    try:
        fit.fit()
    except Declined:
        fit.result.result, fit.result.message = "skipped", "declined"
    except KeyboardInterrupt:
        fit.result.result, fit.result.message = "skipped", "interrupted"
        raise
    except UsageError:
        raise
    except NotReadAgain as error:
        errors.append(error)
    except CapsError as error:
        fit.result.result = "failed" if fit.result.trials else "refused"
        fit.result.message = error.words
        errors.append(error)


def _print(fits: list[WorkloadFit], errors: list[CapsError], arguments: FitArguments) -> None:
    results: list[FitResult] = [fit.result for fit in fits]
    if arguments.output != "table":
        print_lines([json.text(fit_document(results, errors), arguments.output).rstrip("\n")])
        return
    for fit in fits:
        print_lines(fit_answer(fit.result, not_exercised(fit.result, fit.context)))
    said = {fit.result.message for fit in fits}
    say(*(str(error) for error in errors if error.words not in said))


def _apply(fit: WorkloadFit, options: argparse.Namespace) -> int:
    """Harden the workload with the answer, and return the exit status of `harden`.

    The printed command has no secrets, so `harden` gets the connection flags of `options`.
    """
    from kubectl_caps.commands.harden.command import main as harden

    if not fit.result.commands:
        why = "; ".join(filter(None, (fit.result.message, *fit.result.notes)))
        say(f"{fit.workload.reference}: nothing is applied: {why}")
        return 2
    context: AnswerContext = fit.context
    declared = {member.container.name: member.container for member in members(fit.spec)}
    needed = frozenset((name, one) for name, names in fit.result.needed.items() for one in names)
    words = harden_words(declared, needed, context)
    say(f"{fit.workload.reference}: now: {shlex.join([*context.program.split(), *words])}")
    wanted = parse(words)
    for name in ("kinds", *(name for name in ClusterArguments.__struct_fields__ if name != "namespace")):
        setattr(wanted, name, getattr(options, name))
    return harden(wanted)
