"""runAsNonRoot must be true.

Fields:
    spec.securityContext.runAsNonRoot
    spec.containers[*].securityContext.runAsNonRoot
    spec.initContainers[*].securityContext.runAsNonRoot
    spec.ephemeralContainers[*].securityContext.runAsNonRoot

Allowed:
    true; on a container also unset where the pod sets true; on the pod also unset where every container sets true
    from v1.35 anything where spec.hostUsers is false

Passes:
    spec:
      containers:
      - name: web
        securityContext:
          runAsNonRoot: true

Fails:
    spec:
      containers:
      - name: web
        securityContext:
          runAsNonRoot: false
"""

from kubectl_caps.core.kubernetes.pod import PodTemplate
from kubectl_caps.core.podsecurity.checks.check import (
    Check,
    Finding,
    Revision,
    containers,
    finding,
    in_user_namespace,
    offenders_in_words,
    offending_containers,
    on_pod,
)

_FIELD = ("securityContext", "runAsNonRoot")


def run_as_non_root_1_0(template: PodTemplate) -> Finding | None:
    """A runAsNonRoot of false on the pod fails even if every container sets true. A runAsUser above 0 is not enough."""
    pod = template.spec.security.run_as_non_root
    bad = on_pod(_FIELD, pod is False)
    bad += offending_containers(template, _FIELD, lambda container: container.security.run_as_non_root is False)
    if bad:
        detail = f"{offenders_in_words(bad)} must not set securityContext.runAsNonRoot=false"
        return finding("runAsNonRoot != true", detail, bad)
    unset = offending_containers(template, _FIELD, lambda container: container.security.run_as_non_root is None)
    if pod or not unset:
        return None
    detail = f"pod or {containers(unset)} must set securityContext.runAsNonRoot=true"
    return finding("runAsNonRoot != true", detail, unset)


def run_as_non_root_1_35(template: PodTemplate) -> Finding | None:
    """Root in a user namespace is not root outside (KEP-127)."""
    return None if in_user_namespace(template) else run_as_non_root_1_0(template)


CHECK = Check("runAsNonRoot", "restricted", (Revision(0, run_as_non_root_1_0), Revision(35, run_as_non_root_1_35)))
