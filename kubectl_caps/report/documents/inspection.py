"""`kind: Inspection`: the document of `inspect -o json`."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType
from msgspec.structs import replace

from kubectl_caps.core.assess.assessment import Assessment, ContainerAssessment, UserSource
from kubectl_caps.core.assess.coverage import Coverage
from kubectl_caps.core.kubernetes.field_path import Path, field_path
from kubectl_caps.core.kubernetes.pod import Role
from kubectl_caps.core.linux.capabilities import Risk
from kubectl_caps.core.podsecurity.checks.check import CheckLevel
from kubectl_caps.core.podsecurity.policy import Level
from kubectl_caps.errors import AcceptedError, CapsError
from kubectl_caps.errors import NotObserved as NotObservedError
from kubectl_caps.report.documents import exemptions, processes
from kubectl_caps.report.documents.exemptions import ExemptedJson
from kubectl_caps.report.documents.frame import (
    API_VERSION,
    ApiVersion,
    Count,
    ErrorJson,
    JsonPart,
    JudgedCount,
    NotReadCount,
    ObjectJson,
    PassedOverCount,
    RulesVersion,
    Texts,
    coverage_counts,
    errors_json,
    field_paths,
    identity_fields,
)
from kubectl_caps.report.documents.processes import NotObservedJson, PredictedJson, ProcessJson


class ViolationJson(JsonPart, frozen=True):
    """A violation of a Pod Security check, in the API server's words."""

    level: CheckLevel
    check: str
    reason: str
    detail: str
    containers: Texts
    fields: Texts
    exempted: bool


class PodSecurityJson(JsonPart, frozen=True):
    """The strictest level that the workload satisfies (null: not judged), and the violations of all checks."""

    version: RulesVersion
    level: Level | None
    violations: tuple[ViolationJson, ...]


class DeclaredJson(JsonPart, frozen=True):
    """The declared settings of a container. The user settings of the pod apply if the container has none."""

    add: Texts
    drop: Texts
    privileged: bool
    allow_privilege_escalation: bool | None
    run_as_user: int | None
    run_as_non_root: bool | None


class UserJson(JsonPart, frozen=True):
    """The user of the first process; null means the image's own user, which is judged as root."""

    uid: int | None
    source: UserSource


class WarningJson(JsonPart, frozen=True):
    """A warning; `explain ID` prints its manual."""

    id: Annotated[str, Meta(pattern="^[a-z0-9-]+$")]
    message: str
    field: str


class ContainerJson(JsonPart, frozen=True):
    """One container: its declaration, the prediction, and the observed processes."""

    name: str
    role: Role
    image: str | None
    risk: Risk
    risk_runtimes: Annotated[Texts, Meta(description="The runtimes with that risk, if it is lower on containerd.")]
    declared: DeclaredJson
    user: UserJson
    predicted: tuple[PredictedJson, ...]
    observed: Annotated[
        tuple[ProcessJson, ...],
        Meta(description="With --live: every process, and each thread whose sets differ (tid is then not pid)."),
    ]
    not_observed: Annotated[
        tuple[NotObservedJson, ...],
        Meta(description="With --live: the pods in which this container could not be read."),
    ]
    warnings: tuple[WarningJson, ...]
    counted_risk: Annotated[Risk, Meta(description="The risk without exempted findings.")]
    exempted: tuple[ExemptedJson, ...]


class InspectedJson(ObjectJson, frozen=True):
    """One workload, or a pod that differs from its workload's template."""

    risk: Risk
    pod_security: PodSecurityJson
    exempted: tuple[ExemptedJson, ...]
    pods: Annotated[Texts | UnsetType, Meta(description="The pods of the workload. Missing for a pod.")]
    containers: tuple[ContainerJson, ...]


class InspectionSummary(JsonPart, frozen=True):
    """The counts of the items."""

    workloads: Count
    containers: Count
    unknown: Count
    not_judged_exempted: Count
    by_risk: dict[Risk, Count]
    by_level: dict[Level | Literal["unknown"], Count]
    exempted: Count
    expired: Count
    judged: JudgedCount
    passed_over: PassedOverCount
    not_read: NotReadCount


class InspectionDocument(JsonPart, frozen=True):
    """The document of `kubectl caps inspect -o json`."""

    api_version: ApiVersion
    kind: Literal["Inspection"]
    items: tuple[InspectedJson, ...]
    errors: tuple[ErrorJson, ...]
    summary: InspectionSummary


