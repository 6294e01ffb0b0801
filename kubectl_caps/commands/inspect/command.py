"""Runs kubectl caps inspect: inspects files or a cluster, applies the gates, and prints the result."""

import argparse
from collections import deque
from collections.abc import Iterator, Sequence

from msgspec import Struct

from kubectl_caps.cli.inspect import InspectArguments, inspect_arguments
from kubectl_caps.commands.inspect import gates
from kubectl_caps.commands.inspect.output import Ending, Output
from kubectl_caps.commands.inspect.outputs import ALWAYS, output_of
from kubectl_caps.commands.inspect.result import InspectionResult
from kubectl_caps.core.assess.assess import assess
from kubectl_caps.core.assess.assessment import Assessment, NodeRuntime, worst_first
from kubectl_caps.core.assess.exemptions import Exemption
from kubectl_caps.core.kubernetes.kinds import set_added_kinds
from kubectl_caps.core.podsecurity.policy import NEWEST_MINOR
from kubectl_caps.errors import InputError, NotByNamespace
from kubectl_caps.report.terminal import say


def main(options: argparse.Namespace) -> int:
    """Inspect files or a cluster, print the result, and return the exit status."""
    return inspect(inspect_arguments(options))


def inspect(arguments: InspectArguments) -> int:
    """Inspect the selected workloads, print the result, and return the exit status."""
    set_added_kinds(arguments.kinds)
    if arguments.trace is not None:
        from kubectl_caps.commands.inspect.trace import trace

        return trace(arguments)
    on_files, gate = arguments.on_files, arguments.gate
    listed = gates.exemptions(arguments.exemptions)
    assumed = NodeRuntime(arguments.runtime, 0, "assumed")
    judged = _FilesInspection(arguments, assumed, listed) if on_files else _live(arguments, assumed)
    try:
        done = _collected(arguments, listed, judged, at_once=arguments.worst_first)
    except NotByNamespace:
        done = None
    done = done or _collected(arguments, listed, judged, at_once=True)  # not in `except`, which holds what was read
    exemptions, findings, output = done.exemptions, done.findings, done.output
    errors = gates.accepted([*judged.errors, *findings.restricted_not_judged], listed)
    if on_files and gate.is_asked:
        errors += gates.nothing_judged(errors, judged.coverage)
    for line in dict.fromkeys(map(str, errors)):
        say(line)
    exemptions.say_remarks()
    say(*(f"{'note' if on_files else 'not judged'}: {text}" for text in findings.older_servers))
    if not on_files:  # the server may be one of these older servers
        errors += map(InputError, findings.older_servers)
    counted = gates.not_accepted(errors)
    if output.workloads or arguments.output in ALWAYS:
        output.write(Ending(errors, judged.locate, arguments.all_namespaces, judged.coverage, judged.in_detail))
    elif not errors:
        say(_nothing_found(arguments))
    passed = findings.passes(len(counted))
    if gate.is_asked:
        findings.say_rules()
        say(judged.coverage.line)
    return 2 if counted else 0 if passed else 1


class _Collected(Struct):
    """The parts of an inspection, collected by its exemptions, its gates and its output."""

    exemptions: gates.ListedExemptions
    findings: gates.GateFindings
    output: Output


def _collected(
    arguments: InspectArguments, listed: Sequence[Exemption], judged: InspectionResult, *, at_once: bool
) -> _Collected:
    """Collect all parts. Raises NotByNamespace if the parts must be read at once."""
    in_detail = arguments.output == "table" and _names_one(arguments.resources)
    done = _Collected(
        exemptions=gates.ListedExemptions(listed, annotations=arguments.annotations),
        findings=gates.GateFindings(arguments.gate, older=judged.minor is None),
        output=output_of("detail" if in_detail else arguments.output, worst_first=arguments.worst_first),
    )

    def collect(assessments: Sequence[Assessment]) -> None:
        marked = done.exemptions.apply(assessments)
        marked = worst_first(marked) if arguments.worst_first else marked
        done.findings.add(marked)
        done.output.add(marked)

    # `map` does not hold a part while the next one is read.
    deque(map(collect, judged.parts(at_once=at_once)), maxlen=0)
    return done


class _FilesInspection(InspectionResult):
    """The inspection of the workloads of files."""

    def __init__(self, arguments: InspectArguments, assumed: NodeRuntime, listed: Sequence[Exemption]) -> None:
        from kubectl_caps.commands.shared.files import locator
        from kubectl_caps.commands.shared.manifests import read_manifests, unsure_exemptions

        files = read_manifests(arguments, "inspect", namespace=arguments.namespace, gate=arguments.gate.is_asked)
        super().__init__(arguments.minor, locator(files.found))
        self.errors = [*files.errors, *unsure_exemptions(files, listed, "inspect")]
        self.coverage = files.coverage
        self._found, self._assumed = files.found, assumed

    def parts(self, *, at_once: bool) -> Iterator[list[Assessment]]:
        rules = NEWEST_MINOR if self.minor is None else self.minor
        yield [
            assess(item, [], [self._assumed], rules, once=not one.document.aliases)
            for one in self._found
            for item in one.workloads
        ]


def _live(arguments: InspectArguments, assumed: NodeRuntime) -> InspectionResult:
    from kubectl_caps.commands.inspect.cluster import ClusterInspection

    return ClusterInspection(arguments, assumed)


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
