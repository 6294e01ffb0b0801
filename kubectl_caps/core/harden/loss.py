"""Works out the loss of a hardening: the capabilities that each container had before and does not have afterwards."""

from collections.abc import Iterator, Sequence

from kubectl_caps.core.assess.assess import assess
from kubectl_caps.core.assess.assessment import ContainerAssessment, NodeRuntime
from kubectl_caps.core.diagnosis.attribution import Loss
from kubectl_caps.core.diagnosis.patterns.pattern import Setting
from kubectl_caps.core.kubernetes.container import TypedProfile
from kubectl_caps.core.kubernetes.pod import Pod, PodSpec
from kubectl_caps.core.kubernetes.workloads import Workload
from kubectl_caps.core.linux.runtimes import RUNTIMES, Runtime
from kubectl_caps.core.linux.sets import CapabilitySet
from kubectl_caps.core.podsecurity.policy import NEWEST_MINOR


def losses(before: Workload, after: Workload, pods: Sequence[Pod] = ()) -> dict[str, Loss]:
    """The loss of each container by a change of the template; `pods` are the pods from before the change.

    If the pods do not show the container runtime, a capability counts as taken if any runtime takes it.
    """
    found: dict[str, Loss] = {}
    for runtime in _runtimes(pods):
        old, new = _containers(before, pods, runtime), _containers(after, (), runtime)
        for name in old.keys() & new.keys():
            settings = _settings(old[name], new[name], before.template.spec, after.template.spec)
            found[name] = _joined(found.get(name), _loss(old[name], new[name], frozenset(settings)))
    return found


def _containers(workload: Workload, pods: Sequence[Pod], runtime: Runtime) -> dict[str, ContainerAssessment]:
    found = assess(workload, pods, [NodeRuntime(runtime, 1, "assumed")], NEWEST_MINOR).containers
    return {container.container.name: container for container in found}


def _runtimes(pods: Sequence[Pod]) -> tuple[Runtime, ...]:
    ids = (status.container_id or "" for pod in pods for status in pod.status.containers.values())
    names = {container_id.partition("://")[0] for container_id in ids}
    return tuple(row for row in RUNTIMES if row.name in names) or RUNTIMES


def _loss(old: ContainerAssessment, new: ContainerAssessment, settings: frozenset[Setting]) -> Loss:
    held, kept = _bounding(old), _bounding(new)
    return Loss(frozenset((held - kept).short_names), frozenset(kept.short_names), settings)


def _joined(first: Loss | None, second: Loss) -> Loss:
    if first is None:
        return second
    taken = first.capabilities | second.capabilities
    return Loss(taken, (first.kept | second.kept) - taken, first.settings | second.settings)


def _bounding(container: ContainerAssessment) -> CapabilitySet:
    return container.predicted[0].outcome.sets.bounding


def _settings(
    old: ContainerAssessment, new: ContainerAssessment, spec: PodSpec, hardened: PodSpec
) -> Iterator[Setting]:  # fmt: skip
    escalated = (item.predicted[0].outcome.sets.no_new_privs for item in (old, new))
    if tuple(escalated) == (False, True):
        yield "allowPrivilegeEscalation"
    if not old.user.uid and not old.declared.run_as_non_root and new.declared.run_as_user:
        yield "runAsUser"
    if _seccomp(old, spec) != _seccomp(new, hardened):
        yield "seccompProfile"


def _seccomp(container: ContainerAssessment, spec: PodSpec) -> TypedProfile | None:
    return container.container.security.seccomp_profile or spec.security.seccomp_profile
