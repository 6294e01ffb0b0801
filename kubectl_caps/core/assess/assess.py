"""Assesses a workload: the capabilities of its containers, the risk, the warnings, the Pod Security level."""

from collections.abc import Iterator, Sequence
from functools import lru_cache, partial

from msgspec.structs import replace

from kubectl_caps.core.assess.accepted import NOTHING, Accepted
from kubectl_caps.core.assess.assessment import (
    Assessment,
    ContainerAssessment,
    NodeRuntime,
    Observed,
    Predicted,
    RunningUser,
)
from kubectl_caps.core.assess.exposure import Case, Danger, cases, dangers_in, risk_in
from kubectl_caps.core.assess.judgement import Judgement, remembered
from kubectl_caps.core.assess.process_differences import Expected, differences, in_own_namespace
from kubectl_caps.core.assess.processes import Observation
from kubectl_caps.core.assess.risk import shares_nothing
from kubectl_caps.core.assess.status_facts import NO_FACTS, StatusFacts, status_facts
from kubectl_caps.core.kubernetes.container import Capabilities, Container, SecurityContext
from kubectl_caps.core.kubernetes.pod import ContainerRef, Pod, PodSpec, PodTemplate, members
from kubectl_caps.core.kubernetes.workloads import Workload
from kubectl_caps.core.linux.capabilities import Risk, worst
from kubectl_caps.core.linux.prediction import ContainerRequest, Prediction, predict
from kubectl_caps.core.linux.runtimes import RUNTIMES, Runtime
from kubectl_caps.core.linux.sets import CapabilitySet, ProcessSets
from kubectl_caps.core.podsecurity.defaulting import as_admitted
from kubectl_caps.core.podsecurity.policy import Level
from kubectl_caps.core.podsecurity.registry import Violation, judge_all, level_of
from kubectl_caps.core.warnings import registry
from kubectl_caps.core.warnings.rule import Subject


def assess(
    workload: Workload,
    pods: Sequence[Pod],
    places: Sequence[NodeRuntime],
    minor: int,
    observations: Sequence[Observation] = (),
    *,
    once: bool = False,
) -> Assessment:
    """Assess one pod template or pod. `pods` run from the template, on the runtimes in `places` (at least one).

    `observations` are the processes of these pods' containers. An observation can only raise the risk. With `once`, a
    template that is equal to an earlier one is not judged again. A manifest with aliases must not use `once`, because
    its template would be written out for the comparison.
    """
    told = status_facts(workload.template.spec, pods)
    judge = partial(_judged, told=told, places=places, minor=minor, observations=observations)
    # An observation is of one process, and a converted template has its fields elsewhere in each object.
    once = once and not observations and workload.places is None
    judged = remembered(workload, told, places, minor, judge) if once else judge(workload)
    return Assessment(
        workload=workload,
        containers=judged.containers,
        risk=judged.risk,
        minor=minor,
        level=judged.level,
        violations=judged.violations,
        pods=tuple(pod.metadata.name or "" for pod in pods if not workload.is_pod),
    )


def _judged(
    workload: Workload,
    *,
    told: Sequence[StatusFacts],
    places: Sequence[NodeRuntime],
    minor: int,
    observations: Sequence[Observation],
) -> Judgement:
    template = as_admitted(workload.template, pod=workload.is_pod)
    violations = judge_all(template, minor)
    containers = tuple(
        _assess_container(member, workload, facts, places, observations)
        for member, facts in zip(members(workload.template.spec), told, strict=True)
    )
    risk = worst(*(container.risk for container in containers))
    return Judgement(containers, risk, _level(template, violations, minor, workload.unseen), violations)


def _level(template: PodTemplate, violations: Sequence[Violation], minor: int, unseen: str) -> Level | None:
    """The strictest level that accepts a pod; None if the pod has no containers, which a file may leave out.

    If nobody can tell whether *restricted* accepts the pod (`unseen`), the level is at most *baseline*.
    """
    level = level_of(violations, minor)
    if unseen and level == "restricted":
        level = "baseline"
    return level if template.spec.containers or level == "privileged" else None


def _assess_container(
    member: ContainerRef,
    workload: Workload,
    facts: StatusFacts,
    places: Sequence[NodeRuntime],
    observations: Sequence[Observation],
) -> ContainerAssessment:
    spec, container = workload.template.spec, member.container
    mine = [observation for observation in observations if observation.container == container.name]
    user, declared = running_user(container, spec, facts, mine), _inherited(container, spec)
    request = _request(declared, user, spec)
    predicted = tuple(_predictions(request, places))
    observed = tuple(_observed(observation, request, predicted) for observation in mine)
    judged = _risk(request, predicted, observed, container, spec)
    subject = Subject(
        member=member,
        spec=spec,
        request=request,
        outcomes=[entry.outcome for entry in predicted],
        runtimes=[place.runtime for place in places],
        complaints=facts.complaints,
    )
    return ContainerAssessment(
        container=container,
        role=member.role,
        declared=declared,
        user=user,
        predicted=predicted,
        risk=judged.risk,
        warnings=tuple(registry.of(subject, workload.at)),
        observed=observed,
        risk_on=judged.runtimes,
    )


