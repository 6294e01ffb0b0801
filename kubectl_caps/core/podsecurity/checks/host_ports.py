"""Ports of the host may not be used.

Fields:
    spec.containers[*].ports[*].hostPort
    spec.initContainers[*].ports[*].hostPort
    spec.ephemeralContainers[*].ports[*].hostPort

Allowed:
    unset, 0

Passes:
    spec:
      containers:
      - name: web
        ports:
        - containerPort: 80

Fails:
    spec:
      containers:
      - name: web
        ports:
        - containerPort: 80
          hostPort: 80
"""

from kubectl_caps.core.kubernetes.pod import PodTemplate, members
from kubectl_caps.core.podsecurity.checks.check import Check, Finding, Revision, go_sorted, quoted
from kubectl_caps.core.text import plural


def host_ports_1_0(template: PodTemplate) -> Finding | None:
    """Ports are sorted as text: 10250 before 9402."""
    found = [
        (member, index, port.host_port)
        for member in members(template.spec)
        for index, port in enumerate(member.container.ports or ())
        if port.host_port
    ]
    if not found:
        return None
    names = tuple(dict.fromkeys(member.container.name for member, _, _ in found))
    ports = go_sorted(str(port) for _, _, port in found)
    detail = (
        f"{plural('container', len(names))} {quoted(names)} {'uses' if len(names) == 1 else 'use'} "
        f"{plural('hostPort', len(ports))} {', '.join(ports)}"
    )
    return Finding(
        "hostPort", detail, names, tuple((*member.path, "ports", index, "hostPort") for member, index, _ in found)
    )


CHECK = Check("hostPorts", "baseline", (Revision(0, host_ports_1_0),))
