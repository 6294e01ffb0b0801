"""A workload and its pods as they are now, and the evidence of what went wrong in one of them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from kubectl_caps.cluster.objects import Cluster
from kubectl_caps.cluster.resources import PODS, resource_of
from kubectl_caps.core.diagnosis import Evidence, diagnose
from kubectl_caps.core.health import Failure
from kubectl_caps.core.pod import ContainerStatus, Pod, Role, members
from kubectl_caps.core.rollout import Revision, revision
from kubectl_caps.core.workloads import WORKLOADS, Kind
from kubectl_caps.errors import ApiError

LOG_START = 1 << 20
"""Bytes of a log that are read from its start: what a program lacks it mostly says then, however much follows."""
LOG_LINES = 200
"""Last lines that are read as well of a log that is longer."""
SAMPLE = 5
"""Pods of a workload whose logs are read."""
_REPLICA_SETS = resource_of(next(kind for kind in WORKLOADS if kind.kind == "ReplicaSet"))
_POD = msgspec.json.Decoder(Pod)


class Snapshot(Struct, frozen=True):
    """One look at a workload: the object, all its pods, those of the wanted revision, and who makes the pods."""

    obj: dict[str, Any]
    pods: tuple[Pod, ...]
    updated: tuple[Pod, ...]
    makers: tuple[str, ...]


def look(cluster: Cluster, kind: Kind, namespace: str, name: str) -> Snapshot:
    """Read a Deployment, StatefulSet or DaemonSet with its pods. Raises ApiError."""
    obj = cluster.get(resource_of(kind), namespace, name)
    selector = selector_text(obj["spec"]["selector"])
    replica_sets = list(_replica_sets(cluster, namespace, selector, obj)) if kind.kind == "Deployment" else []
    makers = tuple(item["metadata"]["uid"] for item in replica_sets) or (obj["metadata"]["uid"],)
    pods = tuple(pod for pod in _pods(cluster, namespace, selector) if _maker(pod) in makers)
    wanted: Revision = revision(kind.kind, obj, replica_sets)
    return Snapshot(obj, pods, tuple(pod for pod in pods if wanted.has(pod)), makers)


def selector_text(selector: Mapping[str, Any]) -> str:
    """A LabelSelector as the API's query wants it: `app=web,tier in (a,b),!legacy`."""
    parts = [f"{key}={value}" for key, value in (selector.get("matchLabels") or {}).items()]
    for item in selector.get("matchExpressions") or ():
        key, values = item["key"], ",".join(item.get("values") or ())
        parts.append(_EXPRESSIONS[item["operator"]].format(key=key, values=values))
    return ",".join(parts)


_EXPRESSIONS = {
    "In": "{key} in ({values})",
    "NotIn": "{key} notin ({values})",
    "Exists": "{key}",
    "DoesNotExist": "!{key}",
}


def evidence(cluster: Cluster, namespace: str, failure: Failure, pods: Sequence[Pod]) -> Iterator[Evidence]:
    """What there is to read of a failed container: its state, termination message, log and events, in this order.

    What cannot be read (no right, already gone) is passed over: it is evidence that is missing, not an answer.
    """
    yield Evidence("state", failure.message)
    pod = next((pod for pod in pods if pod.metadata.name == failure.pod), None)
    if pod is None:
        return
    status = pod.status.containers.get(failure.container)
    if status:
        yield from _states(status)
        # The present log is read first: a container that is restarted in between has left its log in the other one.
        present, previous = (list(_log(cluster, namespace, failure, previous=which)) for which in (False, True))
        yield from (*previous, *present)
    yield from (Evidence("event", event.message) for event in events(cluster, namespace, pod.metadata.uid or ""))


class Event(Struct, frozen=True):
    """A Warning event; `key` changes when it happens again."""

    key: str
    reason: str
    message: str


def events(cluster: Cluster, namespace: str, uid: str) -> list[Event]:
    """The Warning events of one object; empty where events may not be read."""
    try:
        found = cluster.events(namespace, uid)
    except ApiError:
        return []
    return [
        Event(f"{event['metadata']['uid']}/{event.get('count')}", event.get("reason", ""), event.get("message", ""))
        for event in found
        if event.get("type") == "Warning"
    ]


class Complaint(Struct, frozen=True):
    """A container whose log says that it misses capabilities."""

    pod: str
    container: str
    role: Role
    capabilities: tuple[str, ...]


def complaints(cluster: Cluster, pods: Sequence[Pod], forbidden: list[str]) -> Iterator[Complaint]:
    """What the logs of some pods clearly say of missing capabilities; a log that cannot be read says nothing.

    `forbidden` gets the server's words where nobody may read one.
    """
    for pod in pods[:SAMPLE]:
        for member in members(pod.spec):
            name = member.container.name
            failure = Failure("", pod.metadata.name or "", name)
            status = pod.status.containers.get(name)
            lines = list(_log(cluster, pod.metadata.namespace or "", failure, forbidden=forbidden))
            for cause in diagnose(lines, uid=status.uid if status else None):
                if cause.kind == "capability" and cause.certainty != "possible":
                    yield Complaint(failure.pod, name, member.role, cause.capabilities)


def _states(status: ContainerStatus) -> Iterator[Evidence]:
    for state in (status.state, status.last_state):
        if state.terminated and state.terminated.message:
            yield Evidence("termination", state.terminated.message)
        if state.waiting and state.waiting.message:
            yield Evidence("state", f"{state.waiting.reason}: {state.waiting.message}")


def _log(
    cluster: Cluster, namespace: str, failure: Failure, *, previous: bool = False, forbidden: list[str] | None = None
) -> Iterator[Evidence]:
    try:
        text = cluster.log(namespace, failure.pod, failure.container, previous=previous, limit=LOG_START)
        if len(text.encode()) >= LOG_START:
            text += "\n" + cluster.log(namespace, failure.pod, failure.container, previous=previous, tail=LOG_LINES)
    except ApiError as error:
        if forbidden is not None and error.code == 403:
            forbidden.append(error.message)
        return
    yield from (Evidence("log", line) for line in text.splitlines() if line.strip())


def _maker(pod: Pod) -> str:
    return pod.metadata.controller.uid if pod.metadata.controller else ""


def _pods(cluster: Cluster, namespace: str, selector: str) -> Iterator[Pod]:
    for page in cluster.pages(PODS, namespace, label_selector=selector):
        yield from map(_POD.decode, page)


def _replica_sets(
    cluster: Cluster, namespace: str, selector: str, owner: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    for page in cluster.pages(_REPLICA_SETS, namespace, label_selector=selector):
        for raw in page:
            item = msgspec.json.decode(raw)
            owners = item["metadata"].get("ownerReferences") or ()
            if any(reference["uid"] == owner["metadata"]["uid"] for reference in owners):
                yield item
