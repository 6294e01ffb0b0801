"""Raises `minReadySeconds` for a watched rollout, so that the old pods stay until the new pods have run for a while.

A pod without a readiness probe is ready the moment it starts. With `minReadySeconds: 0` the controller then ends the
old pod before a crash shows. The field is not part of the pod template: a change of the field alone makes no rollout.
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
    """The change that raises `minReadySeconds` of an object to `settle` seconds; None if there is no such change.

    There is none if the kind has no such field, if the field is that high already, or if a Deployment's
    progressDeadlineSeconds is not higher (k8s.io/kubernetes pkg/apis/apps/validation, ValidateDeploymentSpec).
    """
    wanted, before, deadline = math.ceil(settle), lookup(obj, MIN_READY), lookup(obj, _DEADLINE)
    if kind not in _KINDS or min_ready_seconds(obj) >= wanted:
        return None
    if isinstance(deadline, int) and deadline <= wanted:
        return None
    return Change(MIN_READY, before if isinstance(before, int) else ABSENT, wanted)


def min_ready_seconds(obj: Mapping[str, Any]) -> int:
    """The `minReadySeconds` of an object; 0 if the field is not set."""
    value = lookup(obj, MIN_READY)
    return value if isinstance(value, int) else 0
