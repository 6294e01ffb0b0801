"""What is true of a workload: what its containers declare and get, the risk, the warnings, the Pod Security level."""

from collections.abc import Iterator, Sequence
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from kubectl_caps.core import warnings
from kubectl_caps.core.linux.capabilities import BY_NUMBER, WORST_FIRST, Risk, worst
from kubectl_caps.core.linux.prediction import Prediction, predict
from kubectl_caps.core.linux.runtimes import Runtime
from kubectl_caps.core.linux.sets import CapabilitySet
from kubectl_caps.core.pod import Container, Member, Pod, PodSpec, Role, SecurityContext, members
from kubectl_caps.core.podsecurity.defaulting import as_admitted
from kubectl_caps.core.podsecurity.policy import LEVELS, Level
from kubectl_caps.core.podsecurity.registry import Violation, judge_all, strictest
from kubectl_caps.core.surprises.rule import Subject
from kubectl_caps.core.warnings import CapabilityWarning
from kubectl_caps.core.workloads import Workload

Provenance = Literal["declared", "assumed", "observed"]
UserSource = Literal["status", "container", "pod", "image"]


class Place(Struct, frozen=True):
    """A container runtime and the number of nodes with it; `assumed` where no node told."""

    runtime: Runtime
    nodes: int
    provenance: Provenance


class User(Struct, frozen=True):
    """Whom the container's first process runs as: None is the image's own user, which is judged as root."""

    uid: int | None
    source: UserSource


class Predicted(Struct, frozen=True):
    """What a container gets in one place."""

    place: Place
    outcome: Prediction


class ContainerAssessment(Struct, frozen=True):
    container: Container
    role: Role
    declared: SecurityContext
    user: User
    predicted: tuple[Predicted, ...]
    risk: Risk
    warnings: tuple[CapabilityWarning, ...]


class Assessment(Struct, frozen=True):
    """`minor` is the minor version of the Pod Security rules; `pods` names the pods that are folded into it."""

    workload: Workload
    containers: tuple[ContainerAssessment, ...]
    risk: Risk
    minor: int
    level: Level
    violations: tuple[Violation, ...]
    pods: tuple[str, ...] = ()


# What makes a capability worse than it is by itself: (capability, field of the pod spec, risk).
# Sources: 0xn3va/cheat-sheets, Container/Escaping/excessive-capabilities.md; cdk-team/CDK.
_WORSE_WITH: tuple[tuple[str, str, Risk], ...] = (
    ("NET_ADMIN", "host_network", "critical"),
    ("SYS_PTRACE", "host_pid", "critical"),
    ("KILL", "host_pid", "medium"),
    ("IPC_OWNER", "host_ipc", "medium"),
)
_WORSE_WITH_HOST_PATH: tuple[tuple[str, Risk], ...] = (("DAC_OVERRIDE", "high"), ("SETFCAP", "medium"))


def assess(workload: Workload, pods: Sequence[Pod], places: Sequence[Place], minor: int) -> Assessment:
    """Assess one pod template or pod. `pods` run from it as it is; `places` is where (at least one)."""
    template = as_admitted(workload.template, pod=workload.is_pod)
    spec = workload.template.spec
    containers = tuple(_assess_container(member, workload, pods, places) for member in members(spec))
    return Assessment(
        workload=workload,
        containers=containers,
        risk=worst(*(container.risk for container in containers)),
        minor=minor,
        level=strictest(template, minor),
        violations=judge_all(template, minor),
        pods=tuple(pod.metadata.name or "" for pod in pods if not workload.is_pod),
    )


def same_security(one: PodSpec, other: PodSpec) -> bool:
    """Whether two pod specs give their containers the same rights: what folds a pod under its workload."""
    return _rights(one) == _rights(other)


def _rights(spec: PodSpec) -> object:
    host = (spec.host_network, spec.host_pid, spec.host_ipc)
    containers = {
        member.container.name: (member.role, member.container.security, member.container.capabilities)
        for member in members(spec)
    }
    return [bool(flag) for flag in host], spec.host_users, spec.security, containers


