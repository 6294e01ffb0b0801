"""Only capabilities that a container has by default may be added.

Fields:
    spec.containers[*].securityContext.capabilities.add
    spec.initContainers[*].securityContext.capabilities.add
    spec.ephemeralContainers[*].securityContext.capabilities.add

Allowed:
    AUDIT_WRITE, CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL, MKNOD, NET_BIND_SERVICE, SETFCAP, SETGID, SETPCAP,
    SETUID, SYS_CHROOT; spelled exactly so

Passes:
    spec:
      containers:
      - name: web
        securityContext:
          capabilities:
            add: [CHOWN]

Fails:
    spec:
      containers:
      - name: web
        securityContext:
          capabilities:
            add: [NET_RAW]
"""

from kubectl_caps.core.kubernetes.container import Container
from kubectl_caps.core.kubernetes.pod import PodTemplate, members
from kubectl_caps.core.podsecurity.checks.check import (
    Check,
    Finding,
    Revision,
    containers,
    finding,
    go_sorted,
    offending_containers,
    quoted,
)

ALLOWED = {
    "AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "SETFCAP",
    "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT",
}  # fmt: skip
_FIELD = ("securityContext", "capabilities", "add")


def capabilities_baseline_1_0(template: PodTemplate) -> Finding | None:
    """Names compare exactly; Windows pods are not exempt."""
    offenders = offending_containers(template, _FIELD, lambda container: bool(_forbidden(container)))
    if not offenders:
        return None
    names = go_sorted(name for member in members(template.spec) for name in _forbidden(member.container))
    detail = f"{containers(offenders)} must not include {quoted(names)} in securityContext.capabilities.add"
    return finding("non-default capabilities", detail, offenders)


def _forbidden(container: Container) -> list[str]:
    return [name for name in container.capabilities.add or () if name not in ALLOWED]


CHECK = Check("capabilities_baseline", "baseline", (Revision(0, capabilities_baseline_1_0),))
