"""Applies exemptions to assessments: marks the exempted findings, and works out the findings that still count.

An exemption takes away exactly what it names. An exempted capability does not count for the risk, and its add does not
count for Pod Security. An exempted check does not count for the matching containers. Facts stay unchanged.
"""

from collections.abc import Iterator, Mapping, Sequence, Set
from datetime import date

from msgspec import Struct
from msgspec.structs import replace

from kubectl_caps.core.assess.accepted import PRIVILEGED, Accepted
from kubectl_caps.core.assess.assess import dangers_of, risk_without
from kubectl_caps.core.assess.assessment import Assessment, ContainerAssessment
from kubectl_caps.core.assess.exemptions import Exempted, Exemption, annotated
from kubectl_caps.core.assess.exposure import Danger
from kubectl_caps.core.kubernetes.container import Container
from kubectl_caps.core.kubernetes.field_path import Path
from kubectl_caps.core.kubernetes.pod import PodSpec, PodTemplate, with_each_container
from kubectl_caps.core.kubernetes.workloads import Workload
from kubectl_caps.core.podsecurity.defaulting import as_admitted
from kubectl_caps.core.podsecurity.registry import Violation, judge_all

_NOT_SHARED = Accepted(checks=frozenset(["hostNamespaces", "hostPathVolumes"]))
_LISTS = {
    "containers": "containers", "initContainers": "init_containers", "ephemeralContainers": "ephemeral_containers",
}  # fmt: skip


MetFinding = tuple[str, str, str]
"""The origin of an exemption, and the finding that it matches: `capability`, `check` or `warning`, and its name."""


class ExemptionResult(Struct, frozen=True):
    """Assessments with their exempted findings, and the lines to print about exemptions that did not work.

    `met` are the findings that exemptions match.
    """

    assessments: list[Assessment]
    remarks: list[str]
    met: frozenset[MetFinding]


def exempt(
    assessments: Sequence[Assessment], listed: Sequence[Exemption], today: date, *, annotations: bool = True
) -> ExemptionResult:
    """Mark the findings that exemptions of a file and of annotations match, and work out the findings that still count.

    Without `annotations`, exemptions in annotations do not count, and a remark names each of them.
    """
    done: list[Assessment] = []
    remarks: dict[str, None] = {}
    met: set[MetFinding] = set()
    for assessment in assessments:
        own, wrong = _annotations(assessment)
        if not annotations:
            own, wrong = [], [f"{exemption.origin}: exempts nothing, because only the file counts" for exemption in own]
        meant = [*applying(assessment, listed), *own]
        result = under(assessment, meant, today) if meant else assessment
        done.append(result)
        items = met_exemptions(result) if meant else []
        met |= {(item.exemption.origin, item.what, item.id) for item in items}
        for text in [*wrong, *_expired(items)]:
            remarks[f"{assessment.workload.reference}: {text}"] = None
    return ExemptionResult(done, list(remarks), frozenset(met))


def met_exemptions(assessment: Assessment) -> list[Exempted]:
    """All exempted findings of a workload, the pod's first."""
    return [*assessment.exempted, *(item for container in assessment.containers for item in container.exempted)]


def applying(assessment: Assessment, listed: Sequence[Exemption]) -> list[Exemption]:
    """The exemptions of a file that match the workload, or match the owner of a pod."""
    objects = [item for item in (assessment.workload, assessment.owner) if item]
    return [exemption for exemption in listed if any(exemption.meets(item) for item in objects)]


def counted(workload: Workload, exemptions: Sequence[Exemption], minor: int) -> tuple[Violation, ...]:
    """The violations of both levels that still count, each with the containers that still count."""
    judged = judge_all(without(workload, exemptions), minor)
    return tuple(left for violation in judged if (left := _left(violation, workload, exemptions)))


def without(workload: Workload, exemptions: Sequence[Exemption]) -> PodTemplate:
    """The template without the adds of exempted capabilities, to be judged again."""
    template = as_admitted(workload.template, pod=workload.is_pod)
    spec = with_each_container(template.spec, lambda item: _stripped(item, allowance(exemptions, item)))
    return replace(template, spec=spec)


def allowance(exemptions: Sequence[Exemption], container: Container) -> Accepted:
    """The findings of a container that exemptions accept. `privileged` counts only for a privileged container."""
    names = {name for item in _meant(exemptions, container.name) for name in item.capabilities}
    return Accepted(frozenset(names if container.security.privileged else names - {PRIVILEGED}))


def risk_allowance(exemptions: Sequence[Exemption], container: Container) -> Accepted:
    """The accepted parts of a container's risk: its capabilities, and the parts that the pod shares with its node."""
    return replace(allowance(exemptions, container), checks=_checks(exemptions, None))


def _meant(exemptions: Sequence[Exemption], container: str | None) -> list[Exemption]:
    return [exemption for exemption in exemptions if exemption.meets_container(container)]


def _checks(exemptions: Sequence[Exemption], container: str | None) -> frozenset[str]:
    """The exempted checks of a container; None means the pod itself."""
    return frozenset(check for item in _meant(exemptions, container) for check in item.checks)


def valid_exemptions(assessment: Assessment) -> list[Exemption]:
    """The exemptions that match a finding of the workload and have not expired."""
    return list(dict.fromkeys(item.exemption for item in met_exemptions(assessment) if not item.expired))


