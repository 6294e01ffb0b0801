"""Reads quantities of Kubernetes with the kubernetes client."""

from decimal import Decimal
from typing import Any


def quantity(value: Any) -> Decimal:
    """A quantity (`500m`, `1Gi`, `1e3`) as a number.

    A value that is no quantity counts as 0, because the API server refuses such a value.
    """
    from kubernetes.utils.quantity import parse_quantity  # a slow import; most commands read no quantity

    try:
        found: Decimal = parse_quantity(value)  # type: ignore[no-untyped-call]
    except ValueError:
        return Decimal(0)
    return found
