"""Reads a workload with its pods during a rollout, and the evidence of a failed container: log, state, events."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from kubectl_caps.cluster.api.client import Cluster
from kubectl_caps.cluster.api.decode import decode_item, metadata_of
from kubectl_caps.cluster.api.resources import PODS, REPLICA_SETS, resource_of
from kubectl_caps.cluster.read.pod_logs import Forbidden, read_log
from kubectl_caps.core.diagnosis.line_cause import Evidence
from kubectl_caps.core.harden.readiness import PodEvent
from kubectl_caps.core.kubernetes.kinds import Kind
from kubectl_caps.core.kubernetes.pod import ContainerStatus, Metadata, Pod
from kubectl_caps.core.kubernetes.pod_failures import PodFailure
from kubectl_caps.core.kubernetes.rollout_status import RolloutRevision, revision
from kubectl_caps.core.kubernetes.snapshot import Snapshot
from kubectl_caps.errors import ApiError

_POD = msgspec.json.Decoder(Pod)


def read_snapshot(cluster: Cluster, kind: Kind, namespace: str, name: str) -> Snapshot:
    """Read a Deployment, StatefulSet or DaemonSet with its pods. Raises ApiError, MalformedObject."""
    obj = cluster.get(resource_of(kind), namespace, name)
    metadata_of(kind.api_version, kind.kind, obj)
    selector = selector_text(obj["spec"]["selector"])
    replica_sets = list(_replica_sets(cluster, namespace, selector, obj)) if kind.kind == "Deployment" else []
    makers = tuple(item["metadata"]["uid"] for item in replica_sets) or (obj["metadata"]["uid"],)
    pods = tuple(pod for pod in pods_selected(cluster, namespace, selector) if _maker(pod) in makers)
    wanted: RolloutRevision = revision(kind.kind, obj, replica_sets)
    return Snapshot(obj, pods, tuple(pod for pod in pods if wanted.has(pod)), makers)


def selector_text(selector: Mapping[str, Any]) -> str:
    """A LabelSelector in the form of the API's query parameter: `app=web,tier in (a,b),!legacy`."""
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


def evidence(
    cluster: Cluster, namespace: str, failure: PodFailure, pods: Sequence[Pod], forbidden: Forbidden
) -> Iterator[Evidence]:
    """The evidence of a failed container: its state, termination message, log and events, in this order.

    Evidence that cannot be read (no right, already deleted) is left out. `forbidden` is called for a missing right.
    """
    yield Evidence("state", failure.message)
    pod = next((pod for pod in pods if pod.metadata.name == failure.pod), None)
    if pod is None:
        return
    status = pod.status.containers.get(failure.container)
    if status:
        yield from _states(status)
        # The current log is read first. If the container restarts in between, that log becomes the previous one.
        present, previous = (
            _log(cluster, pod, failure.container, forbidden, previous=which) for which in (False, True)
        )
        yield from (*previous, *present)
    for event in events(cluster, namespace, pod.metadata.uid or "", forbidden):
        if event.type == "Warning":
            yield Evidence("event", event.message)


def events(cluster: Cluster, namespace: str, uid: str, forbidden: Forbidden) -> list[PodEvent]:
    """The events of one object; empty if they cannot be read. `forbidden` is called for a missing right."""
    try:
        found = cluster.events(namespace, uid)
    except ApiError as error:
        if error.code == 403:
            forbidden("events", error)
        return []
    return [
        PodEvent(f"{event.metadata.uid}/{event.count}", event.type or "", event.reason or "", event.message or "")
        for event in map(_event, found)
    ]


class _Event(Struct, frozen=True):
    metadata: Metadata = Metadata()
    type: str | None = None
    reason: str | None = None
    message: str | None = None
    count: int | None = None


msgspec.json.Decoder(_Event)  # completed before threads share it: see core/kubernetes/pod.py


def _event(obj: Any) -> _Event:
    """The event; for a malformed one an empty event, because events are only evidence."""
    try:
        return msgspec.convert(obj, _Event)
    except msgspec.ValidationError:
        return _Event()


def _states(status: ContainerStatus) -> Iterator[Evidence]:
    for state in (status.state, status.last_state):
        if state.terminated and state.terminated.message:
            yield Evidence("termination", state.terminated.message)
        if state.waiting and state.waiting.message:
            yield Evidence("state", f"{state.waiting.reason}: {state.waiting.message}")


def _log(cluster: Cluster, pod: Pod, container: str, forbidden: Forbidden, *, previous: bool) -> list[Evidence]:
    try:
        text = read_log(cluster, pod, container, previous=previous)
    except ApiError as error:
        if error.code == 403:
            forbidden("logs", error)
        return []
    return [Evidence("log", line) for line in text.splitlines() if line.strip()]


def _maker(pod: Pod) -> str:
    return pod.metadata.controller.uid if pod.metadata.controller else ""


def pods_selected(cluster: Cluster, namespace: str, selector: str) -> Iterator[Pod]:
    """The pods of a namespace that match a selector. Raises ApiError, MalformedObject."""
    for page in cluster.pages(PODS, namespace, label_selector=selector):
        yield from (decode_item(_POD, raw, PODS.api_version, PODS.kind) for raw in page)


def _replica_sets(
    cluster: Cluster, namespace: str, selector: str, owner: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    for page in cluster.pages(REPLICA_SETS, namespace, label_selector=selector):
        for raw in page:
            item = msgspec.json.decode(raw)
            owners = metadata_of(REPLICA_SETS.api_version, REPLICA_SETS.kind, item).owner_references or ()
            if any(reference.uid == owner["metadata"]["uid"] for reference in owners):
                yield item
