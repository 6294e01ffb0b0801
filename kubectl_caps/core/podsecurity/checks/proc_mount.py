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

from kubectl_caps.core.pod import PodTemplate, members
from kubectl_caps.core.podsecurity.standard import (
    Check,
    Finding,
    Since,
    containers,
    each,
    finding,
    in_order,
    in_user_namespace,
    quoted,
)


def proc_mount_1_0(template: PodTemplate) -> Finding | None:
    """procMount is set and not Default."""
    setters = each(
        template,
        ("securityContext", "procMount"),
        lambda container: container.security.proc_mount not in (None, "Default"),
    )
    if not setters:
        return None
    found = (member.container.security.proc_mount for member in members(template.spec))
    values = in_order(value for value in found if value is not None and value != "Default")
    detail = f"{containers(setters)} must not set securityContext.procMount to {quoted(values)}"
    return finding("procMount", detail, setters)


def proc_mount_1_35(template: PodTemplate) -> Finding | None:
    """A pod in a user namespace may unmask /proc (KEP-4265)."""
    return None if in_user_namespace(template) else proc_mount_1_0(template)


CHECK = Check("procMount", "baseline", (Since(0, proc_mount_1_0), Since(35, proc_mount_1_35)))
