"""Workloads as a cluster shows them, for the tests of policies."""

from typing import Any

import msgspec

from kubectl_caps.core.kubernetes.kinds import KINDS
from kubectl_caps.core.kubernetes.workloads import Workload, read_workloads

Json = dict[str, Any]
ROWS = {(kind.group, kind.kind): kind for kind in KINDS}
DROP: Json = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}


def adding(*names: str, **more: Any) -> Json:
    """A security context that drops ALL and adds these."""
    return {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"], "add": list(names)}, **more}


def container(name: str = "c", security: Json | None = None) -> Json:
    return {"name": name, "image": "x", **({} if security is None else {"securityContext": security})}


def workload(
    kind: str, name: str, *containers: Json, group: str = "apps", owner: Json | None = None, **spec: Any
) -> Any:
    """A workload whose uid is its name."""
    row = ROWS[group, kind]
    metadata: Json = {"name": name, "namespace": "shop", "uid": name}
    if owner:
        metadata["ownerReferences"] = [{**owner, "uid": owner["name"], "controller": True}]
    node: Json = {"spec": {"containers": list(containers), **spec}}
    for step in reversed(row.template):
        node = {str(step): node}
    found: list[Workload] = list(
        read_workloads(row, msgspec.Raw(msgspec.json.encode({**node, "metadata": metadata})), {})
    )
    return found[0]


def owned(api_version: str, kind: str, name: str) -> Json:
    return {"apiVersion": api_version, "kind": kind, "name": name}
