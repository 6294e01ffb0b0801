"""Gates: the findings that make an inspection fail. Exempted findings do not count. Unknown facts count."""

from collections.abc import Iterator, Sequence

from msgspec import Struct

from kubectl_caps.core.assess.apply_exemptions import risk_allowance, valid_exemptions
from kubectl_caps.core.assess.assess import dangers_of
from kubectl_caps.core.assess.assessment import Assessment, ContainerAssessment
from kubectl_caps.core.kubernetes.workloads import Workload
from kubectl_caps.core.linux.capabilities import Risk
from kubectl_caps.core.podsecurity.policy import Level
from kubectl_caps.core.podsecurity.registry import Violation, checks_for

RISKS: tuple[Risk, ...] = ("low", "medium", "high", "critical")
"""The risks that `--fail-on` accepts, the lowest first."""


class Gate(Struct, frozen=True):
    """The lowest risk that fails, and the required level; None means no such gate."""

    fail_on: Risk | None = None
    require: Level | None = None

    @property
    def is_asked(self) -> bool:
        """Whether a gate is set."""
        return bool(self.fail_on or self.require)


class GateFailure(Struct, frozen=True):
    """A finding that fails a gate: the containers (none for the object itself), the reason, the check or `risk`."""

    workload: Workload
    containers: tuple[str, ...]
    why: str
    what: str = "risk"


def gate_failures(assessments: Sequence[Assessment], gate: Gate) -> Iterator[GateFailure]:
    """Every finding that fails the gate, in the order of the assessments."""
    for assessment in assessments:
        if gate.fail_on:
            yield from _risks(assessment, gate.fail_on)
        if gate.require:
            yield from _violations(assessment, gate.require)


def required(assessment: Assessment, level: Level) -> list[Violation]:
    """The violations that keep a workload from a level.

    A restricted check replaces the baseline check that it overrides. If only the restricted check is exempted, the
    baseline check counts again. Otherwise the exemption would accept a pod that baseline refuses.
    """
    counted = assessment.counted_violations
    checks = checks_for(level, assessment.minor)
    violated = {violation.check for violation in assessment.violations}
    left = {violation.check for violation in counted}
    again = {name for check, since in checks if check.id in violated - left for name in since.overrides}
    wanted = {check.id for check, _ in checks} | again
    return [violation for violation in counted if violation.check in wanted]


def _risks(assessment: Assessment, limit: Risk) -> Iterator[GateFailure]:
    if not assessment.containers:
        yield GateFailure(assessment.workload, (), "it has no containers, so its risk is not known")
    for container in assessment.containers:
        risk = container.counted_risk
        if risk == "unknown" or (risk in RISKS and RISKS.index(risk) >= RISKS.index(limit)):
            why = f"the risk is {risk}{_because(assessment, container, limit)}"
            yield GateFailure(assessment.workload, (container.container.name,), why)


def _because(assessment: Assessment, container: ContainerAssessment, limit: Risk) -> str:
    allowed = risk_allowance(valid_exemptions(assessment), container.container)
    found = dangers_of(container, assessment.workload.template.spec, allowed)
    names = [
        danger.words(name)
        for name, danger in found.items()
        if danger.risk not in RISKS or RISKS.index(danger.risk) >= RISKS.index(limit)
    ]
    return f": {', '.join(names)}" if names else ""


def _violations(assessment: Assessment, level: Level) -> Iterator[GateFailure]:
    if assessment.level is None:
        why = "it has no containers, so its Pod Security level is not known"
        yield GateFailure(assessment.workload, (), why, "level")
    for violation in required(assessment, level):
        why = f"not {level} (v1.{assessment.minor}): {violation.check}: {violation.detail or violation.reason}"
        yield GateFailure(assessment.workload, violation.containers, why, violation.check)
