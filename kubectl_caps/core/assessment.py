"""What is true of a workload: what its containers declare and get, the risk, the warnings, the Pod Security level."""

from collections.abc import Iterator, Sequence
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from kubectl_caps.core import warnings
from kubectl_caps.core.allowance import Allowance
from kubectl_caps.core.differences import Difference, Expected, differences, in_own_namespace
from kubectl_caps.core.exemptions import Exempted
from kubectl_caps.core.linux.capabilities import WORST_FIRST, Risk, worst
from kubectl_caps.core.linux.prediction import Prediction, Request, predict
from kubectl_caps.core.linux.runtimes import RUNTIMES, Runtime
from kubectl_caps.core.linux.sets import CapabilitySet, ProcessSets
from kubectl_caps.core.observation import Observation, Process
from kubectl_caps.core.pod import (
    Capabilities,
    Container,
    Member,
    Pod,
    PodSpec,
    PodTemplate,
    Role,
    SecurityContext,
    members,
)
from kubectl_caps.core.podsecurity.defaulting import as_admitted
from kubectl_caps.core.podsecurity.policy import Level
from kubectl_caps.core.podsecurity.registry import Violation, judge_all, level_of
from kubectl_caps.core.risk import dangers, risk
from kubectl_caps.core.surprises.rule import Subject
from kubectl_caps.core.warnings import CapabilityWarning
from kubectl_caps.core.workloads import Workload

Provenance = Literal["declared", "assumed", "observed"]
UserSource = Literal["status", "observed", "container", "pod", "image"]


class Place(Struct, frozen=True):
    """A container runtime and the number of nodes with it; `assumed` where no node told.

    `node_all` is what the runtime itself holds there, which is what ALL and privileged give, where that was seen.
    """

    runtime: Runtime
    nodes: int
    provenance: Provenance
    node_all: CapabilitySet | None = None


class User(Struct, frozen=True):
    """Whom the container's first process runs as: None is the image's own user, which is judged as root."""

    uid: int | None
    source: UserSource


class Predicted(Struct, frozen=True):
    """What a container gets in one place."""

    place: Place
    outcome: Prediction


class Observed(Struct, frozen=True):
    """What was seen in the container of one pod, and for each process in what it differs from the prediction.

    `elsewhere` are the processes whose capabilities count in a user namespace of their own, and not in the container.
    """

    observation: Observation
    processes: tuple[tuple[Process, tuple[Difference, ...]], ...]
    elsewhere: tuple[Process, ...] = ()


class ContainerAssessment(Struct, frozen=True):
    """`exempted` are findings that somebody has accepted; `counted` is the risk that is left without them."""

    container: Container
    role: Role
    declared: SecurityContext
    user: User
    predicted: tuple[Predicted, ...]
    risk: Risk
    warnings: tuple[CapabilityWarning, ...]
    observed: tuple[Observed, ...] = ()
    exempted: tuple[Exempted, ...] = ()
    counted: Risk | None = None

    @property
    def counted_risk(self) -> Risk:
        """The risk that a gate sees."""
        return self.risk if self.counted is None else self.counted


