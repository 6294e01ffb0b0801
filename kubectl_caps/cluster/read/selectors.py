"""Lists the objects of a namespace that select pods by their labels."""

from typing import Any

import msgspec

from kubectl_caps.cluster.api.client import Cluster, Listing
from kubectl_caps.cluster.api.resources import Resource, resource_of
from kubectl_caps.core.kubernetes.kinds import WORKLOADS
from kubectl_caps.errors import ApiError

_CONTROLLERS = ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Job")

SELECTING: tuple[Resource, ...] = (
    Resource("", "v1", "services", "Service"),
    Resource("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget"),
    Resource("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy"),
    *(resource_of(kind) for kind in WORKLOADS if kind.kind in _CONTROLLERS),
)
"""The built-in kinds that select pods. An autoscaler reads the metrics of the pods that its target selects."""


def selecting_objects(cluster: Cluster, namespace: str) -> tuple[dict[str, list[dict[str, Any]]], list[ApiError]]:
    """The objects by kind, and the error of each kind that could not be listed."""
    found: dict[str, list[dict[str, Any]]] = {}
    errors: list[ApiError] = []
    answers = cluster.list_many([Listing(resource, namespace) for resource in SELECTING])
    for resource, answer in zip(SELECTING, answers, strict=True):
        try:
            if isinstance(answer, ApiError):
                raise answer
            found[resource.kind] = [msgspec.json.decode(raw) for raw in answer]
        except ApiError as error:
            errors.append(error)
    return found, errors
