"""Prints the output of `harden` on a cluster: the plan before the question, and the results."""

import sys
from collections.abc import Sequence

from kubectl_caps.core.harden.result import HardenResult
from kubectl_caps.errors import CapsError
from kubectl_caps.report import hardening as report
from kubectl_caps.report import json
from kubectl_caps.report.documents.hardening import hardening_document
from kubectl_caps.report.terminal import escaped, print_lines, say


def print_plan(jobs: Sequence[HardenResult], output: str) -> None:
    """Print the plan as a table, on stdout, or on stderr if the output has another format."""
    lines = report.hardening_plan(jobs)
    if output == "table":
        print_lines(lines)
        sys.stdout.flush()
    else:
        for line in lines:
            say(line)


def print_results(
    jobs: Sequence[HardenResult], errors: Sequence[CapsError], output: str, suffix: str, told: Sequence[HardenResult]
) -> None:
    """Print the result of each object in the chosen format. The plan has printed the messages of the `told` jobs."""
    if output in ("json", "yaml"):
        sys.stdout.write(json.text(hardening_document(jobs, errors), output))
    elif output == "patch":
        sys.stdout.write(report.patches([job for job in jobs if job.hardening.patch.changes]))
        say(*(report.hardening_line(job, "") for job in jobs if job.is_not_done))
    elif output == "name":
        done = ("planned", "patched", "notProven", "undone")
        print_lines(escaped(job.workload.reference) for job in jobs if job.result in done)
    else:
        print_lines(report.results(jobs, suffix, told))
    if not jobs and not errors:
        say("No resources found.")