class InspectionCounts:
    """The counts of the summary, of one part of an inspection after the other."""

    def __init__(self, assessments: Sequence[Assessment] = ()) -> None:
        self._workloads = self._containers = self._missed = self._exempted = self._expired = 0
        self._by_risk: Counter[Risk] = Counter()
        self._by_level: Counter[Level | Literal["unknown"]] = Counter()
        self.add(assessments)

    def add(self, assessments: Sequence[Assessment]) -> None:
        """Count these assessments."""
        containers = [container for assessment in assessments for container in assessment.containers]
        self._workloads += len(assessments)
        self._containers += len(containers)
        self._missed += sum(bool(item.observation.miss) for container in containers for item in container.observed)
        self._by_risk.update(assessment.risk for assessment in assessments)
        self._by_level.update(assessment.level or "unknown" for assessment in assessments)
        exempted, expired = exemptions.exemption_counts(assessments)
        self._exempted += exempted
        self._expired += expired

    def summary(self, failed: Sequence[CapsError], coverage: Coverage | None) -> InspectionSummary:
        """The summary of all that was counted, and of the errors."""
        not_judged = sum(not isinstance(error, NotObservedError | AcceptedError) for error in failed)
        return InspectionSummary(
            workloads=self._workloads,
            containers=self._containers,
            unknown=not_judged + self._missed,
            not_judged_exempted=sum(isinstance(error, AcceptedError) for error in failed),
            by_risk=dict(self._by_risk),
            by_level=dict(self._by_level),
            exempted=self._exempted,
            expired=self._expired,
            **coverage_counts(coverage),
        )


def inspection_document(
    assessments: Sequence[Assessment], failed: Sequence[CapsError], coverage: Coverage | None = None
) -> InspectionDocument:
    """The document of all workloads and errors."""
    document = document_without_items(InspectionCounts(assessments), failed, coverage)
    return replace(document, items=tuple(inspected_items(assessments)))


def document_without_items(
    counts: InspectionCounts, failed: Sequence[CapsError], coverage: Coverage | None = None
) -> InspectionDocument:
    """The document with the counts of its items, which are to be written one by one."""
    return InspectionDocument(
        api_version=API_VERSION,
        kind="Inspection",
        items=(),
        errors=errors_json(failed),
        summary=counts.summary(failed, coverage),
    )


def inspected_items(assessments: Sequence[Assessment]) -> Iterator[InspectedJson]:
    """The items, one by one. What templates share that are alike but for names and images is made once."""
    # The ids only save time. `assessments` keeps alive what they stand for.
    made: dict[tuple[int, int, Risk], ContainerJson] = {}
    violations: _Violations = {}
    for assessment in assessments:
        containers = []
        for one in assessment.containers:
            same = (id(one.predicted), id(one.exempted), one.counted_risk)  # each judgement has predictions of its own
            if same not in made:
                made[same] = _container(one)
            containers.append(replace(made[same], name=one.container.name, image=one.container.image))
        yield _inspected(assessment, tuple(containers), tuple(_violations(assessment, violations)))


def _inspected(
    assessment: Assessment, containers: tuple[ContainerJson, ...], violations: tuple[ViolationJson, ...]
) -> InspectedJson:
    workload = assessment.workload
    return InspectedJson(
        **identity_fields(workload),
        risk=assessment.risk,
        pod_security=PodSecurityJson(
            version=f"v1.{assessment.minor}", level=assessment.level, violations=violations
        ),
        exempted=exemptions.exempted_json(assessment.exempted),
        pods=UNSET if workload.is_pod else assessment.pods,
        containers=containers,
    )


_Violations = dict[tuple[int, str, str, Path, bool], ViolationJson]
"""What violations share, by the id of their fields, the check, the reason, the template's path, and `exempted`."""


def _violations(assessment: Assessment, made: _Violations) -> Iterator[ViolationJson]:
    workload, counted = assessment.workload, {item.check for item in assessment.counted_violations}
    for item in assessment.violations:
        exempted = item.check not in counted
        same = (id(item.fields), item.check, item.reason, workload.path, exempted)
        if same not in made or workload.places is not None:
            made[same] = ViolationJson(
                level=item.level,
                check=item.check,
                reason=item.reason,
                detail=item.detail,
                containers=item.containers,
                fields=field_paths(item.fields, workload.at),
                exempted=exempted,
            )
        yield replace(made[same], detail=item.detail, containers=item.containers)


def _container(assessment: ContainerAssessment) -> ContainerJson:
    declared = assessment.declared
    capabilities = assessment.container.capabilities
    return ContainerJson(
        name=assessment.container.name,
        role=assessment.role,
        image=assessment.container.image,
        risk=assessment.risk,
        risk_runtimes=assessment.risk_on,
        declared=DeclaredJson(
            add=tuple(capabilities.add or ()),
            drop=tuple(capabilities.drop or ()),
            privileged=bool(declared.privileged),
            allow_privilege_escalation=declared.allow_privilege_escalation,
            run_as_user=declared.run_as_user,
            run_as_non_root=declared.run_as_non_root,
        ),
        user=UserJson(uid=assessment.user.uid, source=assessment.user.source),
        predicted=tuple(map(processes.predicted_json, assessment.predicted)),
        observed=processes.observed_json(assessment),
        not_observed=processes.not_observed_json(assessment),
        warnings=tuple(
            WarningJson(id=item.id, message=item.message, field=field_path(item.field)) for item in assessment.warnings
        ),
        counted_risk=assessment.counted_risk,
        exempted=exemptions.exempted_json(assessment.exempted),
    )
