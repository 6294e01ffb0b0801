"""Privilege escalation must be switched off.

Fields:
    spec.containers[*].securityContext.allowPrivilegeEscalation
    spec.initContainers[*].securityContext.allowPrivilegeEscalation
    spec.ephemeralContainers[*].securityContext.allowPrivilegeEscalation

Allowed:
    false (from v1.8); from v1.25 anything where spec.os.name is windows

Passes:
    spec:
      containers:
      - name: web
        securityContext:
          allowPrivilegeEscalation: false

Fails:
    spec:
      containers:
      - name: web
        securityContext:
          allowPrivilegeEscalation: true
"""

from kubectl_caps.core.kubernetes.pod import PodTemplate
from kubectl_caps.core.podsecurity.checks.check import (
    Check,
    Finding,
    Revision,
    containers,
    finding,
    is_windows,
    offending_containers,
)

_FIELD = ("securityContext", "allowPrivilegeEscalation")


def allow_privilege_escalation_1_8(template: PodTemplate) -> Finding | None:
    """Unset fails."""
    offenders = offending_containers(
        template, _FIELD, lambda container: container.security.allow_privilege_escalation is not False
    )
    if not offenders:
        return None
    detail = f"{containers(offenders)} must set securityContext.allowPrivilegeEscalation=false"
    return finding("allowPrivilegeEscalation != false", detail, offenders)


def allow_privilege_escalation_1_25(template: PodTemplate) -> Finding | None:
    """Windows pods are exempt."""
    return None if is_windows(template) else allow_privilege_escalation_1_8(template)


CHECK = Check(
    "allowPrivilegeEscalation",
    "restricted",
    (Revision(8, allow_privilege_escalation_1_8), Revision(25, allow_privilege_escalation_1_25)),
)
