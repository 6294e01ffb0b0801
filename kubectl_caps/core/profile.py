"""`--profile restricted`: what the Pod Security level asks for beyond capabilities, check by check.

Set, because nothing of the application has to be known: runAsNonRoot true, seccomp RuntimeDefault. Taken away, because
it is only ever set to loosen: AppArmor Unconfined (field and annotation; the runtime's profile then applies where the
node has AppArmor), procMount Unmasked. Left, and said by `what_is_left`, because the application needs it or not:
host namespaces, host ports, hostPath and other volumes, probes of other hosts, sysctls, SELinux options, capabilities
that stay added, privileged containers, runAsUser 0 (which is refused: a user has to be named).
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from kubectl_caps.core.pod import PodTemplate
from kubectl_caps.core.podsecurity.checks.app_armor_profile import PREFIX
from kubectl_caps.core.podsecurity.defaulting import as_admitted
from kubectl_caps.core.podsecurity.policy import NEWEST_MINOR
from kubectl_caps.core.podsecurity.registry import evaluate

Context = dict[str, Any]

_SECCOMP = ("RuntimeDefault", "Localhost")


def restrict_container(context: Context) -> None:
    """Take away what a container sets against the profile; what is absent, the pod says for all containers."""
    if context.get("runAsNonRoot") is False:
        context["runAsNonRoot"] = True
    if context.get("seccompProfile") is not None and not _has_seccomp(context):
        context["seccompProfile"] = {"type": "RuntimeDefault"}
    _confine(context)
    if context.get("procMount") not in (None, "Default"):
        del context["procMount"]


def restrict_alone(context: Context, pod: Context) -> None:
    """The same for a container whose pod is to stay as it is: it says for itself what the pod does not."""
    restrict_container(context)
    if context.get("runAsNonRoot") is None and pod.get("runAsNonRoot") is not True:
        context["runAsNonRoot"] = True
    if not _has_seccomp(context) and not _has_seccomp(pod):
        context["seccompProfile"] = {"type": "RuntimeDefault"}


def restrict_pod(context: Context) -> None:
    """Set what the pod says for all its containers."""
    context["runAsNonRoot"] = True
    if not _has_seccomp(context):
        context["seccompProfile"] = {"type": "RuntimeDefault"}
    _confine(context)


def without_unconfined(annotations: Mapping[str, Any], is_meant: Callable[[str], bool]) -> dict[str, Any]:
    """Annotations without those that let a container go without AppArmor (before Kubernetes 1.30)."""
    return {
        key: value
        for key, value in annotations.items()
        if not (key.startswith(PREFIX) and value == "unconfined" and is_meant(key.removeprefix(PREFIX)))
    }


def what_is_left(template: Mapping[str, Any]) -> Iterator[str]:
    """What the newest restricted level would still refuse a hardened template for, in the API server's words."""
    judged = as_admitted(msgspec.convert(template, PodTemplate), pod=True)
    for violation in evaluate(judged, "restricted", NEWEST_MINOR):
        yield f"restricted still refuses: {violation.reason} ({violation.detail})"


def _has_seccomp(context: Context) -> bool:
    return (context.get("seccompProfile") or {}).get("type") in _SECCOMP


def _confine(context: Context) -> None:
    if (context.get("appArmorProfile") or {}).get("type") == "Unconfined":
        del context["appArmorProfile"]
