"""Finds the grants with which the search begins, from the kernel's record of the baseline."""

from collections.abc import Sequence

from msgspec.structs import replace

from kubectl_caps.core.fit.search_types import Grants, SearchSpace
from kubectl_caps.core.trace.report import TraceReport


def used_grants(report: TraceReport, *, optional: bool) -> Grants:
    """The grants that the kernel gave to the containers. Grants of optional checks count only with `optional`."""
    return frozenset(
        (check.container, check.capability)
        for check in report.checks
        if check.granted and (optional or not check.optional)
    )


def is_complete(report: TraceReport, containers: Sequence[str]) -> bool:
    """Whether the record has every capability check of the programs in these containers."""
    return report.kind == "capabilities" and not report.gap(containers)


def traced_space(space: SearchSpace, report: TraceReport, containers: Sequence[str], evidence: Grants) -> SearchSpace:
    """The space of a search after a traced baseline. `evidence` are the grants that the user's files name.

    A complete record replaces the guesses from manifest and image. Then the search begins without the grants of
    optional checks. An incomplete record only adds to the guesses.
    """
    needed = used_grants(report, optional=False) & space.held
    if not is_complete(report, containers):
        return replace(space, likely=space.likely | needed)
    used = used_grants(report, optional=True) & space.held
    return replace(space, likely=(needed | evidence) & space.held, possible=used | space.possible, used=used)
