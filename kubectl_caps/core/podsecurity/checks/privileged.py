"""Privileged containers are forbidden.

Fields:
    spec.containers[*].securityContext.privileged
    spec.initContainers[*].securityContext.privileged
    spec.ephemeralContainers[*].securityContext.privileged

Allowed:
    unset, false

Passes:
    spec:
      containers:
      - name: web
        securityContext:
          privileged: false

Fails:
    spec:
      containers:
      - name: web
        securityContext:
          privileged: true
"""

from kubectl_caps.core.kubernetes.pod import PodTemplate
from kubectl_caps.core.podsecurity.checks.check import (
    Check,
    Finding,
    Revision,
    containers,
    finding,
    offending_containers,
)


def privileged_1_0(template: PodTemplate) -> Finding | None:
    """privileged is true."""
    offenders = offending_containers(
        template, ("securityContext", "privileged"), lambda container: bool(container.security.privileged)
    )
    if not offenders:
        return None
    return finding("privileged", f"{containers(offenders)} must not set securityContext.privileged=true", offenders)


CHECK = Check("privileged", "baseline", (Revision(0, privileged_1_0),))
