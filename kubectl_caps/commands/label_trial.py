"""Pods as the API server would create them now: every template tried in a dry run, with what webhooks put in."""

from collections.abc import Mapping, Sequence

import msgspec
from msgspec import Struct

from kubectl_caps.cluster.admission import mutators
from kubectl_caps.cluster.objects import Cluster
from kubectl_caps.cluster.resources import PODS
from kubectl_caps.core.creation import Trial, again, past, trials, unmade
from kubectl_caps.core.mutation import of_new_pods
from kubectl_caps.core.ownership import Key, key, same_security
from kubectl_caps.core.pod import Pod
from kubectl_caps.core.workloads import Workload
from kubectl_caps.errors import ApiError


class Tried(Struct):
    """What trials told: the pods that were made, by the `key` of their workloads, and why some were not."""

    admitted: dict[Key, Pod]
    refused: list[tuple[Workload, ApiError]]


def changed_by(cluster: Cluster) -> list[str] | None:
    """The names of what may change new pods on their way; None where nobody tells, so that everything may."""
    try:
        return of_new_pods(mutators(cluster))
    except ApiError:
        return None


def attempt(
    cluster: Cluster, namespace: str, workloads: Sequence[Workload], manager: str, mutating: Sequence[str] | None
) -> Tried:
    """Have the server create a pod of every different template, and every pod again that is made by none of them.

    Where nothing is configured that changes pods, one is enough to see that nothing else does either (a plugin that is
    compiled into the server); it is not missed where it is refused.
    """
    gone = past(workloads)
    alive = [workload for workload in workloads if id(workload) not in gone]
    tried, made = Tried({}, []), trials(alive, namespace)
    if mutating == []:
        probe = Tried({}, [])
        for trial in made[:1]:
            _try(cluster, namespace, trial, manager, probe)
        if all(_as_sent(trial, probe.admitted) for trial in made[:1]):
            return tried
    for trial in made:
        _try(cluster, namespace, trial, manager, tried)
    for pod in unmade(alive):
        _try_again(cluster, namespace, pod, manager, tried)
    return tried


def _as_sent(trial: Trial, admitted: Mapping[Key, Pod]) -> bool:
    pod = admitted.get(key(trial.workloads[0]))
    return pod is None or same_security(trial.workloads[0].template, pod)


def _try(cluster: Cluster, namespace: str, trial: Trial, manager: str, tried: Tried) -> None:
    try:
        created = cluster.create(PODS, namespace, trial.body, dry_run=True, field_manager=manager)
    except ApiError as error:
        tried.refused.append((trial.workloads[0], error))
        return
    pod = msgspec.convert(created, Pod)
    tried.admitted.update({key(workload): pod for workload in trial.workloads})


def _try_again(cluster: Cluster, namespace: str, pod: Workload, manager: str, tried: Tried) -> None:
    try:
        body = again(cluster.get(PODS, namespace, pod.name))
    except ApiError as error:
        if error.code != 404:  # gone meanwhile
            tried.refused.append((pod, error))
        return
    _try(cluster, namespace, Trial(body, [pod]), manager, tried)
