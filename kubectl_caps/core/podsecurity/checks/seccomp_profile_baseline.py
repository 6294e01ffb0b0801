"""Seccomp may not be switched off.

Fields:
    until v1.18: metadata.annotations[seccomp.security.alpha.kubernetes.io/pod]
    until v1.18: metadata.annotations[container.seccomp.security.alpha.kubernetes.io/*]
    from v1.19: spec.securityContext.seccompProfile.type
    from v1.19: spec.containers[*].securityContext.seccompProfile.type
    from v1.19: spec.initContainers[*].securityContext.seccompProfile.type
    from v1.19: spec.ephemeralContainers[*].securityContext.seccompProfile.type

Allowed:
    annotation: unset, runtime/default, docker/default, localhost/*
    type: unset, RuntimeDefault, Localhost

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

from kubectl_caps.core.kubernetes.container import TypedProfile
from kubectl_caps.core.kubernetes.pod import PodTemplate, members
from kubectl_caps.core.podsecurity.checks.check import (
    Check,
    Finding,
    Offender,
    Revision,
    finding,
    go_sorted,
    offenders_in_words,
    offending_containers,
    on_pod,
    quoted,
)
from kubectl_caps.core.podsecurity.checks.go_quote import go_quoted
from kubectl_caps.core.text import plural

POD_ANNOTATION = "seccomp.security.alpha.kubernetes.io/pod"
CONTAINER_ANNOTATION = "container.seccomp.security.alpha.kubernetes.io/"
FIELD = ("securityContext", "seccompProfile", "type")


def seccomp_profile_baseline_1_0(template: PodTemplate) -> Finding | None:
    """Judges only annotations of existing containers. An empty value is forbidden, unlike AppArmor's."""
    keys = [POD_ANNOTATION, *(f"{CONTAINER_ANNOTATION}{member.container.name}" for member in members(template.spec))]
    annotations = template.annotations
    bad = go_sorted(key for key in keys if key in annotations and not _allowed(annotations[key]))
    if not bad:
        return None
    listed = ", ".join(go_sorted(f"{key}={go_quoted(annotations[key])}" for key in bad))
    return Finding(
        "seccompProfile",
        f"forbidden {plural('annotation', len(bad))} {listed}",
        tuple(key.removeprefix(CONTAINER_ANNOTATION) for key in bad if key != POD_ANNOTATION),
        tuple(("metadata", "annotations", key) for key in bad),
    )


def seccomp_profile_baseline_1_19(template: PodTemplate) -> Finding | None:
    """Judges only fields."""
    offenders = forbidden_setters(template)
    return forbidden_types(template, offenders) if offenders else None


def forbidden_setters(template: PodTemplate) -> list[Offender]:
    """The pod and the containers that set a forbidden type."""
    pod = on_pod(FIELD, is_forbidden(template.spec.security.seccomp_profile))
    return pod + offending_containers(
        template, FIELD, lambda container: is_forbidden(container.security.seccomp_profile)
    )


def forbidden_types(template: PodTemplate, offenders: list[Offender]) -> Finding:
    """The finding for the offenders that set a forbidden type."""
    profiles = [template.spec.security.seccomp_profile]
    profiles += [member.container.security.seccomp_profile for member in members(template.spec)]
    types = go_sorted(profile.type or "" for profile in profiles if profile is not None and is_forbidden(profile))
    return finding(
        "seccompProfile",
        f"{offenders_in_words(offenders)} must not set securityContext.seccompProfile.type to {quoted(types)}",
        offenders,
    )


def is_forbidden(profile: TypedProfile | None) -> bool:
    """Whether a profile is set, and to another type than RuntimeDefault or Localhost."""
    return profile is not None and profile.type not in ("RuntimeDefault", "Localhost")


def _allowed(annotation: str) -> bool:
    return annotation in ("runtime/default", "docker/default") or annotation.startswith("localhost/")


CHECK = Check(
    "seccompProfile_baseline",
    "baseline",
    (Revision(0, seccomp_profile_baseline_1_0), Revision(19, seccomp_profile_baseline_1_19)),
)
