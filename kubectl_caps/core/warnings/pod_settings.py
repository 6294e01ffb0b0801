"""Warnings about a container's image, and about the pod's sysctls and user namespace."""

from collections.abc import Iterator

from kubectl_caps.core.kubernetes.pod import members
from kubectl_caps.core.warnings.images import file_capabilities
from kubectl_caps.core.warnings.rule import PathAndWords, Rule, Subject, known

UNPRIVILEGED_PORT_START = "net.ipv4.ip_unprivileged_port_start"
"""The sysctl with the first port that every user may bind."""

# Capabilities without effect in a user namespace, measured with all capabilities in a child user namespace on kernel
# 6.18. SYS_BOOT still ends the pod's own process namespace, and DAC_READ_SEARCH still reads the pod's own files.
_VOID_IN_USER_NAMESPACE = {
    "AUDIT_CONTROL", "AUDIT_READ", "AUDIT_WRITE", "BPF", "IPC_LOCK", "LEASE", "LINUX_IMMUTABLE", "MKNOD", "PERFMON",
    "SYSLOG", "SYS_MODULE", "SYS_PACCT", "SYS_RAWIO", "SYS_TIME", "SYS_TTY_CONFIG", "WAKE_ALARM",
}  # fmt: skip


def adds_void_in_user_namespace(subject: Subject) -> list[str]:
    """The adds that do nothing because the pod has a user namespace."""
    names = [name for name, short in known(subject.request.add) if short in _VOID_IN_USER_NAMESPACE]
    return names if subject.spec.host_users is False else []


def _void_in_user_namespace(subject: Subject) -> Iterator[PathAndWords]:
    if names := adds_void_in_user_namespace(subject):
        words = f"{', '.join(names)} does nothing in a user namespace (hostUsers: false); remove it"
        yield subject.listed("add", names), words


def _low_ports_free(subject: Subject) -> Iterator[PathAndWords]:
    names = [name for name, short in known(subject.request.add) if short == "NET_BIND_SERVICE"]
    is_file_capability = "NET_BIND_SERVICE" in file_capabilities(subject.member.container.image)
    if not names or is_file_capability or subject.request.privileged or subject.spec.host_network:
        return
    if by := low_ports_freed_by(subject):
        yield subject.listed("add", names), f"NET_BIND_SERVICE is not needed for low ports: {by}; remove it"


def low_ports_freed_by(subject: Subject) -> str:
    """The reason why every user of the pod may listen on low ports; empty if there is no known reason."""
    declared = [item.value for item in subject.spec.security.sysctls or () if item.name == UNPRIVILEGED_PORT_START]
    if declared:
        return f"the pod sets {UNPRIVILEGED_PORT_START}={declared[-1]}" if declared[-1] in ("0", "1") else ""
    free = [runtime.name for runtime in subject.runtimes if runtime.low_ports_free and not runtime.assumed]
    return f"{free[0]} lets every user bind them" if len(free) == len(subject.runtimes) > 0 else ""


def _file_capabilities_unmet(subject: Subject) -> Iterator[PathAndWords]:
    if subject.request.privileged:
        return
    needed = file_capabilities(subject.member.container.image)
    lacking = [name for name in needed if any(name not in outcome.sets.bounding for outcome in subject.outcomes)]
    if lacking:
        words = f"a program of the image has the file capability {lacking[0]} and does not start without it; add it"
        yield subject.at("capabilities", "add"), words
    elif any(_is_refused_exec(text) for text in subject.complaints):
        words = "a program of the image has file capabilities that the container lacks; add the ones that getcap names"
        yield subject.at("capabilities", "add"), words


def _is_refused_exec(complaint: str) -> bool:
    return "exec" in complaint and "operation not permitted" in complaint


def _pod_level(subject: Subject) -> Iterator[PathAndWords]:
    """Warns once for a pod, with its first container."""
    pod = subject.spec.security
    fields = {
        "capabilities": pod.capabilities,
        "allowPrivilegeEscalation": pod.allow_privilege_escalation,
        "privileged": pod.privileged,
    }
    if next(members(subject.spec)).path != subject.member.path:
        return
    for field, value in fields.items():
        if value is not None:
            words = f"a pod's securityContext has no {field}, so it is discarded; move it to each container"
            yield ("spec", "securityContext", field), words


