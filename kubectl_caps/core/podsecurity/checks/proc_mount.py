"""/proc must be masked as usual.

Fields:
    spec.containers[*].securityContext.procMount
    spec.initContainers[*].securityContext.procMount
    spec.ephemeralContainers[*].securityContext.procMount

Allowed:
    unset, Default; from v1.35 anything where spec.hostUsers is false

Passes:
    spec:
      containers:
      - name: web
        securityContext:
          procMount: Default

Fails:
    spec:
      containers:
      - name: web
        securityContext:
          procMount: Unmasked
"""

from kubectl_caps.core.kubernetes.pod import PodTemplate, members
from kubectl_caps.core.podsecurity.checks.check import (
    Check,
    Finding,
    Revision,
    containers,
    finding,
    go_sorted,
    in_user_namespace,
    offending_containers,
    quoted,
)


def proc_mount_1_0(template: PodTemplate) -> Finding | None:
    """procMount is set and not Default."""
    offenders = offending_containers(
        template,
        ("securityContext", "procMount"),
        lambda container: container.security.proc_mount not in (None, "Default"),
    )
    if not offenders:
        return None
    found = (member.container.security.proc_mount for member in members(template.spec))
    values = go_sorted(value for value in found if value is not None and value != "Default")
    detail = f"{containers(offenders)} must not set securityContext.procMount to {quoted(values)}"
    return finding("procMount", detail, offenders)


def proc_mount_1_35(template: PodTemplate) -> Finding | None:
    """A pod in a user namespace may unmask /proc (KEP-4265)."""
    return None if in_user_namespace(template) else proc_mount_1_0(template)


CHECK = Check("procMount", "baseline", (Revision(0, proc_mount_1_0), Revision(35, proc_mount_1_35)))
