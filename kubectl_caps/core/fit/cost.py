"""Counts the CPU and memory that trial pods request, as the scheduler does."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

_SUFFIXES = {
    "n": Decimal("1e-9"), "u": Decimal("1e-6"), "m": Decimal("1e-3"), "": Decimal(1),
    "k": Decimal(10**3), "M": Decimal(10**6), "G": Decimal(10**9), "T": Decimal(10**12), "P": Decimal(10**15),
    "Ki": Decimal(2**10), "Mi": Decimal(2**20), "Gi": Decimal(2**30), "Ti": Decimal(2**40), "Pi": Decimal(2**50),
}  # fmt: skip
"""The suffixes of quantities (apimachinery, pkg/api/resource). E may also be an exponent; no memory is so large."""


def requests_of(spec: Mapping[str, Any]) -> dict[str, Decimal]:
    """The CPU (cores) and memory (bytes) that a pod requests.

    A pod requests the sum of its containers and sidecars, or the request of its largest init container. A limit counts
    in the place of a missing request (k8s.io/kubernetes pkg/api/v1/resource PodRequests).
    """
    found = {}
    for name in ("cpu", "memory"):
        main = sum((_request(item, name) for item in spec.get("containers") or ()), Decimal(0))
        init = [(_request(item, name), item.get("restartPolicy")) for item in spec.get("initContainers") or ()]
        beside = sum((request for request, policy in init if policy == "Always"), Decimal(0))
        largest = max((request for request, policy in init if policy != "Always"), default=Decimal(0))
        found[name] = max(main + beside, largest)
    return found


def cost_words(requests: Mapping[str, Decimal], pods: int) -> str:
    """The requests of so many pods in words: `400m CPU and 512Mi memory`, or `no CPU and no memory`."""
    cpu, memory = requests["cpu"] * pods, requests["memory"] * pods
    return f"{_cpu(cpu)} CPU and {_memory(memory)} memory"


def _request(container: Mapping[str, Any], name: str) -> Decimal:
    resources = container.get("resources") or {}
    for kind in ("requests", "limits"):
        if (value := (resources.get(kind) or {}).get(name)) is not None:
            return quantity(str(value))
    return Decimal(0)


def quantity(text: str) -> Decimal:
    """A quantity as a number. A text that is no quantity counts as 0, because the API refuses such a text."""
    number = text.rstrip("".join(_SUFFIXES))
    suffix = text[len(number) :]
    try:
        return Decimal(number) * _SUFFIXES[suffix] if suffix in _SUFFIXES else Decimal(text)
    except InvalidOperation:
        return Decimal(0)


def _cpu(cores: Decimal) -> str:
    if not cores:
        return "no"
    return str(int(cores)) if cores == cores.to_integral_value() else f"{int(cores * 1000)}m"


def _memory(size: Decimal) -> str:
    if not size:
        return "no"
    for suffix in ("Gi", "Mi", "Ki"):
        if size % _SUFFIXES[suffix] == 0:
            return f"{int(size / _SUFFIXES[suffix])}{suffix}"
    return str(int(size))
