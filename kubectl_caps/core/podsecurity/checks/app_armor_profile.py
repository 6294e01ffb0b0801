"""AppArmor may not be switched off.

Fields:
    spec.securityContext.appArmorProfile.type
    spec.containers[*].securityContext.appArmorProfile.type
    spec.initContainers[*].securityContext.appArmorProfile.type
    spec.ephemeralContainers[*].securityContext.appArmorProfile.type
    metadata.annotations[container.apparmor.security.beta.kubernetes.io/*]

Allowed:
    type: unset, RuntimeDefault, Localhost
    annotation: empty, runtime/default, localhost/*

Passes:
    spec:
      containers:
      - name: web
        securityContext:
          appArmorProfile:
            type: RuntimeDefault

Fails:
    spec:
      containers:
      - name: web
        securityContext:
          appArmorProfile:
            type: Unconfined
"""

from kubectl_caps.core.kubernetes.container import TypedProfile
from kubectl_caps.core.kubernetes.pod import PodTemplate, members
from kubectl_caps.core.podsecurity.checks.check import (
    Check,
    Finding,
    Revision,
    go_sorted,
    offenders_in_words,
    offending_containers,
    on_pod,
    quoted,
)
from kubectl_caps.core.podsecurity.checks.go_quote import go_quoted
from kubectl_caps.core.text import plural

PREFIX = "container.apparmor.security.beta.kubernetes.io/"
_FIELD = ("securityContext", "appArmorProfile", "type")


def app_armor_profile_1_0(template: PodTemplate) -> Finding | None:
    """Judges fields and annotations. An annotation may name a container that does not exist."""
    offenders = on_pod(_FIELD, _forbidden(template.spec.security.app_armor_profile))
    offenders += offending_containers(
        template, _FIELD, lambda container: _forbidden(container.security.app_armor_profile)
    )
    annotations = {
        key: value for key, value in template.annotations.items() if key.startswith(PREFIX) and not _allowed(value)
    }
    if not offenders and not annotations:
        return None
    values = go_sorted(_types(template)) + go_sorted(f"{key}={go_quoted(value)}" for key, value in annotations.items())
    subject = [offenders_in_words(offenders)] if offenders else []
    if annotations:
        subject.append(plural("annotation", len(annotations)))
    return Finding(
        plural("forbidden AppArmor profile", len(values)),
        f"{' and '.join(subject)} must not set AppArmor profile type to {quoted(values)}",
        tuple(offender.container for offender in offenders if offender.container is not None),
        (
            *(offender.path for offender in offenders),
            *(("metadata", "annotations", key) for key in go_sorted(annotations)),
        ),
    )


def _forbidden(profile: TypedProfile | None) -> bool:
    return profile is not None and profile.type not in ("RuntimeDefault", "Localhost")


def _allowed(annotation: str) -> bool:
    return annotation in ("", "runtime/default") or annotation.startswith("localhost/")


def _types(template: PodTemplate) -> list[str]:
    profiles = [template.spec.security.app_armor_profile]
    profiles += [member.container.security.app_armor_profile for member in members(template.spec)]
    return [profile.type or "" for profile in profiles if profile is not None and _forbidden(profile)]


CHECK = Check("appArmorProfile", "baseline", (Revision(0, app_armor_profile_1_0),))