class Assessment(Struct, frozen=True):
    """`minor` is the minor version of the Pod Security rules; `pods` names the pods that are folded into it.

    `owner` is the workload under whose row a pod that differs from it stands. `exempted` are accepted violations of
    the pod itself; `counted` are the violations that are left without all that is exempted.
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

    @property
    def counted_violations(self) -> tuple[Violation, ...]:
        """The violations that are not exempted."""
        return self.violations if self.counted is None else self.counted


def assess(
    workload: Workload,
    pods: Sequence[Pod],
    places: Sequence[Place],
    minor: int,
    observations: Sequence[Observation] = (),
) -> Assessment:
    """Assess one pod template or pod. `pods` run from it as it is; `places` is where (at least one).

    `observations` are what was seen in the containers of these pods: it can only make the risk worse.
    """
    template = as_admitted(workload.template, pod=workload.is_pod)
    spec = workload.template.spec
    violations = judge_all(template, minor)
    containers = tuple(_assess_container(member, workload, pods, places, observations) for member in members(spec))
    return Assessment(
        workload=workload,
        containers=containers,
        risk=worst(*(container.risk for container in containers)),
        minor=minor,
        level=_level(template, violations, minor),
        violations=violations,
        pods=tuple(pod.metadata.name or "" for pod in pods if not workload.is_pod),
    )


def _level(template: PodTemplate, violations: Sequence[Violation], minor: int) -> Level | None:
    """The strictest level that accepts a pod; None where that cannot be told: a file may leave its containers out."""
    level = level_of(violations, minor)
    return level if template.spec.containers or level == "privileged" else None


def _assess_container(
    member: Member,
    workload: Workload,
    pods: Sequence[Pod],
    places: Sequence[Place],
    observations: Sequence[Observation],
) -> ContainerAssessment:
    spec, container = workload.template.spec, member.container
    mine = [observation for observation in observations if observation.container == container.name]
    user, declared = _user(container, spec, pods, mine), _inherited(container, spec)
    request = _request(declared, user, spec)
    predicted = tuple(_predictions(request, places))
    observed = tuple(_observed(observation, request, predicted) for observation in mine)
    sets = _sets(predicted, observed)
    subject = Subject(
        member=member,
        spec=spec,
        request=request,
        outcomes=[entry.outcome for entry in predicted],
        runtimes=[place.runtime for place in places],
        complaints=tuple(_complaints(container.name, pods)),
    )
    return ContainerAssessment(
        container=container,
        role=member.role,
        declared=declared,
        user=user,
        predicted=predicted,
        risk=worst(*(risk(request, one, container, spec) for one in sets)),
        warnings=tuple(warnings.of(subject, workload.path)),
        observed=observed,
    )


def risk_without(container: ContainerAssessment, spec: PodSpec, allowed: Allowance) -> Risk:
    """A container's risk where what is allowed does not count."""
    request = _request(container.declared, container.user, spec)
    sets = _sets(container.predicted, container.observed)
    return worst(*(risk(request, one, container.container, spec, allowed) for one in sets))


def dangers_of(container: ContainerAssessment, spec: PodSpec, allowed: Allowance) -> dict[str, Risk]:
    """What makes a container dangerous wherever it runs, and how much, where what is allowed does not count."""
    request = _request(container.declared, container.user, spec)
    found: dict[str, Risk] = {}
    for sets in _sets(container.predicted, container.observed):
        for name, one in dangers(request, sets, container.container, spec, allowed):
            found[name] = worst(one, found.get(name, "none"))
    return found


def _sets(predicted: Sequence[Predicted], observed: Sequence[Observed]) -> list[ProcessSets]:
    """All that it is predicted to get, and all that was seen."""
    sets = [*(entry.outcome.sets for entry in predicted), *(sets for item in observed for sets in _held(item))]
    return list(dict.fromkeys(sets))


def _request(declared: SecurityContext, user: User, spec: PodSpec) -> Request:
    capabilities = declared.capabilities or Capabilities()
    return Request(
        add=tuple(capabilities.add or ()),
        drop=tuple(capabilities.drop or ()),
        privileged=bool(declared.privileged),
        allow_privilege_escalation=declared.allow_privilege_escalation,
        uid=user.uid,
        non_root=bool(declared.run_as_non_root),
        host_users=spec.host_users,
        runtime_class=spec.runtime_class_name,
        windows=bool(spec.os and spec.os.name == "windows"),
    )


def _observed(observation: Observation, request: Request, predicted: Sequence[Predicted]) -> Observed:
    expected = _expected(observation, request, predicted)
    processes = tuple((process, differences(expected, process)) for process in observation.processes)
    elsewhere = tuple(process for process in observation.processes if in_own_namespace(expected, process))
    return Observed(observation, processes, elsewhere)


def _held(observed: Observed) -> Iterator[ProcessSets]:
    yield from (process.sets for process, _ in observed.processes if process not in observed.elsewhere)


