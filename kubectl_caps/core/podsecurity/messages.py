"""The API server's own words for what a policy refuses (k8s.io/pod-security-admission policy/checks.go)."""

from collections.abc import Sequence

from kubectl_caps.core.podsecurity.policy import Policy
from kubectl_caps.core.podsecurity.registry import Violation


def details(violations: Sequence[Violation]) -> str:
    """`reason (detail), reason (detail)`: what is said of a single object."""
    return ", ".join(f"{item.reason} ({item.detail})" if item.detail else item.reason for item in violations)


def reasons(violations: Sequence[Violation]) -> str:
    """`reason, reason`: what is said of the existing pods of a namespace."""
    return ", ".join(item.reason for item in violations)


def forbidden(violations: Sequence[Violation], policy: Policy) -> str:
    """What follows `pods "x" is forbidden: ` when a pod is refused."""
    return f'violates PodSecurity "{policy}": {details(violations)}'


def warning(violations: Sequence[Violation], policy: Policy) -> str:
    """The warning for a pod or for an object with a pod template."""
    return f'would violate PodSecurity "{policy}": {details(violations)}'
