"""Parses namespace names, prints verdicts and chooses the exit status, for `label-ns` on clusters and on files."""

import sys
from collections.abc import Sequence

from kubectl_caps.cli.flags import program_name
from kubectl_caps.cli.label_ns import LabelNsArguments
from kubectl_caps.core.assess.coverage import Coverage
from kubectl_caps.core.label.verdicts import Labelling
from kubectl_caps.errors import CapsError, UsageError
from kubectl_caps.report import json
from kubectl_caps.report import labelling as report
from kubectl_caps.report.documents.labelling import labelling_document
from kubectl_caps.report.terminal import escaped, fitted, print_lines


def status(results: Sequence[Labelling], errors: Sequence[CapsError]) -> int:
    """The exit status: 2 if something failed or could not be judged, 1 if something was refused, or 0."""
    if errors or any(item.not_judged or item.result in ("failed", "unknown") for item in results):
        return 2
    return 1 if any(item.result == "refused" for item in results) else 0


def print_labelling(
    results: Sequence[Labelling],
    errors: Sequence[CapsError],
    arguments: LabelNsArguments,
    suffix: str,
    coverage: Coverage | None = None,
) -> None:
    """Print the verdict on each namespace, and a table if there are several namespaces."""
    if arguments.output in ("json", "yaml"):
        sys.stdout.write(json.text(labelling_document(results, errors, coverage), arguments.output))
    elif arguments.output == "name":
        done = [item for item in results if item.result in ("planned", "labeled")]
        print_lines(escaped(f"namespace/{item.namespace}") for item in done)
    elif arguments.plan:
        for item in results:
            print_lines(report.labelling_plan(item, program_name()))
    else:
        for item in results:
            print_lines(part for line in report.verdict(item, program_name()) for part in fitted(line))
            print(report.labelling_line(item, suffix))
        if len(results) > 1:
            print()
            print_lines(report.labelling_table(results))


def named(words: Sequence[str], errors: list[CapsError]) -> list[str]:
    """The namespaces that NAME and TYPE/NAME arguments mean, each once. Another TYPE is added to `errors`."""
    from kubectl_caps.cluster.api.resources import BUILTIN, NAMESPACES, find_resource, not_served, parse_targets

    names: dict[str, None] = {}
    for word in words:
        try:
            kind, name = parse_targets([word])[0] if "/" in word else ("ns", word)
            if find_resource(kind, [NAMESPACES]) is None:
                raise UsageError(f"{word}: not a namespace") if find_resource(kind, BUILTIN) else not_served(kind)
            names[name or ""] = None
        except UsageError as error:
            errors.append(error)
    return list(names)
