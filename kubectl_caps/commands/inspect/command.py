"""Runs kubectl caps inspect: inspects files or a cluster, applies the gates, and prints the result."""

import argparse
from collections.abc import Callable, Sequence
from functools import partial

from msgspec import Struct

from kubectl_caps.cli.inspect import InspectArguments, inspect_arguments
from kubectl_caps.commands.inspect import gates, outputs
from kubectl_caps.core.assess.assess import assess
from kubectl_caps.core.assess.assessment import Assessment, NodeRuntime, worst_first
from kubectl_caps.core.assess.coverage import Coverage
from kubectl_caps.core.assess.exemptions import Exemption
from kubectl_caps.core.assess.findings import Locate
from kubectl_caps.core.kubernetes.kinds import set_added_kinds
from kubectl_caps.core.podsecurity.policy import NEWEST_MINOR
from kubectl_caps.errors import CapsError, InputError
from kubectl_caps.report.terminal import say


class InspectionResult(Struct, frozen=True):
    """The assessments, the errors of objects that could not be judged, the positions of fields, and the counts.

    `minor` is the requested version of the rules, or the server's; None if it is not known. `in_detail` adds the facts
    of the detailed view to an assessment.
    """

    assessments: list[Assessment]
    errors: list[CapsError]
    locate: Locate
    coverage: Coverage
    minor: int | None
    in_detail: Callable[[Assessment], Assessment] = lambda assessment: assessment


def main(options: argparse.Namespace) -> int:
    """Inspect files or a cluster, print the result, and return the exit status."""
    return inspect(inspect_arguments(options))


def inspect(arguments: InspectArguments) -> int:
    """Inspect the selected workloads, print the result, and return the exit status."""
    set_added_kinds(arguments.kinds)
    if arguments.trace is not None:
        from kubectl_caps.commands.inspect.trace import trace

        return trace(arguments)
    on_files, output, gate = arguments.on_files, arguments.output, arguments.gate
    listed = gates.exemptions(arguments.exemptions)
    assumed = NodeRuntime(arguments.runtime, 0, "assumed")
    judged = _files(arguments, assumed, listed) if on_files else _live(arguments, assumed)
    errors = gates.accepted([*judged.errors, *gates.restricted_not_judged(judged.assessments, gate)], listed)
    if on_files and gate.is_asked:
        errors += gates.nothing_judged(errors, judged.coverage)
    for line in dict.fromkeys(map(str, errors)):
        say(line)
    assessments = gates.apply_listed_exemptions(judged.assessments, listed, annotations=arguments.annotations)
    older = gates.notes_on_older_servers(assessments, gate) if judged.minor is None else []
    say(*(f"{'note' if on_files else 'not judged'}: {text}" for text in older))
    if not on_files:  # the server may be one of these older servers
        errors += map(InputError, older)
    counted = gates.not_accepted(errors)
    assessments = worst_first(assessments) if arguments.worst_first else assessments
    if assessments or output in outputs.WHOLE:
        shown = "detail" if output == "table" and (len(assessments) == 1 or _names_one(arguments.resources)) else output
        if shown == "detail":
            assessments = [judged.in_detail(assessment) for assessment in assessments]
        found = outputs.Inspected(
            assessments, errors, judged.locate, arguments.all_namespaces, arguments.worst_first, judged.coverage
        )
        outputs.write_output(shown, found)
    elif not errors:
        say(_nothing_found(arguments))
    passed = gates.gate_passes(assessments, gate, len(counted))
    if gate.is_asked:
        say(*gates.rules_of_gate(assessments, gate), judged.coverage.line)
    return 2 if counted else 0 if passed else 1


def _files(arguments: InspectArguments, assumed: NodeRuntime, listed: Sequence[Exemption]) -> InspectionResult:
    from kubectl_caps.commands.shared.files import locator
    from kubectl_caps.commands.shared.manifests import read_manifests, unsure_exemptions

    files = read_manifests(arguments, "inspect", namespace=arguments.namespace, gate=arguments.gate.is_asked)
    files.errors.extend(unsure_exemptions(files, listed, "inspect"))
    rules = NEWEST_MINOR if arguments.minor is None else arguments.minor
    assessments = [
        assess(item, [], [assumed], rules, once=not one.document.aliases)
        for one in files.found
        for item in one.workloads
    ]
    return InspectionResult(assessments, files.errors, locator(files.found), files.coverage, arguments.minor)


def _live(arguments: InspectArguments, assumed: NodeRuntime) -> InspectionResult:
    from kubectl_caps.commands.inspect.cluster import in_detail, inspect_cluster

    assessments, errors, coverage, rules, cluster = inspect_cluster(arguments, assumed)
    return InspectionResult(
        assessments, errors, lambda workload, path: None, coverage, rules, partial(in_detail, cluster)
    )


def _names_one(words: Sequence[str]) -> bool:
    """Whether the command line names a single object, so that the detailed view is shown."""
    if any("," in word for word in words):
        return False
    return len(words) == (1 if words and "/" in words[0] else 2)


def _nothing_found(arguments: InspectArguments) -> str:
    """The message for an empty result, in kubectl's words."""
    if arguments.on_files or arguments.all_namespaces:
        return "No resources found"
    from kubectl_caps.commands.shared.connect import working_namespace

    return f"No resources found in {working_namespace(arguments)} namespace."
