"""Whether one pod of a hardened template may be tried before the workload itself is changed."""

from collections.abc import Mapping
from typing import Any, Literal

from kubectl_caps.core.fit.search_types import Grants
from kubectl_caps.core.fit.trial_pod import all_containers
from kubectl_caps.core.linux.capabilities import UnknownCapability, canonical

CanaryChoice = Literal["auto", "yes", "no"]
"""When to try a canary: if the workload's rollout runs an extra pod anyway, always, or never."""


def accepts_a_pod_more(kind: str, obj: Mapping[str, Any]) -> bool:
    """Whether a rollout of this workload runs more pods than there are replicas, so that a trial pod does no harm.

    A Deployment with RollingUpdate and maxSurge above 0 (apps/v1 RollingUpdateDeployment; its default is 25 %).
    """
    if kind != "Deployment":
        return False
    strategy = (obj.get("spec") or {}).get("strategy") or {}
    surge = (strategy.get("rollingUpdate") or {}).get("maxSurge", "25%")
    return strategy.get("type", "RollingUpdate") == "RollingUpdate" and str(surge).rstrip("%") != "0"


def declared_grants(spec: Mapping[str, Any]) -> Grants:
    """The adds of a hardened pod's containers whose names are capabilities."""
    found = set()
    for container in all_containers(spec):
        for name in ((container.get("securityContext") or {}).get("capabilities") or {}).get("add") or ():
            try:
                found.add((container.get("name", ""), canonical(str(name))))
            except UnknownCapability:
                continue
    return frozenset(found)
