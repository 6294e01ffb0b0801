"""runAsUser may not be 0.

Fields:
    spec.securityContext.runAsUser
    spec.containers[*].securityContext.runAsUser
    spec.initContainers[*].securityContext.runAsUser
    spec.ephemeralContainers[*].securityContext.runAsUser

Allowed:
    unset, above 0 (from v1.23); from v1.35 anything where spec.hostUsers is false

Passes:
    spec:
      containers:
      - name: web
        securityContext:
          runAsUser: 1000

Fails:
    spec:
      containers:
      - name: web
        securityContext:
          runAsUser: 0
"""

from kubectl_caps.core.kubernetes.pod import PodTemplate
from kubectl_caps.core.podsecurity.checks.check import (
    Check,
    Finding,
    Revision,
    finding,
    in_user_namespace,
    offenders_in_words,
    offending_containers,
    on_pod,
)

_FIELD = ("securityContext", "runAsUser")


def run_as_user_1_23(template: PodTemplate) -> Finding | None:
    """A runAsUser of 0 on the pod fails even if every container overrides it."""
    offenders = on_pod(_FIELD, template.spec.security.run_as_user == 0)
    offenders += offending_containers(template, _FIELD, lambda container: container.security.run_as_user == 0)
    return (
        finding("runAsUser=0", f"{offenders_in_words(offenders)} must not set runAsUser=0", offenders)
        if offenders
        else None
    )


def run_as_user_1_35(template: PodTemplate) -> Finding | None:
    """Root in a user namespace is not root outside (KEP-127)."""
    return None if in_user_namespace(template) else run_as_user_1_23(template)


CHECK = Check("runAsUser", "restricted", (Revision(23, run_as_user_1_23), Revision(35, run_as_user_1_35)))