def _risk(
    request: ContainerRequest,
    predicted: Sequence[Predicted],
    observed: Sequence[Observed],
    container: Container,
    spec: PodSpec,
) -> Danger:
    if not observed and shares_nothing(container, spec):
        return _risk_alone(request, tuple((entry.place.runtime, entry.place.node_all) for entry in predicted))
    return risk_in(dangers_in(_cases(request, predicted, observed), container, spec, NOTHING))


@lru_cache(1_000)
def _risk_alone(request: ContainerRequest, places: tuple[tuple[Runtime, CapabilitySet | None], ...]) -> Danger:
    """The risk of every container with this request that shares nothing with its node."""
    return risk_in(dangers_in(cases(request, places), Container(), PodSpec(), NOTHING))


def risk_without(container: ContainerAssessment, spec: PodSpec, allowed: Accepted) -> Risk:
    """A container's risk without the accepted findings."""
    return risk_in(dangers_of(container, spec, allowed)).risk


def dangers_of(container: ContainerAssessment, spec: PodSpec, allowed: Accepted) -> dict[str, Danger]:
    """The dangers of a container on every runtime that it may get, without the accepted findings."""
    request = _request(container.declared, container.user, spec)
    found = _cases(request, container.predicted, container.observed)
    return dangers_in(found, container.container, spec, allowed)


def _cases(request: ContainerRequest, predicted: Sequence[Predicted], observed: Sequence[Observed]) -> list[Case]:
    """Every set that the container may get, and every set that was observed."""
    places = ((entry.place.runtime, entry.place.node_all) for entry in predicted)
    return cases(request, places, (sets for item in observed for sets in _held(item)))


def request_of(container: Container, spec: PodSpec) -> ContainerRequest:
    """The request of a container as its manifest declares it, without facts of running pods."""
    return _request(_inherited(container, spec), running_user(container, spec), spec)


def _request(declared: SecurityContext, user: RunningUser, spec: PodSpec) -> ContainerRequest:
    capabilities = declared.capabilities or Capabilities()
    return ContainerRequest(
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


def _observed(observation: Observation, request: ContainerRequest, predicted: Sequence[Predicted]) -> Observed:
    expected = _expected(observation, request, predicted)
    processes = tuple((process, differences(expected, process)) for process in observation.processes)
    in_own_namespaces = tuple(process for process in observation.processes if in_own_namespace(expected, process))
    return Observed(observation, processes, in_own_namespaces)


def _held(observed: Observed) -> Iterator[ProcessSets]:
    yield from (process.sets for process, _ in observed.processes if process not in observed.in_own_namespaces)


def _expected(observation: Observation, request: ContainerRequest, predicted: Sequence[Predicted]) -> Expected:
    """The prediction for the node of an observation, and the sets that other runtimes would have given there."""
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


def running_user(
    container: Container, spec: PodSpec, facts: StatusFacts = NO_FACTS, observations: Sequence[Observation] = ()
) -> RunningUser:
    """The user from the pods' status, else from an observation, else from the container's or the pod's runAsUser.

    If pods run as different users, the lowest user id counts, so root wins. The status of a pod with another image
    counts only if that pod runs as root.
    """
    seen = facts.users
    if seen and (any(same_image for same_image, _ in seen) or any(uid == 0 for _, uid in seen)):
        return RunningUser(min(uid for _, uid in seen), "status")
    started = {observation.granted.uid for observation in observations if observation.granted}
    if started:
        return RunningUser(min(started), "observed")
    if container.security.run_as_user is not None:
        return RunningUser(container.security.run_as_user, "container")
    if spec.security.run_as_user is not None:
        return RunningUser(spec.security.run_as_user, "pod")
    return RunningUser(None, "image")


def _inherited(container: Container, spec: PodSpec) -> SecurityContext:
    """The container's security context, with the pod's runAsUser and runAsNonRoot if the container has none."""
    own, pod = container.security, spec.security
    return SecurityContext(
        capabilities=container.capabilities,
        privileged=own.privileged,
        allow_privilege_escalation=own.allow_privilege_escalation,
        run_as_user=pod.run_as_user if own.run_as_user is None else own.run_as_user,
        run_as_non_root=pod.run_as_non_root if own.run_as_non_root is None else own.run_as_non_root,
    )


def _predictions(request: ContainerRequest, places: Sequence[NodeRuntime]) -> Iterator[Predicted]:
    """One entry for each different prediction, with the number of its nodes and the weakest evidence of these nodes."""
    merged: dict[tuple[str, Prediction], NodeRuntime] = {}
    for place in places:
        outcome = predict(place.runtime, request, place.node_all)
        key = (place.runtime.name, outcome)
        before = merged.get(key, replace(place, nodes=0))
        weakest = min((before, place), key=lambda one: one.runtime.evidence == "measured")
        runtimes = (before.runtime, place.runtime)
        runtime = replace(
            weakest.runtime,
            assumed=any(one.assumed for one in runtimes),
            non_root_holds=all(one.non_root_holds for one in runtimes),
        )
        merged[key] = replace(weakest, nodes=before.nodes + place.nodes, runtime=runtime)
    for (_, outcome), place in merged.items():
        yield Predicted(place, outcome)
