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

from kubectl_caps.core.pod import PodTemplate, TypedProfile, members
from kubectl_caps.core.podsecurity.goquote import go_quoted
from kubectl_caps.core.podsecurity.standard import (
    Check,
    Finding,
    Setter,
    Since,
    each,
    finding,
    in_order,
    on_pod,
    plural,
    quoted,
    who,
)

POD_ANNOTATION = "seccomp.security.alpha.kubernetes.io/pod"
CONTAINER_ANNOTATION = "container.seccomp.security.alpha.kubernetes.io/"
FIELD = ("securityContext", "seccompProfile", "type")


def seccomp_profile_baseline_1_0(template: PodTemplate) -> Finding | None:
    """Only annotations, and only of containers that exist; an empty value is forbidden, unlike AppArmor's."""
    keys = [POD_ANNOTATION, *(f"{CONTAINER_ANNOTATION}{member.container.name}" for member in members(template.spec))]
    annotations = template.annotations
    bad = in_order(key for key in keys if key in annotations and not _allowed(annotations[key]))
    if not bad:
        return None
    listed = ", ".join(in_order(f"{key}={go_quoted(annotations[key])}" for key in bad))
    return Finding(
        "seccompProfile",
        f"forbidden {plural('annotation', len(bad))} {listed}",
        tuple(key.removeprefix(CONTAINER_ANNOTATION) for key in bad if key != POD_ANNOTATION),
        tuple(("metadata", "annotations", key) for key in bad),
    )


def seccomp_profile_baseline_1_19(template: PodTemplate) -> Finding | None:
    """Only fields."""
    setters = forbidden_setters(template)
    return forbidden_types(template, setters) if setters else None


def forbidden_setters(template: PodTemplate) -> list[Setter]:
    """The pod and the containers that set a forbidden type."""
    pod = on_pod(FIELD, is_forbidden(template.spec.security.seccomp_profile))
    return pod + each(template, FIELD, lambda container: is_forbidden(container.security.seccomp_profile))


def forbidden_types(template: PodTemplate, setters: list[Setter]) -> Finding:
    """The finding for those."""
    profiles = [template.spec.security.seccomp_profile]
    profiles += [member.container.security.seccomp_profile for member in members(template.spec)]
    types = in_order(profile.type or "" for profile in profiles if profile is not None and is_forbidden(profile))
    return finding(
        "seccompProfile", f"{who(setters)} must not set securityContext.seccompProfile.type to {quoted(types)}", setters
    )


def is_forbidden(profile: TypedProfile | None) -> bool:
    """Whether a profile is set to something else than RuntimeDefault or Localhost."""
    return profile is not None and profile.type not in ("RuntimeDefault", "Localhost")


def _allowed(annotation: str) -> bool:
    return annotation in ("runtime/default", "docker/default") or annotation.startswith("localhost/")


CHECK = Check(
    "seccompProfile_baseline",
    "baseline",
    (Since(0, seccomp_profile_baseline_1_0), Since(19, seccomp_profile_baseline_1_19)),
)
