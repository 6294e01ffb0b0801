"""`StatusFacts`: all that an assessment of a container reads from the status of its pods."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from kubectl_caps.core.kubernetes.container import Container
from kubectl_caps.core.kubernetes.pod import ContainerStatus, Pod, PodSpec, members


class StatusFacts(Struct, frozen=True):
    """The users that the container runs as, each with whether the pod has the same image, and the complaints.

    A complaint is a message that says why the container does not run or why it ended.
    """

    users: frozenset[tuple[bool, int]] = frozenset()
    complaints: tuple[str, ...] = ()


NO_FACTS = StatusFacts()
_NO_STATUS = Pod().status


def status_facts(spec: PodSpec, pods: Sequence[Pod]) -> tuple[StatusFacts, ...]:
    """The facts in the status of these pods about each container of a pod template, in the order of `members`."""
    containers = [member.container for member in members(spec)]
    reported = [(pod, found) for pod in pods if pod.status is not _NO_STATUS and (found := pod.status.containers)]
    if not reported:
        return (NO_FACTS,) * len(containers)
    return tuple(_facts(container, reported) for container in containers)


def _facts(container: Container, reported: Sequence[tuple[Pod, Mapping[str, ContainerStatus]]]) -> StatusFacts:
    users, complaints = set[tuple[bool, int]](), list[str]()
    for pod, statuses in reported:
        status = statuses.get(container.name)
        if not status:
            continue
        if status.uid is not None:
            same = [one.container for one in members(pod.spec) if one.container.name == container.name]
            users |= {(one.image == container.image, status.uid) for one in same}
        states = (status.state.waiting, status.state.terminated, status.last_state.terminated)
        complaints += [state.message for state in states if state]
    return StatusFacts(frozenset(users), tuple(complaints))
