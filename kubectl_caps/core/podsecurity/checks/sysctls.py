"""Only sysctls of the pod's own namespaces may be set.

Fields:
    spec.securityContext.sysctls[*].name

Allowed:
    kernel.shm_rmid_forced, net.ipv4.ip_local_port_range, net.ipv4.tcp_syncookies, net.ipv4.ping_group_range,
    net.ipv4.ip_unprivileged_port_start
    from v1.27: net.ipv4.ip_local_reserved_ports
    from v1.29: net.ipv4.tcp_keepalive_time, net.ipv4.tcp_fin_timeout, net.ipv4.tcp_keepalive_intvl,
    net.ipv4.tcp_keepalive_probes
    from v1.32: net.ipv4.tcp_rmem, net.ipv4.tcp_wmem
    from v1.37: net.ipv4.tcp_slow_start_after_idle, net.ipv4.tcp_notsent_lowat

Passes:
    spec:
      securityContext:
        sysctls:
        - name: net.ipv4.tcp_syncookies
          value: "1"
      containers:
      - name: web

Fails:
    spec:
      securityContext:
        sysctls:
        - name: kernel.msgmax
          value: "65536"
      containers:
      - name: web
"""

from functools import partial

from kubectl_caps.core.kubernetes.pod import PodTemplate
from kubectl_caps.core.podsecurity.checks.check import Check, Finding, Revision

_NEW: tuple[tuple[int, tuple[str, ...]], ...] = (
    (
        0,
        (
            "kernel.shm_rmid_forced",
            "net.ipv4.ip_local_port_range",
            "net.ipv4.tcp_syncookies",
            "net.ipv4.ping_group_range",
            "net.ipv4.ip_unprivileged_port_start",
        ),
    ),
    (27, ("net.ipv4.ip_local_reserved_ports",)),
    (
        29,
        (
            "net.ipv4.tcp_keepalive_time",
            "net.ipv4.tcp_fin_timeout",
            "net.ipv4.tcp_keepalive_intvl",
            "net.ipv4.tcp_keepalive_probes",
        ),
    ),
    (32, ("net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem")),
    (37, ("net.ipv4.tcp_slow_start_after_idle", "net.ipv4.tcp_notsent_lowat")),
)


def sysctls_since(minor: int, template: PodTemplate) -> Finding | None:
    """Names compare exactly. They are listed in the order of the spec, with duplicates."""
    allowed = {name for since, names in _NEW if since <= minor for name in names}
    sysctls = enumerate(template.spec.security.sysctls or ())
    found = [(index, item.name or "") for index, item in sysctls if item.name not in allowed]
    if not found:
        return None
    fields = tuple(("spec", "securityContext", "sysctls", index, "name") for index, _ in found)
    return Finding("forbidden sysctls", ", ".join(name for _, name in found), fields=fields)


CHECK = Check("sysctls", "baseline", tuple(Revision(minor, partial(sysctls_since, minor)) for minor, _ in _NEW))
