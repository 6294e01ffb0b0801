"""Plans `--profile restricted`: the fields besides capabilities that the Pod Security level requires, check by check.

`harden` sets runAsNonRoot true and seccomp RuntimeDefault: neither needs knowledge of the application.

It removes settings that can only loosen: AppArmor Unconfined (field and annotation; the runtime's profile then applies
if the node has AppArmor) and procMount Unmasked.

It leaves settings that the application may need, and `what_is_left` names them: host namespaces, host ports, hostPath
and other volumes, probes of other hosts, sysctls, SELinux options, added capabilities, privileged containers. runAsUser
0 is refused: the user has to name another user.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from kubectl_caps.core.kubernetes.pod import PodTemplate
from kubectl_caps.core.podsecurity.checks.app_armor_profile import PREFIX
from kubectl_caps.core.podsecurity.defaulting import as_admitted
from kubectl_caps.core.podsecurity.policy import NEWEST_MINOR
from kubectl_caps.core.podsecurity.registry import evaluate

Context = dict[str, Any]

_SECCOMP = ("RuntimeDefault", "Localhost")


def restrict_container(context: Context) -> None:
    """Remove a container's settings that loosen the profile; the pod's settings apply instead."""
    if context.get("runAsNonRoot") is False:
        context["runAsNonRoot"] = True
    if context.get("seccompProfile") is not None and not _has_seccomp(context):
        context["seccompProfile"] = {"type": "RuntimeDefault"}
    _confine(context)
    if context.get("procMount") not in (None, "Default"):
        del context["procMount"]


def restrict_alone(context: Context, pod: Context) -> None:
    """Restrict one container of a pod that stays as it is: the container gets the fields that the pod lacks."""
    restrict_container(context)
    if context.get("runAsNonRoot") is None and pod.get("runAsNonRoot") is not True:
        context["runAsNonRoot"] = True
    if not _has_seccomp(context) and not _has_seccomp(pod):
        context["seccompProfile"] = {"type": "RuntimeDefault"}


def restrict_pod(context: Context) -> None:
    """Set the fields of the pod that apply to all its containers."""
    context["runAsNonRoot"] = True
    if not _has_seccomp(context):
        context["seccompProfile"] = {"type": "RuntimeDefault"}
    _confine(context)


def without_unconfined(annotations: Mapping[str, Any], is_meant: Callable[[str], bool]) -> dict[str, Any]:
    """Annotations without those that switch AppArmor off for a container (before Kubernetes 1.30)."""
    return {
        key: value
        for key, value in annotations.items()
        if not (key.startswith(PREFIX) and value == "unconfined" and is_meant(key.removeprefix(PREFIX)))
    }


def what_is_left(template: Mapping[str, Any]) -> Iterator[str]:
    """The violations of the newest restricted level that a hardened template still has, in the API server's words."""
    judged = as_admitted(msgspec.convert(template, PodTemplate), pod=True)
    for violation in evaluate(judged, "restricted", NEWEST_MINOR):
        yield f"restricted still refuses: {violation.reason} ({violation.detail})"


def _has_seccomp(context: Context) -> bool:
    return (context.get("seccompProfile") or {}).get("type") in _SECCOMP


def _confine(context: Context) -> None:
    if (context.get("appArmorProfile") or {}).get("type") == "Unconfined":
        del context["appArmorProfile"]
