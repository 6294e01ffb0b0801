"""The judged fields of a pod: every field that a Pod Security check, a prediction, a risk or a warning reads.

Two pods with the same `rights` are judged the same, under the same Pod Security version and on the same node.
"""

from collections.abc import Iterator

from kubectl_caps.core.assess.risk import host_paths
from kubectl_caps.core.kubernetes.container import Capabilities, Container, SecurityContext, TypedProfile
from kubectl_caps.core.kubernetes.pod import PodSecurityContext, PodSpec, PodTemplate, Sysctl, members
from kubectl_caps.core.podsecurity.checks.host_probes import named_hosts
from kubectl_caps.core.podsecurity.checks.restricted_volumes import restricted_source
from kubectl_caps.core.podsecurity.defaulting import as_admitted
from kubectl_caps.core.warnings.images import file_capabilities
from kubectl_caps.core.warnings.pod_settings import UNPRIVILEGED_PORT_START

Rights = tuple[object, ...]


def rights(template: PodTemplate) -> Rights:
    """The judged fields of a template or pod, as values that can be compared.

    Volumes that every level allows are left out, such as the token of a service account, which admission adds to a
    pod. AppArmor annotations count as the fields that the API server makes from them in a pod.
    """
    if template.spec.host_network or template.annotations:
        template = as_admitted(template, pod=True)
    spec = template.spec
    return (
        *(bool(flag) for flag in (spec.host_network, spec.host_pid, spec.host_ipc, spec.host_users is not False)),
        (spec.os and spec.os.name) or "",
        spec.runtime_class_name or "",
        _of_pod(spec.security),
        [(volume.name, kind) for volume in spec.volumes or () if (kind := restricted_source(volume))],
        {member.container.name: (member.role, _of_container(member.container, spec)) for member in members(spec)},
    )


def _of_pod(security: PodSecurityContext) -> Rights:
    discarded = (security.capabilities, security.allow_privilege_escalation, security.privileged)
    sysctls = tuple(_sysctl(sysctl) for sysctl in security.sysctls or ())
    return (*_of_either(security), sysctls, *(field is not None for field in discarded))


def _of_container(container: Container, spec: PodSpec) -> Rights:
    security, capabilities = container.security, container.security.capabilities or Capabilities()
    return (
        *_of_either(security),
        tuple(capabilities.add or ()),
        tuple(capabilities.drop or ()),
        bool(security.privileged),
        security.allow_privilege_escalation,
        security.proc_mount or "Default",
        sorted(set(host_paths(container, spec))),
        sorted({port.host_port for port in container.ports or () if port.host_port}),
        tuple(named_hosts(container)),
        file_capabilities(container.image),
    )


def _of_either(security: SecurityContext | PodSecurityContext) -> Iterator[object]:
    """The judged fields that a container's securityContext and a pod's securityContext have in common."""
    selinux, windows = security.se_linux_options, security.windows_options
    yield security.run_as_user
    yield security.run_as_non_root
    yield from map(_type, (security.seccomp_profile, security.app_armor_profile))
    yield selinux and (selinux.user or "", selinux.role or "", selinux.type or "")
    yield windows.host_process if windows else None


def _type(profile: TypedProfile | None) -> str | None:
    return None if profile is None else profile.type or ""


def _sysctl(sysctl: Sysctl) -> tuple[str, str]:
    """The name of a sysctl, and the value if it is judged; only one sysctl has a judged value."""
    return sysctl.name or "", (sysctl.value or "") if sysctl.name == UNPRIVILEGED_PORT_START else ""
