"""An inspection as a list of findings, the worst first, for code scanning.

A finding is a Pod Security check that refuses a container (or the pod), a warning, or the risk of a container. A
finding that exemptions cover completely stays in the list, with its exemptions in `accepted`.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Literal

from msgspec import Struct

from kubectl_caps.core.assess.accepted import NOTHING
from kubectl_caps.core.assess.apply_exemptions import container_list, is_of_pod
from kubectl_caps.core.assess.assess import dangers_of
from kubectl_caps.core.assess.assessment import Assessment, ContainerAssessment
from kubectl_caps.core.assess.exemptions import Exempted, Exemption
from kubectl_caps.core.kubernetes.field_path import Path
from kubectl_caps.core.kubernetes.pod import members
from kubectl_caps.core.kubernetes.workloads import Workload
from kubectl_caps.core.linux.capabilities import WORST_FIRST, Risk
from kubectl_caps.core.podsecurity.registry import Violation
from kubectl_caps.core.text import first_few

TextRegion = tuple[int, int, int]
"""Line, first column, and the column after the last character; all count from 1."""

Locate = Callable[[Workload, Path], TextRegion | None]
"""Returns the position of an object's field in its file; None for an object of a cluster."""

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")

REPORTED: tuple[Risk, ...] = ("critical", "unknown", "high", "medium")
"""A container with one of these risks is a finding."""

_MANY = 8


class ReportedFinding(Struct, frozen=True, kw_only=True):
    """One finding. `fields` are paths in the object; reports point to the first. A `container` of None is the pod."""

    rule: str
    severity: Severity
    message: str
    workload: Workload
    container: str | None
    fields: tuple[Path, ...]
    accepted: tuple[Exemption, ...] = ()


def reported_findings(assessments: Sequence[Assessment]) -> list[ReportedFinding]:
    """Every finding; errors, then warnings, then notes, each in the order of the assessments."""
    found = [finding for assessment in assessments for finding in _of(assessment)]
    return sorted(found, key=lambda finding: SEVERITIES.index(finding.severity))


def _of(assessment: Assessment) -> Iterator[ReportedFinding]:
    for violation in assessment.violations:
        yield from _violation(violation, assessment)
    paths = [member.path for member in members(assessment.workload.template.spec)]
    for container, path in zip(assessment.containers, paths, strict=True):
        yield from _risk(container, path, assessment)
        for warning in container.warnings:
            accepted = [item.exemption for item in _valid(container.exempted, "warning") if item.id == warning.id]
            yield ReportedFinding(
                rule=f"warning-{warning.id}",
                severity="warning",
                message=f'{_object(assessment)}, container "{container.container.name}": {warning.message}',
                workload=assessment.workload,
                container=container.container.name,
                fields=(warning.field,),
                accepted=tuple(accepted),
            )


def _violation(violation: Violation, assessment: Assessment) -> Iterator[ReportedFinding]:
    """One finding for each container that violates the check, and one for the pod if a field of the pod does."""
    counted = next((item for item in assessment.counted_violations if item.check == violation.check), None)
    parts: dict[str | None, list[Path]] = {name: [] for name in violation.containers}
    names = {member.path[1:3]: member.container.name for member in members(assessment.workload.template.spec)}
    for path in violation.fields:
        place = container_list(path)
        parts.setdefault(names.get(place) if place else None, []).append(assessment.workload.at(path))
    for name, fields in (parts or {None: []}).items():
        left = counted is not None and (name in counted.containers if name else is_of_pod(counted))
        subject = f', container "{name}"' if name else ""
        yield ReportedFinding(
            rule=f"pod-security-{violation.check}",
            severity="error" if violation.level == "baseline" else "warning",
            message=f"{_object(assessment)}{subject}: {violation.detail or violation.reason}",
            workload=assessment.workload,
            container=name,
            fields=tuple(fields) or (assessment.workload.at(("spec",)),),
            accepted=() if left else _reasons(violation, name, assessment),
        )


def _reasons(violation: Violation, name: str | None, assessment: Assessment) -> tuple[Exemption, ...]:
    """The exemptions that cover a violation: those of its check, else those of the container's capabilities."""
    items = [
        item
        for container in assessment.containers
        if container.container.name == name
        for item in container.exempted
        if not item.expired
    ]
    items = [item for item in (items if name else assessment.exempted) if not item.expired]
    own = [item.exemption for item in items if item.what == "check" and item.id == violation.check]
    return tuple(dict.fromkeys(own or [item.exemption for item in items if item.what == "capability"]))


def _risk(container: ContainerAssessment, path: Path, assessment: Assessment) -> Iterator[ReportedFinding]:
    if container.risk not in REPORTED:
        return
    left = container.counted_risk
    shown: Risk = left if left in REPORTED else container.risk
    found = dangers_of(container, assessment.workload.template.spec, NOTHING)
    reported = [(name, danger) for name, danger in found.items() if danger.risk in REPORTED]
    reported.sort(key=lambda item: WORST_FIRST.index(item[1].risk))
    because = first_few([f"{danger.words(name)} ({danger.risk})" for name, danger in reported], _MANY)
    exempted = "" if left == container.risk else f"; {left} without exempted findings"
    field: Path = ("privileged",) if container.declared.privileged else ("capabilities",)
    severity: Severity = "error" if shown in ("critical", "high") else "warning"
    yield ReportedFinding(
        rule=f"risk-{shown}",
        severity=severity,
        message=f'{_object(assessment)}, container "{container.container.name}": the risk is {container.risk}'
        f"{exempted}: {because}",
        workload=assessment.workload,
        container=container.container.name,
        fields=(assessment.workload.at((*path, "securityContext", *field)),),
        accepted=() if left in REPORTED else _accepted(container, assessment),
    )


def _accepted(container: ContainerAssessment, assessment: Assessment) -> tuple[Exemption, ...]:
    items = [*_valid(container.exempted, "capability"), *_valid(assessment.exempted, "check")]
    return tuple(dict.fromkeys(item.exemption for item in items))


def _valid(items: Sequence[Exempted], what: str) -> list[Exempted]:
    return [item for item in items if item.what == what and not item.expired]


def _object(assessment: Assessment) -> str:
    workload = assessment.workload
    return f"{workload.reference}{f' in {workload.namespace}' if workload.namespace else ''}"