def _assess_container(
    member: Member, workload: Workload, pods: Sequence[Pod], places: Sequence[Place]
) -> ContainerAssessment:
    spec, container = workload.template.spec, member.container
    user = _user(container, spec, pods)
    predicted = tuple(_predictions(container, spec, user, places))
    subject = Subject(
        member=member,
        spec=spec,
        outcomes=[entry.outcome for entry in predicted],
        runtimes=[place.runtime for place in places],
        uid=user.uid,
        complaints=tuple(_complaints(container.name, pods)),
    )
    return ContainerAssessment(
        container=container,
        role=member.role,
        declared=_inherited(container, spec),
        user=user,
        predicted=predicted,
        risk=worst(*(_risk(entry.outcome, container, spec) for entry in predicted)),
        warnings=tuple(warnings.of(subject, workload.path)),
    )


def _user(container: Container, spec: PodSpec, pods: Sequence[Pod]) -> User:
    """The user by status, then container, then pod; where pods disagree, root if any is root."""
    statuses = (pod.status.containers.get(container.name) for pod in pods)
    seen = {status.uid for status in statuses if status and status.uid is not None}
    if seen:
        return User(min(seen), "status")
    if container.security.run_as_user is not None:
        return User(container.security.run_as_user, "container")
    if spec.security.run_as_user is not None:
        return User(spec.security.run_as_user, "pod")
    return User(None, "image")


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


def _predictions(container: Container, spec: PodSpec, user: User, places: Sequence[Place]) -> Iterator[Predicted]:
    """One entry for each different answer, however many nodes give it."""
    merged: dict[tuple[str, Prediction], Place] = {}
    for place in places:
        outcome = predict(
            place.runtime,
            capabilities=container.capabilities,
            privileged=bool(container.security.privileged),
            allow_privilege_escalation=container.security.allow_privilege_escalation,
            uid=user.uid,
            windows=bool(spec.os and spec.os.name == "windows"),
            host_users=spec.host_users,
        )
        key = (place.runtime.name, outcome)
        nodes = place.nodes + (merged[key].nodes if key in merged else 0)
        merged[key] = Place(place.runtime, nodes, place.provenance)
    for (_, outcome), place in merged.items():
        yield Predicted(place, outcome)


def _risk(outcome: Prediction, container: Container, spec: PodSpec) -> Risk:
    """The worst capability that an attacker in the container can hold, or a privileged container's `critical`."""
    if container.security.privileged:
        return "critical"
    return worst("none", *(risk for capability in reachable(outcome) for risk in _risks(capability, spec)))


def reachable(outcome: Prediction) -> CapabilitySet:
    """What code in the container can come to hold: its permitted set, and the bounding set where setuid programs work.

    no_new_privs keeps an execve from granting anything (Documentation/userspace-api/no_new_privs.rst).
    """
    sets = outcome.sets
    return sets.permitted if sets.no_new_privs else sets.permitted | sets.bounding


def _risks(number: int, spec: PodSpec) -> Iterator[Risk]:
    capability = BY_NUMBER.get(number)
    if capability is None:
        yield "unknown"
        return
    yield capability.risk
    yield from (risk for name, field, risk in _WORSE_WITH if name == capability.name and getattr(spec, field))
    if any(volume.host_path is not None for volume in spec.volumes or ()):
        yield from (risk for name, risk in _WORSE_WITH_HOST_PATH if name == capability.name)


def worsened(assessment: Assessment, other: Assessment) -> Assessment:
    """The assessment with the risk and level of `other` where those are worse: a pod that differs from its template."""
    level = min(assessment.level, other.level, key=LEVELS.index)
    return replace(assessment, risk=worst(assessment.risk, other.risk), level=level)


def worst_first(assessments: Sequence[Assessment]) -> list[Assessment]:
    """By falling risk; those of the same risk stay in their order."""
    return sorted(assessments, key=lambda assessment: WORST_FIRST.index(assessment.risk))
