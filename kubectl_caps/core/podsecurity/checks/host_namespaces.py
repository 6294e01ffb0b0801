"""The host's namespaces may not be shared.

Fields:
    spec.hostNetwork
    spec.hostPID
    spec.hostIPC

Allowed:
    unset, false

Passes:
    spec:
      hostNetwork: false
      containers:
      - name: web

Fails:
    spec:
      hostNetwork: true
      containers:
      - name: web
"""

from kubectl_caps.core.kubernetes.pod import PodTemplate
from kubectl_caps.core.podsecurity.checks.check import Check, Finding, Revision


def host_namespaces_1_0(template: PodTemplate) -> Finding | None:
    """Windows pods are not exempt."""
    spec = template.spec
    flags = {"hostNetwork": spec.host_network, "hostPID": spec.host_pid, "hostIPC": spec.host_ipc}
    shared = [name for name, value in flags.items() if value]
    if not shared:
        return None
    detail = ", ".join(f"{name}=true" for name in shared)
    return Finding("host namespaces", detail, fields=tuple(("spec", name) for name in shared))


CHECK = Check("hostNamespaces", "baseline", (Revision(0, host_namespaces_1_0),))
