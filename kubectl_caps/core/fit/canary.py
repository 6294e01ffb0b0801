"""Decides whether one pod of a hardened template may be tried before the workload is changed."""

from collections.abc import Mapping
from typing import Any, Literal

from kubectl_caps.core.fit.search_types import Grants
from kubectl_caps.core.fit.trial_pod import all_containers
from kubectl_caps.core.linux.capabilities import UnknownCapability, canonical

CanaryChoice = Literal["auto", "yes", "no"]
"""When to try a canary: only if a rollout of the workload runs an extra pod, too; always; or never."""


def allows_an_extra_pod(kind: str, obj: Mapping[str, Any]) -> bool:
    """Whether a rollout of this workload runs more pods than replicas, so that an extra trial pod does no harm.

    True for a Deployment with RollingUpdate and maxSurge above 0 (apps/v1 RollingUpdateDeployment; default 25 %).
    """
    if kind != "Deployment":
        return False
    strategy = (obj.get("spec") or {}).get("strategy") or {}
    surge = (strategy.get("rollingUpdate") or {}).get("maxSurge", "25%")
    return strategy.get("type", "RollingUpdate") == "RollingUpdate" and str(surge).rstrip("%") != "0"


def declared_grants(spec: Mapping[str, Any]) -> Grants:
    """The capabilities that the containers of a hardened pod add. Names that are no capabilities are left out."""
    found = set()
    for container in all_containers(spec):
        for name in ((container.get("securityContext") or {}).get("capabilities") or {}).get("add") or ():
            try:
                found.add((container.get("name", ""), canonical(str(name))))
            except UnknownCapability:
                continue
    return frozenset(found)
