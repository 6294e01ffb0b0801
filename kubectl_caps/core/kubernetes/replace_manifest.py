"""The manifest that replaces an object whose pods cannot be changed: a Job or a bare pod.

`kubectl replace --force -f` deletes the object and creates a new one from the manifest. The manifest leaves out the
fields that the server and its controllers filled in. With them the server would refuse the new object or bind it to the
old one.
"""

import copy
from collections.abc import Mapping
from typing import Any

from kubectl_caps.core.kubernetes.controller_labels import JOB_LABELS
from kubectl_caps.core.kubernetes.kinds import Kind
from kubectl_caps.core.kubernetes.managed_fields import LAST_APPLIED

_METADATA = ("name", "namespace", "labels", "annotations")
# Filled in by the admission of pods and by the scheduler.
_POD = ("nodeName", "serviceAccount", "priority", "ephemeralContainers")
_TOKEN = "kube-api-access-"


def replacement(kind: Kind, obj: Mapping[str, Any]) -> dict[str, Any]:
    """`obj` without the fields that the server and its controllers filled in."""
    metadata = {key: copy.deepcopy(obj["metadata"][key]) for key in _METADATA if obj["metadata"].get(key)}
    metadata.get("annotations", {}).pop(LAST_APPLIED, None)
    spec = copy.deepcopy(dict(obj["spec"]))
    if kind.kind == "Pod":
        _clean_pod(spec)
    elif kind.kind == "Job":
        _clean_job(metadata, spec)
    if not metadata.get("annotations"):
        metadata.pop("annotations", None)
    return {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": metadata, "spec": spec}


def _clean_pod(spec: dict[str, Any]) -> None:
    for field in _POD:
        spec.pop(field, None)
    _without_tokens(spec, "volumes")
    for container in [*(spec.get("initContainers") or ()), *spec["containers"]]:
        _without_tokens(container, "volumeMounts")


def _without_tokens(holder: dict[str, Any], field: str) -> None:
    kept = [item for item in holder.pop(field, None) or () if not item["name"].startswith(_TOKEN)]
    if kept:
        holder[field] = kept


def _clean_job(metadata: dict[str, Any], spec: dict[str, Any]) -> None:
    if spec.get("manualSelector"):
        return
    spec.pop("selector", None)
    for holder in (metadata, spec["template"].get("metadata") or {}):
        labels = holder.get("labels") or {}
        for label in JOB_LABELS:
            labels.pop(label, None)
        if not labels:
            holder.pop("labels", None)
