"""Probes and lifecycle handlers may not name a host.

Fields:
    spec.containers[*].livenessProbe|readinessProbe|startupProbe.httpGet|tcpSocket.host
    spec.initContainers[*].livenessProbe|readinessProbe|startupProbe.httpGet|tcpSocket.host
    spec.ephemeralContainers[*].livenessProbe|readinessProbe|startupProbe.httpGet|tcpSocket.host
    spec.containers[*].lifecycle.postStart|preStop.httpGet|tcpSocket.host
    spec.initContainers[*].lifecycle.postStart|preStop.httpGet|tcpSocket.host
    spec.ephemeralContainers[*].lifecycle.postStart|preStop.httpGet|tcpSocket.host

Allowed:
    unset, empty (from v1.34)

Passes:
    spec:
      containers:
      - name: web
        livenessProbe:
          httpGet:
            port: 80

Fails:
    spec:
      containers:
      - name: web
        livenessProbe:
          httpGet:
            port: 80
            host: 127.0.0.1
"""

from collections.abc import Iterator

from kubectl_caps.core.kubernetes.container import Container, Handler, Lifecycle
from kubectl_caps.core.kubernetes.field_path import Path
from kubectl_caps.core.kubernetes.pod import PodTemplate, members
from kubectl_caps.core.podsecurity.checks.check import Check, Finding, Revision, go_sorted, quoted
from kubectl_caps.core.text import plural


def host_probes_1_34(template: PodTemplate) -> Finding | None:
    """Every host is forbidden, also loopback. This is the only check that sorts the containers' names."""
    found = [
        (member.container.name, (*member.path, *path), host)
        for member in members(template.spec)
        for path, host in named_hosts(member.container)
    ]
    if not found:
        return None
    names = go_sorted(name for name, _, _ in found)
    hosts = go_sorted(host for _, _, host in found)
    detail = (
        f"{plural('container', len(names))} {quoted(names)} {'uses' if len(names) == 1 else 'use'} "
        f"probe or lifecycle {plural('host', len(hosts))} {quoted(hosts)}"
    )
    return Finding("probe or lifecycle host", detail, tuple(names), tuple(path for _, path, _ in found))


def named_hosts(container: Container) -> Iterator[tuple[Path, str]]:
    """The hosts of a container's probes and lifecycle handlers, each with its field."""
    lifecycle = container.lifecycle or Lifecycle()
    handlers: tuple[tuple[Path, Handler | None], ...] = (
        (("livenessProbe",), container.liveness_probe),
        (("readinessProbe",), container.readiness_probe),
        (("startupProbe",), container.startup_probe),
        (("lifecycle", "postStart"), lifecycle.post_start),
        (("lifecycle", "preStop"), lifecycle.pre_stop),
    )
    for path, handler in handlers:
        for kind, action in (("httpGet", handler and handler.http_get), ("tcpSocket", handler and handler.tcp_socket)):
            if action and action.host:
                yield (*path, kind, "host"), action.host


CHECK = Check("hostProbesAndHostLifecycle", "baseline", (Revision(34, host_probes_1_34),))
