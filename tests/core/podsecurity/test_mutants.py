"""The table of minimal pods notices whatever is wrong in a check: each module is broken in every small way there is."""

from collections.abc import Iterator, Sequence
from types import ModuleType

import pytest
from differential.mutants import mutants
from pod_cases import cases

from kubectl_caps.core.kubernetes.pod import PodTemplate
from kubectl_caps.core.podsecurity.checks.check import Check
from kubectl_caps.core.podsecurity.registry import MODULES

CHANGES = (0, 8, 19, 22, 23, 25, 27, 29, 31, 32, 34, 35, 37)
"""The versions at which a verdict may change."""


def verdicts(check: Check, templates: Sequence[PodTemplate]) -> Iterator[object]:
    """Everything that a check says of some pods in every version where its answer may be another."""
    yield check.level, check.id, [(since.minor, since.overrides) for since in check.revisions]
    for template in templates:
        yield [since.check(template) if (since := check.at(minor)) else None for minor in CHANGES]


def noticed(mutant: Check, good: Sequence[object], templates: Sequence[PodTemplate]) -> bool:
    """Whether it says anything else, or breaks down."""
    try:
        return any(said != wanted for said, wanted in zip(verdicts(mutant, templates), good, strict=True))
    except (AttributeError, KeyError, TypeError, ValueError, NameError):
        return True


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.CHECK.id)
def test_every_mutant_of_a_check_is_noticed(module: ModuleType) -> None:
    templates = [case.template for case in cases(module.CHECK.id)]
    good = list(verdicts(module.CHECK, templates))
    alive = [mutant.description for mutant in mutants(module) if not noticed(mutant.check, good, templates)]
    assert alive == []
