"""From the record of the baseline to the grants with which the search begins."""

from collections.abc import Sequence

from msgspec.structs import replace

from kubectl_caps.core.fit.search_types import Grants, SearchSpace
from kubectl_caps.core.trace.report import TraceReport


def used_grants(report: TraceReport, *, optional: bool) -> Grants:
    """What processes of containers were granted; with `optional` also what they were only asked for."""
    return frozenset(
        (check.container, check.capability)
        for check in report.checks
        if check.granted and (optional or not check.optional)
    )


def is_complete(report: TraceReport, containers: Sequence[str]) -> bool:
    """Whether the record has every capability check that programs of these containers made."""
    return report.kind == "capabilities" and not report.gap(containers)


def traced_space(space: SearchSpace, report: TraceReport, containers: Sequence[str], evidence: Grants) -> SearchSpace:
    """The space of a search after a traced baseline. `evidence` is what the user's files name.

    A complete record replaces guesses from manifest and image. What only optional callers were granted is tried
    without first. An incomplete record adds to the guesses.
    """
    needed = used_grants(report, optional=False) & space.held
    if not is_complete(report, containers):
        return replace(space, likely=space.likely | needed)
    used = used_grants(report, optional=True) & space.held
    return replace(space, likely=(needed | evidence) & space.held, possible=used | space.possible, used=used)