RULES = (
    Rule(
        id="void-in-user-namespace",
        title="An added capability does nothing in the pod's user namespace.",
        happens="The kernel shows the capability in the container's sets, and still refuses the operations that the "
        "capability allows elsewhere.",
        why="With hostUsers: false a capability counts only for objects of the pod's own user namespace. Clocks, "
        "kernel modules, devices, BPF, the audit log and locked memory belong to the node.",
        do="Remove the add. If the program needs the operation, it needs hostUsers: true, with all its risk.",
        bad_example="""\
spec:
  hostUsers: false
  containers:
  - name: ntp
    securityContext:
      capabilities:
        drop: [ALL]
        add: [SYS_TIME]
""",
        good_example="""\
spec:
  hostUsers: false
  containers:
  - name: ntp
    securityContext:
      capabilities:
        drop: [ALL]
""",
        evidence="The kernel in a child user namespace: measured. A pod with hostUsers: false: not run.",
        check=_void_in_user_namespace,
    ),
    Rule(
        id="low-ports-are-free",
        title="NET_BIND_SERVICE is added where every user may listen on low ports.",
        happens="The sysctl net.ipv4.ip_unprivileged_port_start is 0 in the pod's network, so the kernel asks for no "
        "capability.",
        why="The pod sets the sysctl, or its runtime does: containerd from 2.0 on and Docker from 20.10 on set it for "
        "every pod without hostNetwork (containerd unless its enable_unprivileged_ports is false).",
        do="Remove the add. `cat /proc/sys/net/ipv4/ip_unprivileged_port_start` in the pod shows the value. Keep the "
        "add if a program of the image has NET_BIND_SERVICE as a file capability.",
        bad_example="""\
spec:
  securityContext:
    sysctls:
    - name: net.ipv4.ip_unprivileged_port_start
      value: "0"
  containers:
  - name: web
    securityContext:
      capabilities:
        drop: [ALL]
        add: [NET_BIND_SERVICE]
""",
        good_example="""\
spec:
  securityContext:
    sysctls:
    - name: net.ipv4.ip_unprivileged_port_start
      value: "0"
  containers:
  - name: web
    securityContext:
      capabilities:
        drop: [ALL]
""",
        evidence="containerd 2 with runc: run here. Docker: from source, not run.",
        check=_low_ports_free,
    ),
    Rule(
        id="file-capabilities-unmet",
        title="A program of the image has file capabilities that the container lacks.",
        happens='The container ends at once, and its log says "exec ...: operation not permitted". This happens to '
        "root too, and to programs that never use the capability.",
        why="The kernel refuses to execute a file whose file capabilities, with the effective bit, are not all in the "
        "bounding set.",
        do="Add the capability beside drop ALL, or take an image without the file capability. `getcap` names it.",
        bad_example="""\
spec:
  containers:
  - name: dns
    image: registry.k8s.io/coredns/coredns:v1.12.0
    securityContext:
      capabilities:
        drop: [ALL]
""",
        good_example="""\
spec:
  containers:
  - name: dns
    image: registry.k8s.io/coredns/coredns:v1.12.0
    securityContext:
      capabilities:
        drop: [ALL]
        add: [NET_BIND_SERVICE]
""",
        evidence="containerd with runc: run here, with an image of its own. The named images: from their Dockerfiles.",
        check=_file_capabilities_unmet,
    ),
    Rule(
        id="pod-level-settings",
        title="The pod's securityContext has a field that only containers have.",
        happens="The API server discards it. A pod that drops ALL there drops nothing.",
        why="capabilities, allowPrivilegeEscalation and privileged exist for containers only. kubectl reports an "
        "unknown field. A client without validation, such as an operator, gets a warning at most.",
        do="Move it to the securityContext of every container.",
        bad_example="""\
spec:
  securityContext:
    capabilities:
      drop: [ALL]
  containers:
  - name: web
""",
        good_example="""\
spec:
  containers:
  - name: web
    securityContext:
      capabilities:
        drop: [ALL]
""",
        evidence="A real API server: run here.",
        check=_pod_level,
    ),
)
