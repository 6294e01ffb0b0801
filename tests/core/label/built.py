"""Workloads and pods as a cluster would show them, for the tests of labels."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from kubectl_caps.core.kubernetes.kinds import KINDS
from kubectl_caps.core.kubernetes.pod import Pod
from kubectl_caps.core.kubernetes.workloads import Workload, read_workloads

Json = dict[str, Any]
ROW = {kind.kind: kind for kind in KINDS}
BAD: Json = {"name": "c"}
GOOD: Json = {
    "name": "c",
    "securityContext": {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    },
}


def built(kind: str, metadata: Json, containers: Sequence[Mapping[str, Any]], owner: str = "", **more: Any) -> Workload:
    """A workload as read from a cluster, whose uid is its name; `owner` its controller's, `more` further fields."""
    metadata = {"namespace": "shop", "uid": metadata["name"], **metadata}
    if owner:
        metadata["ownerReferences"] = [{"kind": "X", "name": owner, "uid": owner, "controller": True}]
    node: Any = {"spec": {"containers": list(containers)}, **({} if ROW[kind].template else more)}
    for step in reversed(ROW[kind].template):
        node = [node] if step == "*" else {step: node}
    for field, value in (more if ROW[kind].template else {}).items():
        node[field] = {**node.get(field, {}), **value}
    raw = msgspec.Raw(msgspec.json.encode({**node, "metadata": metadata}))
    found = next(iter(read_workloads(ROW[kind], raw, {})))
    return found if found.is_pod else msgspec.structs.replace(found, raw=raw)


def made(*containers: Mapping[str, Any]) -> Pod:
    """A pod that the server would create."""
    return msgspec.convert({"metadata": {}, "spec": {"containers": list(containers)}}, Pod)
