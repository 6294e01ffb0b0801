"""Pods as the API server would create them now: every template tried in a dry run, with what webhooks put in."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice

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

PROBES = 8
"""Namespaces in which one pod is created in a dry run only to see whether it comes back as it was sent."""


class Tried(Struct):
    """What trials told: the pods that were made, by the `key` of their workloads, and why some were not.

    `refused` are those that the server did not make, `untried` those that it was not asked for.
    """

    admitted: dict[Key, Pod] = {}
    refused: list[tuple[Workload, ApiError]] = []
    untried: list[tuple[Workload, str]] = []


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


def come_as_sent(rooms: Iterable[tuple[Room, Sequence[Workload]]]) -> bool:
    """Whether pods that nothing configured changes come out of the server as they were sent.

    Asked in the first namespaces that have one: this tells of plugins that are compiled into the server. A pod that is
    refused tells nothing.
    """
    spared = (
        (room, trial)
        for room, workloads in rooms
        for trial in trials(workloads, room.namespace)[0][:1]
        if not room.changes(*_labels_of(trial))
    )
    return all(_comes_as_sent(room, trial) for room, trial in islice(spared, PROBES))


def attempt(room: Room, workloads: Sequence[Workload]) -> Tried:
    """Have the server create a pod of every different template that something may change on its way.

    So is every pod again that no template makes.
    """
    gone = past(workloads)
    alive = [workload for workload in workloads if id(workload) not in gone]
    found, malformed = trials(alive, room.namespace)
    tried = Tried(untried=[(workload, str(error)) for workload, error in malformed])
    for trial in found:
        if room.changes(*_labels_of(trial)):
            _try(room, trial, tried)
    for pod in unmade(alive):
        if room.changes({key: value or "" for key, value in (pod.metadata.labels or {}).items()}):
            _try_again(room, pod, tried)
    return tried


def _labels_of(trial: Trial) -> tuple[Mapping[str, str] | None, Sequence[str]]:
    """The labels that its pods will have, and those that they may; None where an unknown controller may add any."""
    kinds = [kind_of(workload.api_version, workload.kind) for workload in trial.workloads]
    known = all(kind is not None and kind.builtin for kind in kinds)
    return (trial.body["metadata"].get("labels") or {}) if known else None, ADDED_LABELS


def _comes_as_sent(room: Room, trial: Trial) -> bool:
    probe = Tried()
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
