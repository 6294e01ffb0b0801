"""`minReadySeconds` while a rollout is watched: the controller keeps the old pods until the new ones have stayed up.

A pod without a readiness probe is ready the moment it starts, so with `minReadySeconds: 0` its predecessor is ended
before a crash can be seen. The field is no part of the pod template: a change of the field alone makes no rollout.
Deployments, DaemonSets and StatefulSets have the field (StatefulSets since Kubernetes 1.25).
"""

import math
from collections.abc import Mapping
from typing import Any

from kubectl_caps.core.kubernetes.field_path import Path
from kubectl_caps.core.kubernetes.patch import ABSENT, Change, lookup

MIN_READY: Path = ("spec", "minReadySeconds")
_KINDS = ("Deployment", "StatefulSet", "DaemonSet")
_DEADLINE: Path = ("spec", "progressDeadlineSeconds")


def raised(kind: str, obj: Mapping[str, Any], settle: float) -> Change | None:
    """The change that raises `minReadySeconds` of an object to `settle` seconds; None if that cannot be done.

    It cannot be where the kind has no such field, where the field is as high already, and where a Deployment's
    progressDeadlineSeconds is not higher (k8s.io/kubernetes pkg/apis/apps/validation, ValidateDeploymentSpec).
    """
    wanted, before, deadline = math.ceil(settle), lookup(obj, MIN_READY), lookup(obj, _DEADLINE)
    if kind not in _KINDS or min_ready_seconds(obj) >= wanted:
        return None
    if isinstance(deadline, int) and deadline <= wanted:
        return None
    return Change(MIN_READY, before if isinstance(before, int) else ABSENT, wanted)


def min_ready_seconds(obj: Mapping[str, Any]) -> int:
    """The `minReadySeconds` of an object; 0 if there is none."""
    value = lookup(obj, MIN_READY)
    return value if isinstance(value, int) else 0
