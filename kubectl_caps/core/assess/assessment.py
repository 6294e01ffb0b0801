"""`Assessment`: the facts, the risk and the findings of a workload and of each container; `assess.py` makes it."""

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from kubectl_caps.core.assess.exemptions import Exempted
from kubectl_caps.core.assess.process_differences import Difference
from kubectl_caps.core.assess.processes import Observation, Process
from kubectl_caps.core.kubernetes.container import Container, SecurityContext
from kubectl_caps.core.kubernetes.job_run import LastRun
from kubectl_caps.core.kubernetes.pod import Role
from kubectl_caps.core.kubernetes.workloads import Workload
from kubectl_caps.core.linux.capabilities import WORST_FIRST, Risk, worst
from kubectl_caps.core.linux.prediction import Prediction
from kubectl_caps.core.linux.runtimes import Runtime
from kubectl_caps.core.linux.sets import CapabilitySet
from kubectl_caps.core.podsecurity.policy import Level
from kubectl_caps.core.podsecurity.registry import Violation
from kubectl_caps.core.warnings.registry import CapabilityWarning

Provenance = Literal["declared", "assumed", "observed"]
UserSource = Literal["status", "observed", "container", "pod", "image"]


class NodeRuntime(Struct, frozen=True):
    """A container runtime and the number of nodes with it; `assumed` if no node names a runtime.

    `node_all` are the capabilities that ALL and privileged give on these nodes, if they were observed.
    """

    runtime: Runtime
    nodes: int
    provenance: Provenance
    node_all: CapabilitySet | None = None


class RunningUser(Struct, frozen=True):
    """The user of the container's first process. None means the image's own user, which is judged as root."""

    uid: int | None
    source: UserSource


class Predicted(Struct, frozen=True, gc=False):
    """The prediction for a container on one runtime."""

    place: NodeRuntime
    outcome: Prediction


class Observed(Struct, frozen=True):
    """The observation of the container in one pod, and the differences between each process and the prediction.

    `in_own_namespaces` are the processes whose capabilities count only in a user namespace of their own.
    """

    observation: Observation
    processes: tuple[tuple[Process, tuple[Difference, ...]], ...]
    in_own_namespaces: tuple[Process, ...] = ()


class ContainerAssessment(Struct, frozen=True, gc=False):
    """One container. `exempted` are accepted findings; `counted` is the risk without them.

    `risk_on` are the runtimes on which the risk is that bad, if the risk is lower on the assumed runtime.
    """

    container: Container
    role: Role
    declared: SecurityContext
    user: RunningUser
    predicted: tuple[Predicted, ...]
    risk: Risk
    warnings: tuple[CapabilityWarning, ...]
    observed: tuple[Observed, ...] = ()
    exempted: tuple[Exempted, ...] = ()
    counted: Risk | None = None
    risk_on: tuple[str, ...] = ()

    @property
    def counted_risk(self) -> Risk:
        """The risk that counts for a gate."""
        return self.risk if self.counted is None else self.counted


class Assessment(Struct, frozen=True, gc=False):
    """One workload. `minor` is the minor version of the Pod Security rules; `pods` are the pods in the workload's row.

    `owner` is the workload of a pod that has a row of its own. `exempted` are accepted violations of the pod itself;
    `counted` are the violations without all exempted ones. `last_run` is the status of the last run of a CronJob, None
    if it was not read. `held_by` names the policy that `kubectl caps policy` made for its namespace.
    """

    workload: Workload
    containers: tuple[ContainerAssessment, ...]
    risk: Risk
    minor: int
    level: Level | None
    violations: tuple[Violation, ...]
    pods: tuple[str, ...] = ()
    owner: Workload | None = None
    exempted: tuple[Exempted, ...] = ()
    counted: tuple[Violation, ...] | None = None
    last_run: LastRun | None = None
    held_by: str = ""

    @property
    def counted_violations(self) -> tuple[Violation, ...]:
        """The violations that are not exempted."""
        return self.violations if self.counted is None else self.counted


_WORST_LEVEL_FIRST: tuple[Level | None, ...] = ("privileged", None, "baseline", "restricted")


def with_worst(assessment: Assessment, other: Assessment) -> Assessment:
    """The assessment, with the risk and level of `other` if they are worse. `other` is a pod unlike its template."""
    level = min(assessment.level, other.level, key=_WORST_LEVEL_FIRST.index)
    return replace(assessment, risk=worst(assessment.risk, other.risk), level=level)


def worst_first(assessments: Sequence[Assessment]) -> list[Assessment]:
    """Sorted by falling risk; assessments of the same risk keep their order."""
    return sorted(assessments, key=lambda assessment: WORST_FIRST.index(assessment.risk))
