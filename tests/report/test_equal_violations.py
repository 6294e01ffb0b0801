"""`label-ns` tells equal violations once: for all workloads that have them, with one command that fixes all."""

from collections.abc import Sequence

import golden_values as values
from msgspec.structs import replace

from kubectl_caps.cli.parser import parse
from kubectl_caps.core.label.verdicts import Labelling, RefusedWorkload
from kubectl_caps.core.podsecurity.policy import Policy
from kubectl_caps.report.labelling import labelling_plan, verdict


def refused(name: str, *, pods: int = 0, checks: int = 2, created: bool = False) -> RefusedWorkload:
    """A Deployment that violates so many checks."""
    metadata = replace(values.WEB.metadata, name=name)
    workload = replace(values.WEB, metadata=metadata)
    running = tuple(f"{name}-{number}" for number in range(pods))
    return RefusedWorkload(workload, values.VIOLATIONS[:checks], running, created)


def told(*judged: RefusedWorkload) -> list[str]:
    """The lines about a namespace that refuses these workloads."""
    item = Labelling("shop", {}, {}, Policy("restricted"), "enforce", judged, result="refused")
    return list(verdict(item, "kubectl caps"))


def headings(lines: Sequence[str]) -> list[str]:
    """The lines that name workloads."""
    return [line.strip() for line in lines if line.startswith("  ") and line[2] != " "]


def test_300_equal_deployments_take_a_dozen_lines() -> None:
    many = [refused(f"web-{number:03}", pods=2) for number in range(300)]
    lines = told(*many)
    assert len(lines) <= 12
    names = "deployment.apps/web-000, deployment.apps/web-001, deployment.apps/web-002 and 297 more"
    assert headings(lines) == [f"300 workloads with the same violations: {names} (running in 600 pods)"]


def test_the_command_names_every_workload_and_can_be_parsed() -> None:
    many = [refused(f"web-{number:03}") for number in range(300)]
    commands = [line.partition(": ")[2] for line in told(*many) if line.strip().startswith("to fix")]
    for command in commands:
        options = parse(command.split()[2:])
        assert options.resources == [f"deployment.apps/web-{number:03}" for number in range(300)]
        assert options.namespace == "shop"
    assert commands


def test_workloads_with_different_violations_are_listed_separately() -> None:
    lines = told(refused("a"), refused("b", checks=1), refused("c"), refused("d", created=True))
    assert [line.split()[0] for line in headings(lines)] == ["2", "deployment.apps/b", "deployment.apps/d"]
    assert "deployment.apps/a, deployment.apps/c" in headings(lines)[0]


def test_a_single_refused_workload_has_its_own_heading() -> None:
    assert headings(told(refused("a", pods=1))) == ["deployment.apps/a (running in 1 pod)"]


def test_the_plan_names_every_workload() -> None:
    item = Labelling("shop", {}, {}, Policy("restricted"), "enforce", (refused("a"), refused("b")), result="refused")
    text = "\n".join(labelling_plan(item, "kubectl caps"))
    assert "harden deployment.apps/a " in text
    assert "harden deployment.apps/b " in text
