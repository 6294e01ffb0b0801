"""Counts the CPU and memory that trial pods request, as the scheduler does."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import partial
from typing import Any

_MOST = Decimal(2**63 - 1)
"""The scheduler counts a larger request as this number (apimachinery, pkg/api/resource, Quantity.Value)."""
_UNITS = (("Gi", 2**30), ("Mi", 2**20), ("Ki", 2**10))


def requests_of(spec: Mapping[str, Any], quantity: Callable[[Any], Decimal]) -> dict[str, Decimal]:
    """The CPU (cores) and memory (bytes) that a pod requests. `quantity` reads a quantity of Kubernetes as a number.

    A pod requests the sum of its containers and sidecars, or the request of its largest init container. A limit counts
    in the place of a missing request (k8s.io/kubernetes pkg/api/v1/resource PodRequests).
    """
    found = {}
    for name in ("cpu", "memory"):
        requested = partial(_request, name=name, quantity=quantity)
        main = sum(map(requested, spec.get("containers") or ()), Decimal(0))
        init = [(requested(item), item.get("restartPolicy")) for item in spec.get("initContainers") or ()]
        beside = sum((request for request, policy in init if policy == "Always"), Decimal(0))
        largest = max((request for request, policy in init if policy != "Always"), default=Decimal(0))
        found[name] = max(main + beside, largest)
    return found


def cost_words(requests: Mapping[str, Decimal], pods: int) -> str:
    """The requests of so many pods in words: `400m CPU and 512Mi memory`, or `no CPU and no memory`."""
    cpu, memory = requests["cpu"] * pods, requests["memory"] * pods
    return f"{_cpu(cpu)} CPU and {_memory(memory)} memory"


def _request(container: Mapping[str, Any], name: str, quantity: Callable[[Any], Decimal]) -> Decimal:
    resources = container.get("resources") or {}
    for kind in ("requests", "limits"):
        if (value := (resources.get(kind) or {}).get(name)) is not None:
            return min(quantity(value), _MOST)
    return Decimal(0)


def _cpu(cores: Decimal) -> str:
    if not cores:
        return "no"
    return str(int(cores)) if cores == cores.to_integral_value() else f"{int(cores * 1000)}m"


def _memory(size: Decimal) -> str:
    if not size:
        return "no"
    suffix, unit = next(((suffix, unit) for suffix, unit in _UNITS if size % unit == 0), ("", 1))
    return f"{int(size / unit)}{suffix}"
