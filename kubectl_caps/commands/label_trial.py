"""Pods as the API server would create them now: every template tried in a dry run, with what webhooks put in."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

import msgspec
from msgspec import Struct

from kubectl_caps.cluster.admission import mutators
from kubectl_caps.cluster.objects import Cluster
from kubectl_caps.cluster.resources import PODS, resource_of
from kubectl_caps.core.creation import ADDED_LABELS, Trial, again, next_object, passes, past, trials, unmade
from kubectl_caps.core.mutation import ON_THE_WAY, Mutation, on_the_way, unknown_mutation
from kubectl_caps.core.ownership import Key, key, same_security
from kubectl_caps.core.pod import Pod
from kubectl_caps.core.workloads import WORKLOADS, Workload
from kubectl_caps.errors import ApiError

PROBES = 8
"""Namespaces in which one pod is created in a dry run only to see whether it comes back as it was sent."""


class Tried(Struct):
    """What trials told: the pods that were made, by the `key` of their workloads, and why some were not.

    `refused` are those that the server did not make, `untried` those that it was not asked for. Of the `guessed` a
    controller's pods may come out otherwise, so that what was admitted does not overrule the template's own refusal.
    """

    admitted: dict[Key, Pod] = {}
    refused: list[tuple[Workload, ApiError]] = []
    untried: list[tuple[Workload, str]] = []
    guessed: set[Key] = msgspec.field(default_factory=set)


class Room(Struct, frozen=True):
    """Where pods are tried: a namespace, with the labels that it has and may get, and what may change pods there."""

    cluster: Cluster
    namespace: str
    labels: tuple[Mapping[str, str], ...]
    manager: str
    mutations: Sequence[Mutation]

    def meeting(
        self, what: tuple[str, str], labels: Mapping[str, str] | None, unknown: Sequence[str]
    ) -> list[Mutation]:
        """What may change such a new object with these labels (None: nobody knows which)."""
        return [one for one in self.mutations if one.meets_new(*what) and one.meets(self.labels, labels, unknown)]

    def of_pod(self, trial: Trial) -> list[Mutation]:
        """What may change the pods of a trial."""
        known = None if trial.unknown is None else trial.labels
        return self.meeting(("", "pods"), known, ADDED_LABELS)


UNTOLD = [unknown_mutation(*ON_THE_WAY)]
"""What may be configured where that is not told."""
COMPILED = unknown_mutation(("", "pods"))
"""A plugin in the server that changes pods."""
_TURNS = "what the server puts into its pods depends on the labels that would be set"
_HIDDEN = "what the server makes of what its controller creates before its pods is not known"


def configured(cluster: Cluster) -> list[Mutation]:
    """What is configured to change new pods, and what is created before them."""
    try:
        return on_the_way(mutators(cluster))
    except ApiError:
        return UNTOLD


def come_as_sent(rooms: Iterable[tuple[Room, Sequence[Workload]]]) -> bool:
    """Whether pods that nothing configured changes come out of the server as they were sent.

    Asked in the first namespaces that have one: this tells of plugins that are compiled into the server. A pod that is
    refused tells nothing.
    """
    spared = (
        (room, trial)
        for room, workloads in rooms
        for trial in trials(workloads, room.namespace)[0][:1]
        if not room.of_pod(trial)
    )
    return all(_comes_as_sent(room, trial) for room, trial in islice(spared, PROBES))


def attempt(room: Room, workloads: Sequence[Workload]) -> Tried:
    """Have the server create a pod of every different template that something may change on its way.

    So is every pod again that no template makes.
    """
    gone = past(workloads)
    alive = [workload for workload in workloads if id(workload) not in gone]
    tried = Tried()
    made = _made(room, alive, tried)
    open_already = {id(workload) for workload, _ in (*tried.refused, *tried.untried)}
    rest = [workload for workload in alive if id(workload) not in open_already]
    found, malformed = trials(rest, room.namespace, made)
    tried.untried += [(workload, str(error)) for workload, error in malformed]
    for trial in found:
        meeting = room.of_pod(trial)
        if any(mutation.turns(room.labels) for mutation in meeting):
            tried.untried.append((trial.workloads[0], _TURNS))
        elif meeting or any(id(workload) in made for workload in trial.workloads):
            _try(room, trial, tried)
            if any(mutation.is_guessed(trial.labels, trial.unknown) for mutation in meeting):
                tried.guessed.update(map(key, trial.workloads))
    for pod in unmade(alive):
        labels = {name: value or "" for name, value in (pod.metadata.labels or {}).items()}
        meeting = room.meeting(("", "pods"), labels, ())
        if any(mutation.turns(room.labels) for mutation in meeting):
            tried.untried.append((pod, _TURNS))
        elif meeting:
            _try_again(room, pod, tried)
            if any(mutation.is_guessed(labels, ()) for mutation in meeting):
                tried.guessed.add(key(pod))
    return tried


def _made(room: Room, workloads: Sequence[Workload], tried: Tried) -> dict[int, dict[str, Any]]:
    """By the `id` of a workload the Job or ReplicaSet that comes of it, where something may change that on its way."""
    made = {}
    for workload in workloads:
        meeting = [one for what in passes(workload) for one in room.meeting(what, None, ())]
        if not meeting:
            continue
        body = next_object(workload, room.namespace)
        if body is None or any(mutation.turns(room.labels) for mutation in meeting):
            tried.untried.append((workload, _HIDDEN if body is None else _TURNS))
            continue
        resource = next(resource_of(kind) for kind in WORKLOADS if kind.kind == body["kind"])
        try:
            made[id(workload)] = room.cluster.create(
                resource, room.namespace, body, dry_run=True, field_manager=room.manager
            )
        except ApiError as error:
            tried.refused.append((workload, error))
            continue
        if any(mutation.is_guessed(body["metadata"].get("labels") or {}, None) for mutation in meeting):
            tried.guessed.add(key(workload))
    return made


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