def _expected(observation: Observation, request: Request, predicted: Sequence[Predicted]) -> Expected:
    """The prediction for the node of an observation, and what other runtimes would have given there."""
    granted = observation.granted
    there = [entry for entry in predicted if entry.place.runtime == observation.runtime] or list(predicted)
    entry = next((entry for entry in there if granted and entry.outcome.sets == granted.sets), there[0])
    place = entry.place
    others = {
        f"{row.name} {'.'.join(map(str, row.since)) or '0'} and newer": predict(row, request, place.node_all).sets
        for row in sorted(RUNTIMES, key=lambda row: (row.name == place.runtime.name, row.since), reverse=True)
        if row != place.runtime
    }
    return Expected(entry.outcome.sets, request.uid, place.runtime.name, place.runtime.configurable, others, granted)


def _user(container: Container, spec: PodSpec, pods: Sequence[Pod], observations: Sequence[Observation]) -> User:
    """The user by status, then by observation, then container, then pod; where pods disagree, root if any is root.

    A pod of another image tells nothing about the user of this one, unless that is root.
    """
    seen = {(image, uid) for pod in pods for image, uid in _users(container.name, pod)}
    if seen and (any(image == container.image for image, _ in seen) or any(uid == 0 for _, uid in seen)):
        return User(min(uid for _, uid in seen), "status")
    started = {observation.granted.uid for observation in observations if observation.granted}
    if started:
        return User(min(started), "observed")
    if container.security.run_as_user is not None:
        return User(container.security.run_as_user, "container")
    if spec.security.run_as_user is not None:
        return User(spec.security.run_as_user, "pod")
    return User(None, "image")


def _users(name: str, pod: Pod) -> Iterator[tuple[str | None, int]]:
    """The image of a pod's container, and the user that it is seen to run as."""
    status = pod.status.containers.get(name)
    if status and status.uid is not None:
        yield from ((item.container.image, status.uid) for item in members(pod.spec) if item.container.name == name)


def _complaints(name: str, pods: Sequence[Pod]) -> Iterator[str]:
    """What the status of the pods says of why the container does not run, or ended."""
    for status in (pod.status.containers.get(name) for pod in pods):
        if status:
            states = (status.state.waiting, status.state.terminated, status.last_state.terminated)
            yield from (state.message for state in states if state)


def _inherited(container: Container, spec: PodSpec) -> SecurityContext:
    """The container's security context with the pod's user settings where it has none (the container's win)."""
    own, pod = container.security, spec.security
    return SecurityContext(
        capabilities=container.capabilities,
        privileged=own.privileged,
        allow_privilege_escalation=own.allow_privilege_escalation,
        run_as_user=pod.run_as_user if own.run_as_user is None else own.run_as_user,
        run_as_non_root=pod.run_as_non_root if own.run_as_non_root is None else own.run_as_non_root,
    )


def _predictions(request: Request, places: Sequence[Place]) -> Iterator[Predicted]:
    """One entry for each different answer, however many nodes give it; its evidence is the weakest of theirs."""
    merged: dict[tuple[str, Prediction], Place] = {}
    for place in places:
        outcome = predict(place.runtime, request, place.node_all)
        key = (place.runtime.name, outcome)
        before = merged.get(key, replace(place, nodes=0))
        weakest = min((before, place), key=lambda one: one.runtime.evidence == "measured")
        merged[key] = replace(weakest, nodes=before.nodes + place.nodes)
    for (_, outcome), place in merged.items():
        yield Predicted(place, outcome)


_WORST_LEVEL_FIRST: tuple[Level | None, ...] = ("privileged", None, "baseline", "restricted")


def worsened(assessment: Assessment, other: Assessment) -> Assessment:
    """The assessment with the risk and level of `other` where those are worse: a pod that differs from its template."""
    level = min(assessment.level, other.level, key=_WORST_LEVEL_FIRST.index)
    return replace(assessment, risk=worst(assessment.risk, other.risk), level=level)


def worst_first(assessments: Sequence[Assessment]) -> list[Assessment]:
    """By falling risk; those of the same risk stay in their order."""
    return sorted(assessments, key=lambda assessment: WORST_FIRST.index(assessment.risk))