def _annotations(assessment: Assessment) -> tuple[list[Exemption], list[str]]:
    objects = [item for item in (assessment.workload, assessment.owner) if item]
    found = [item for workload in objects for item in annotated(workload)]
    exemptions = dict.fromkeys(item for item in found if isinstance(item, Exemption))
    return list(exemptions), list(dict.fromkeys(item for item in found if isinstance(item, str)))


def under(assessment: Assessment, exemptions: Sequence[Exemption], today: date) -> Assessment:
    """The assessment under exactly these exemptions; earlier exemptions are dropped."""
    valid = [exemption for exemption in exemptions if not exemption.expired(today)]
    return replace(
        assessment,
        containers=tuple(
            _exempt_container(container, assessment, exemptions, valid, today) for container in assessment.containers
        ),
        exempted=tuple(
            Exempted("check", violation.check, exemption, exemption.expired(today))
            for violation in assessment.violations
            if is_of_pod(violation)
            for exemption in exemptions
            if violation.check in exemption.checks and exemption.meets_container(None)
        ),
        counted=counted(assessment.workload, valid, assessment.minor),
    )


def _exempt_container(
    container: ContainerAssessment,
    assessment: Assessment,
    exemptions: Sequence[Exemption],
    valid: Sequence[Exemption],
    today: date,
) -> ContainerAssessment:
    name, spec = container.container.name, assessment.workload.template.spec
    found = tuple(
        Exempted(what, id_, exemption, exemption.expired(today))  # type: ignore[arg-type]
        for exemption in exemptions
        if exemption.meets_container(name)
        for what, ids in _met(exemption, container, assessment)
        for id_ in ids
    )
    left = risk_without(container, spec, risk_allowance(valid, container.container))
    return replace(container, exempted=found, counted=left)


def _met(
    exemption: Exemption, container: ContainerAssessment, assessment: Assessment
) -> Iterator[tuple[str, Sequence[str]]]:
    """The findings of a container that an exemption matches."""
    name = container.container.name
    holds = dangers_of(container, assessment.workload.template.spec, _NOT_SHARED)
    yield "capability", [item for item in exemption.capabilities if _has(container, item, holds)]
    checks = {violation.check for violation in assessment.violations if name in violation.containers}
    yield "check", [item for item in exemption.checks if item in checks]
    warned = {warning.id for warning in container.warnings}
    yield "warning", [item for item in exemption.warnings if item in warned]


def _has(container: ContainerAssessment, name: str, holds: Mapping[str, Danger]) -> bool:
    """Whether a container can come to hold a capability, or declares it."""
    if name == PRIVILEGED:
        return bool(container.container.security.privileged)
    adds = container.container.capabilities.add or ()
    if name == "ALL":
        return bool(holds or adds)
    return name in holds or any(Accepted(frozenset([name])).covers(add) for add in adds)


def _stripped(container: Container, allowed: Accepted) -> Container:
    security = container.security_context
    if security is None or not allowed.capabilities:
        return container
    capabilities = security.capabilities
    if capabilities and capabilities.add:
        left = [name for name in capabilities.add if not allowed.covers(name)]
        capabilities = replace(capabilities, add=left)
    privileged = None if allowed.privileged else security.privileged
    return replace(container, security_context=replace(security, capabilities=capabilities, privileged=privileged))


def _left(violation: Violation, workload: Workload, exemptions: Sequence[Exemption]) -> Violation | None:
    """The violation for the containers, and the pod, for which its check is not exempted."""
    containers = tuple(name for name in violation.containers if violation.check not in _checks(exemptions, name))
    of_pod = is_of_pod(violation) and violation.check not in _checks(exemptions, None)
    if not containers and not of_pod:
        return None
    fields = tuple(path for path in violation.fields if _owner(path, workload.template.spec) in (None, *containers))
    return replace(violation, containers=containers, fields=fields)


def is_of_pod(violation: Violation) -> bool:
    """Whether a field of the pod itself violates the check, not only fields of containers."""
    return not violation.containers or any(container_list(path) is None for path in violation.fields)


def container_list(path: Path) -> tuple[str, int] | None:
    """The list and index of the container that a field of a pod belongs to."""
    if len(path) > 2 and path[0] == "spec" and path[1] in _LISTS and isinstance(path[2], int):
        return str(path[1]), path[2]
    return None


def _owner(path: Path, spec: PodSpec) -> str | None:
    place = container_list(path)
    return getattr(spec, _LISTS[place[0]])[place[1]].name if place else None


def _expired(items: Sequence[Exempted]) -> list[str]:
    gone: dict[Exemption, list[str]] = {}
    for item in items:
        if item.expired:
            gone.setdefault(item.exemption, []).append(item.id)
    return [
        f"{', '.join(dict.fromkeys(ids))}: exempted until {exemption.until} ({exemption.origin}), counts again"
        for exemption, ids in gone.items()
    ]


def unused(listed: Sequence[Exemption], met: Set[MetFinding]) -> Iterator[str]:
    """A line for each exemption of a file that matches no finding, or only some of the findings that it names."""
    for exemption in listed:
        names = [("capability", name) for name in exemption.capabilities]
        names += [("check", name) for name in exemption.checks]
        names += [("warning", name) for name in exemption.warnings]
        idle = [f"{what} {name}" for what, name in names if (exemption.origin, what, name) not in met]
        if idle:
            yield f"{exemption.origin}: not used, because no finding matches {', '.join(idle)}"
