"""The examples in the checks' docstrings are true: what passes passes, what fails fails, and with that check."""

from types import ModuleType

import msgspec
import pytest
import yaml

from kubectl_caps.core.kubernetes.pod import PodTemplate
from kubectl_caps.core.podsecurity.checks.check import Check
from kubectl_caps.core.podsecurity.policy import NEWEST_MINOR
from kubectl_caps.core.podsecurity.registry import MODULES


def example(module: ModuleType, heading: str) -> PodTemplate:
    sections = dict(part.split("\n", 1) for part in (module.__doc__ or "").strip().split("\n\n")[1:])
    return msgspec.convert(yaml.safe_load(sections[heading]), PodTemplate)


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.CHECK.id)
def test_the_passing_example_passes_in_every_version(module: ModuleType) -> None:
    check: Check = module.CHECK
    template = example(module, "Passes:")
    assert [since.minor for since in check.revisions if since.check(template)] == []


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.CHECK.id)
def test_the_failing_example_fails_in_the_newest_version(module: ModuleType) -> None:
    check: Check = module.CHECK
    newest = check.at(NEWEST_MINOR)
    assert newest
    assert newest.check(example(module, "Fails:"))
