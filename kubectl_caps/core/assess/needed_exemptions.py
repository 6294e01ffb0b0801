"""The exemptions that a gate needs in order to pass."""

from collections.abc import Iterator, Sequence
from datetime import date

from msgspec import Struct

from kubectl_caps.core.assess.apply_exemptions import under, valid_exemptions
from kubectl_caps.core.assess.assessment import Assessment
from kubectl_caps.core.assess.exemptions import Exempted, Exemption
from kubectl_caps.core.assess.gates import Gate, gate_failures
from kubectl_caps.core.kubernetes.workloads import Workload


class Opening(Struct, frozen=True):
    """An object, one of its containers (None is the pod itself), and the exempted findings that let it pass."""

    workload: Workload
    container: str | None
    items: tuple[Exempted, ...]


def openings(assessments: Sequence[Assessment], gate: Gate, today: date) -> Iterator[Opening]:
    """The exempted findings that open the gate, by object and container.

    If several exemptions match the same finding, none of them alone is needed; then all of them are named.
    """
    for assessment in assessments:
        needed = _needed(assessment, gate, today)
        if not needed:
            continue
        groups = [(None, assessment.exempted), *((one.container.name, one.exempted) for one in assessment.containers)]
        for name, found in groups:
            items = tuple(item for item in found if item.exemption in needed and item.what != "warning")
            if items:
                yield Opening(assessment.workload, name, items)


def _needed(assessment: Assessment, gate: Gate, today: date) -> list[Exemption]:
    valid = valid_exemptions(assessment)

    def passes_as_now(kept: Sequence[Exemption]) -> bool:
        return _failing(under(assessment, kept, today), gate) <= now

    now = _failing(assessment, gate) if valid else set()
    if not valid or passes_as_now(()):
        return []
    needed = [one for one in valid if not passes_as_now([other for other in valid if other != one])]
    return needed if passes_as_now(needed) else valid


def _failing(assessment: Assessment, gate: Gate) -> set[tuple[str, str | None]]:
    """The findings that do not pass, each with its container; None means the pod itself."""
    found = list(gate_failures([assessment], gate))
    return {(one.what, name) for one in found for name in (*one.containers, *(() if one.containers else (None,)))}
