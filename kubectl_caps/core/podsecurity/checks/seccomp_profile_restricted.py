"""A seccomp profile must be set.

Fields:
    spec.securityContext.seccompProfile.type
    spec.containers[*].securityContext.seccompProfile.type
    spec.initContainers[*].securityContext.seccompProfile.type
    spec.ephemeralContainers[*].securityContext.seccompProfile.type

Allowed:
    RuntimeDefault, Localhost (from v1.19); on a container also unset where the pod sets one of them
    from v1.25 anything where spec.os.name is windows

Passes:
    spec:
      containers:
      - name: web
        securityContext:
          seccompProfile:
            type: RuntimeDefault

Fails:
    spec:
      containers:
      - name: web
        securityContext:
          seccompProfile:
            type: Unconfined
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
from kubectl_caps.core.podsecurity.checks.seccomp_profile_baseline import FIELD, forbidden_setters, forbidden_types


def seccomp_profile_restricted_1_19(template: PodTemplate) -> Finding | None:
    """Annotations do not count. A forbidden type is reported first; a missing type only if no type is forbidden."""
    if bad := forbidden_setters(template):
        return forbidden_types(template, bad)
    unset = offending_containers(template, FIELD, lambda container: container.security.seccomp_profile is None)
    if template.spec.security.seccomp_profile is not None or not unset:
        return None
    needed = 'must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"'
    return finding("seccompProfile", f"pod or {containers(unset)} {needed}", unset)


def seccomp_profile_restricted_1_25(template: PodTemplate) -> Finding | None:
    """Windows pods are exempt. As this check overrides the baseline check, no check of seccomp applies to them."""
    return None if is_windows(template) else seccomp_profile_restricted_1_19(template)


_OVERRIDES = ("seccompProfile_baseline",)

CHECK = Check(
    "seccompProfile_restricted",
    "restricted",
    (
        Revision(19, seccomp_profile_restricted_1_19, _OVERRIDES),
        Revision(25, seccomp_profile_restricted_1_25, _OVERRIDES),
    ),
)
