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

from kubectl_caps.core.pod import PodTemplate
from kubectl_caps.core.podsecurity.standard import Check, Finding, Since, containers, each, finding


def privileged_1_0(template: PodTemplate) -> Finding | None:
    """privileged is true."""
    setters = each(template, ("securityContext", "privileged"), lambda container: bool(container.security.privileged))
    if not setters:
        return None
    return finding("privileged", f"{containers(setters)} must not set securityContext.privileged=true", setters)


CHECK = Check("privileged", "baseline", (Since(0, privileged_1_0),))
