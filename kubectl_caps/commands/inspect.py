"""kubectl caps inspect: what containers declare and get, their risk, and what Pod Security would say."""

import argparse
from collections.abc import Sequence

from kubectl_caps.commands import gates, outputs
from kubectl_caps.commands import options as read
from kubectl_caps.core.assessment import Assessment, Place, assess, worst_first
from kubectl_caps.core.linux.runtimes import Runtime, UnknownRuntime, by_name, runtime_of
from kubectl_caps.core.podsecurity.policy import NEWEST_MINOR
from kubectl_caps.errors import CapsError, UsageError
from kubectl_caps.report.sarif import Locate
from kubectl_caps.report.terminal import say

Judged = tuple[list[Assessment], list[CapsError], Locate]
"""The assessments, what could not be judged, and where fields are."""


def main(options: argparse.Namespace) -> int:
    """Inspect files or a cluster, print the result, and return the exit status."""
    output = read.output(options, outputs.FORMATS)
    gate, listed, minor = gates.asked(options), gates.exemptions(options), gates.asked_minor(options)
    assumed = Place(_assumed_runtime(options.runtime), 0, "assumed")
    worst_on_top = read.sort_by_risk(options)
    read.check_live(options)
    if not options.filename:
        read.no_file_flags(options)
    assessments, errors, locate = (_files if options.filename else _live)(options, minor, assumed)
    for line in dict.fromkeys(map(str, errors)):
        say(line)
    assessments = gates.exempted(assessments, listed)
    assessments = worst_first(assessments) if worst_on_top else assessments
    if assessments or output in outputs.WHOLE:
        shown = "detail" if output == "table" and (len(assessments) == 1 or _names_one(options.resources)) else output
        outputs.write(shown, assessments, errors, locate, namespaces=options.all_namespaces)
    elif not errors:
        say(_nothing_found(options))
    passed = gates.passed(assessments, gate, len(errors))
    return 2 if errors else 0 if passed else 1


def _assumed_runtime(name: str | None) -> Runtime:
    """The runtime where no node tells: the one that `--runtime` names, else containerd."""
    try:
        return by_name(name) if name else runtime_of(None)
    except UnknownRuntime as error:
        raise UsageError(str(error)) from error


def _files(options: argparse.Namespace, minor: int | None, assumed: Place) -> Judged:
    from kubectl_caps.commands.files import locator, no_selector
    from kubectl_caps.commands.given import given

    if options.resources or options.all_namespaces:
        raise UsageError("when -f is given, TYPE, NAME and -A cannot be: files are judged whole")
    no_selector(options.selector)
    _, found, errors = given(options, "inspect", namespace=options.namespace)
    judged = NEWEST_MINOR if minor is None else minor
    workloads = [item for one in found for item in one.workloads]
    return [assess(item, [], [assumed], judged) for item in workloads], errors, locator(found)


def _live(options: argparse.Namespace, minor: int | None, assumed: Place) -> Judged:
    from kubectl_caps.commands.inspect_live import judged

    return (*judged(options, minor, assumed), lambda workload, path: None)


def _names_one(words: Sequence[str]) -> bool:
    """Whether the command line names one object; pods that differ from it are shown in full behind it."""
    if any("," in word for word in words):
        return False
    return len(words) == (1 if words and "/" in words[0] else 2)


def _nothing_found(options: argparse.Namespace) -> str:
    """kubectl's words."""
    if options.filename or options.all_namespaces:
        return "No resources found"
    from kubectl_caps.commands.live import working_namespace

    return f"No resources found in {working_namespace(options)} namespace."
