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

from kubectl_caps.core.pod import PodTemplate, TypedProfile, members
from kubectl_caps.core.podsecurity.goquote import go_quoted
from kubectl_caps.core.podsecurity.standard import Check, Finding, Since, each, in_order, on_pod, plural, quoted, who

PREFIX = "container.apparmor.security.beta.kubernetes.io/"
_FIELD = ("securityContext", "appArmorProfile", "type")


def app_armor_profile_1_0(template: PodTemplate) -> Finding | None:
    """Fields and annotations; an annotation may name a container that does not exist."""
    setters = on_pod(_FIELD, _forbidden(template.spec.security.app_armor_profile))
    setters += each(template, _FIELD, lambda container: _forbidden(container.security.app_armor_profile))
    annotations = {
        key: value for key, value in template.annotations.items() if key.startswith(PREFIX) and not _allowed(value)
    }
    if not setters and not annotations:
        return None
    values = in_order(_types(template)) + in_order(f"{key}={go_quoted(value)}" for key, value in annotations.items())
    subject = [who(setters)] if setters else []
    if annotations:
        subject.append(plural("annotation", len(annotations)))
    return Finding(
        plural("forbidden AppArmor profile", len(values)),
        f"{' and '.join(subject)} must not set AppArmor profile type to {quoted(values)}",
        tuple(setter.container for setter in setters if setter.container is not None),
        (*(setter.path for setter in setters), *(("metadata", "annotations", key) for key in in_order(annotations))),
    )


def _forbidden(profile: TypedProfile | None) -> bool:
    return profile is not None and profile.type not in ("RuntimeDefault", "Localhost")


def _allowed(annotation: str) -> bool:
    return annotation in ("", "runtime/default") or annotation.startswith("localhost/")


def _types(template: PodTemplate) -> list[str]:
    profiles = [template.spec.security.app_armor_profile]
    profiles += [member.container.security.app_armor_profile for member in members(template.spec)]
    return [profile.type or "" for profile in profiles if profile is not None and _forbidden(profile)]


CHECK = Check("appArmorProfile", "baseline", (Since(0, app_armor_profile_1_0),))
