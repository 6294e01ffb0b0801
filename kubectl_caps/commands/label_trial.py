"""Pods as the API server would create them now: every template tried in a dry run, with what webhooks put in."""

from collections.abc import Mapping, Sequence

import msgspec
from msgspec import Struct

from kubectl_caps.cluster.admission import mutators
from kubectl_caps.cluster.objects import Cluster
from kubectl_caps.cluster.resources import PODS
from kubectl_caps.core.creation import ADDED_LABELS, Trial, again, past, trials, unmade
from kubectl_caps.core.mutation import Mutation, of_new_pods
from kubectl_caps.core.ownership import Key, key, same_security
from kubectl_caps.core.pod import Pod
from kubectl_caps.core.workloads import Workload, kind_of
from kubectl_caps.errors import ApiError


class Tried(Struct):
    """What trials told: the pods that were made, by the `key` of their workloads, and why some were not."""

    admitted: dict[Key, Pod]
    refused: list[tuple[Workload, ApiError]]


class Room(Struct, frozen=True):
    """Where pods are tried: a namespace, with the labels that it has or may get, and what may change pods on their way.

    `mutations` is None where nobody tells, so that everything may be changed.
    """

    cluster: Cluster
    namespace: str
    labels: tuple[Mapping[str, str], ...]
    manager: str
    mutations: Sequence[Mutation] | None

    def changes(self, pod: Mapping[str, str] | None, unknown: Sequence[str] = ()) -> bool:
        """Whether something may change a pod with these labels."""
        if self.mutations is None:
            return True
        return any(mutation.meets(self.labels, pod, unknown) for mutation in self.mutations)


def configured(cluster: Cluster) -> list[Mutation] | None:
    """What is configured to change new pods; None where that is not told."""
    try:
        return of_new_pods(mutators(cluster))
    except ApiError:
        return None


def attempt(room: Room, workloads: Sequence[Workload]) -> Tried:
    """Have the server create a pod of every different template, and every pod again that is made by none of them.

    Where nothing is configured that may change a pod, one is enough to see that nothing else does either (a plugin that
    is compiled into the server); it is not missed where it is refused.
    """
    gone = past(workloads)
    alive = [workload for workload in workloads if id(workload) not in gone]
    tried, made = Tried({}, []), trials(alive, room.namespace)
    spared = [trial for trial in made if not room.changes(*_labels_of(trial))]
    everything = not all(_comes_as_sent(room, trial) for trial in spared[:1])
    for trial in made:
        if everything or not any(trial is one for one in spared):
            _try(room, trial, tried)
    for pod in unmade(alive):
        if everything or room.changes({key: value or "" for key, value in (pod.metadata.labels or {}).items()}):
            _try_again(room, pod, tried)
    return tried


def _labels_of(trial: Trial) -> tuple[Mapping[str, str] | None, Sequence[str]]:
    """The labels that its pods will have, and those that they may; None where an unknown controller may add any."""
    kinds = [kind_of(workload.api_version, workload.kind) for workload in trial.workloads]
    known = all(kind is not None and kind.builtin for kind in kinds)
    return (trial.body["metadata"].get("labels") or {}) if known else None, ADDED_LABELS


def _comes_as_sent(room: Room, trial: Trial) -> bool:
    probe = Tried({}, [])
    _try(room, trial, probe)
    pod = probe.admitted.get(key(trial.workloads[0]))
    return pod is None or same_security(trial.workloads[0].template, pod)


def _try(room: Room, trial: Trial, tried: Tried) -> None:
    try:
        created = room.cluster.create(PODS, room.namespace, trial.body, dry_run=True, field_manager=room.manager)
    except ApiError as error:
        tried.refused.append((trial.workloads[0], error))
        return
    pod = msgspec.convert(created, Pod)
    tried.admitted.update({key(workload): pod for workload in trial.workloads})


def _try_again(room: Room, pod: Workload, tried: Tried) -> None:
    try:
        body = again(room.cluster.get(PODS, room.namespace, pod.name))
    except ApiError as error:
        if error.code != 404:  # gone meanwhile
            tried.refused.append((pod, error))
        return
    _try(room, Trial(body, [pod]), tried)
