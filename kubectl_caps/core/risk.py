"""How dangerous a container is: what code in it can come to hold, and what it shares with its node.

Sources: 0xn3va/cheat-sheets, Container/Escaping/excessive-capabilities.md; cdk-team/CDK; capabilities(7).
"""

from collections.abc import Iterator
from pathlib import PurePosixPath

from kubectl_caps.core.allowance import NOTHING, Allowance
from kubectl_caps.core.linux.capabilities import BY_NUMBER, Risk, UnknownCapability, worst
from kubectl_caps.core.linux.prediction import Request
from kubectl_caps.core.linux.sets import CapabilitySet, ProcessSets
from kubectl_caps.core.pod import Container, PodSpec

# What makes a capability worse than it is by itself: (capability, field of the pod spec, risk).
_WORSE_WITH: tuple[tuple[str, str, Risk], ...] = (
    ("NET_ADMIN", "host_network", "critical"),
    ("NET_BIND_SERVICE", "host_network", "medium"),
    ("SYS_PTRACE", "host_pid", "critical"),
    ("KILL", "host_pid", "medium"),
    ("IPC_OWNER", "host_ipc", "medium"),
)
_WORSE_WITH_HOST_PATH: tuple[tuple[str, Risk], ...] = (
    ("DAC_OVERRIDE", "high"),
    ("CHOWN", "high"),
    ("FOWNER", "high"),
    ("MKNOD", "high"),
    ("SETFCAP", "medium"),
)

# What is shared with the node is dangerous without any capability: (field of the pod spec, to root, to others).
_SHARED: tuple[tuple[str, Risk, Risk], ...] = (
    ("host_network", "medium", "medium"),
    ("host_pid", "medium", "low"),
    ("host_ipc", "medium", "low"),
)
_SHARED_NAMES = {"host_network": "hostNetwork", "host_pid": "hostPID", "host_ipc": "hostIPC"}
# A host directory: (may it be written, does it rule the node) -> to root, to others. Root owns what is in it.
_HOST_PATH: dict[tuple[bool, bool], tuple[Risk, Risk]] = {
    (True, True): ("critical", "high"),
    (True, False): ("high", "medium"),
    (False, True): ("high", "medium"),
    (False, False): ("medium", "low"),
}
# Who can write there has the node: its accounts, programs and devices, the kubelet's and the runtime's own files.
_RULES_THE_NODE = tuple(map(PurePosixPath, (
    "/bin", "/boot", "/dev", "/etc", "/home", "/lib", "/lib64", "/opt/cni", "/proc", "/root", "/sbin", "/sys", "/usr",
    "/var/lib/containerd", "/var/lib/docker", "/var/lib/etcd", "/var/lib/kubelet", "/var/spool/cron",
)))  # fmt: skip
# What is under these is no more than itself: a device that the container's cgroup keeps shut, somebody's directory.
_NOT_BELOW = (PurePosixPath("/dev"), PurePosixPath("/home"))
# Who can connect there has the node, however it is mounted: a file system that is read-only does not stop connect(2).
_SOCKETS = tuple(map(PurePosixPath, (
    "/run/containerd/containerd.sock", "/run/k3s/containerd/containerd.sock", "/run/crio/crio.sock",
    "/run/cri-dockerd.sock", "/run/docker.sock", "/run/podman/podman.sock",
)))  # fmt: skip


def risk(
    request: Request, sets: ProcessSets, container: Container, spec: PodSpec, allowed: Allowance = NOTHING
) -> Risk:
    """The worst of what an attacker in a container can hold there and of what the pod shares with its node.

    A privileged container is `critical`, whatever it holds; a user that is not known is judged as root. A user
    namespace (hostUsers: false) does not make it less: what that is worth is not known here. What is `allowed` does
    not count.
    """
    return worst("none", *(item for _, item in dangers(request, sets, container, spec, allowed)))


def dangers(
    request: Request, sets: ProcessSets, container: Container, spec: PodSpec, allowed: Allowance = NOTHING
) -> Iterator[tuple[str, Risk]]:
    """What makes a container dangerous, a capability's name or a few words, and how much.

    An allowed check of what the pod shares with its node allows all that the check is about.
    """
    if (request.privileged and not allowed.privileged) or (
        _is_host_process(container, spec) and "windowsHostProcess" not in allowed.checks
    ):
        yield "privileged", "critical"
        return
    held = reachable(request, sets) - allowed.numbers
    paths = tuple(_host_paths(container, spec))
    worse = _worse(spec, writes_to_node=any(writable for _, writable in paths))
    for name, number in zip(held.short_names, held, strict=True):
        capability = BY_NUMBER.get(number)
        yield name, worst(capability.risk, worse.get(name, "none")) if capability else "unknown"
    other = int(request.never_root)
    if "hostNamespaces" not in allowed.checks:
        yield from ((_SHARED_NAMES[field], risks[other]) for field, *risks in _SHARED if getattr(spec, field))
    if "hostPathVolumes" not in allowed.checks:
        for path, writable in paths:
            yield f"hostPath {path}", _of_host_path(path, writable)[other]


def reachable(request: Request, sets: ProcessSets) -> CapabilitySet:
    """What code in the container can come to hold.

    Its permitted set; and the bounding set through setuid programs, unless no_new_privs keeps execve from granting
    anything (Documentation/userspace-api/no_new_privs.rst). What is added by name to another user than root counts
    also then: it is of use only to a program that has it as a file capability, and the first program keeps that.
    """
    if not sets.no_new_privs:
        return sets.permitted | sets.bounding
    return sets.permitted | (sets.bounding & _added(request))


def _added(request: Request) -> CapabilitySet:
    added = CapabilitySet()
    for name in request.add:
        try:
            added |= CapabilitySet.from_names([name])
        except UnknownCapability:
            continue
    return added


def _worse(spec: PodSpec, *, writes_to_node: bool) -> dict[str, Risk]:
    """The capabilities that are worse than by themselves with what the pod shares with its node, and how bad."""
    shared = [(name, risk) for name, field, risk in _WORSE_WITH if getattr(spec, field)]
    return dict([*shared, *(_WORSE_WITH_HOST_PATH if writes_to_node else ())])


def _of_host_path(path: PurePosixPath, writable: bool) -> tuple[Risk, Risk]:
    """To root and to others. What is below a directory that rules the node counts where it may be written."""
    path = _resolved(path)
    rules = any(path == place or path in place.parents for place in (*_RULES_THE_NODE, *_SOCKETS))
    below = any(place in path.parents for place in _RULES_THE_NODE if place not in _NOT_BELOW)
    to_root, to_others = _HOST_PATH[writable, rules or (writable and below)]
    if any(path == socket or path in socket.parents for socket in _SOCKETS):
        to_root = "critical"
    return to_root, to_others


def _resolved(path: PurePosixPath) -> PurePosixPath:
    """As the node has it: `//etc` is `/etc`, and `/var/run` is a link to `/run`."""
    parts = [part for part in path.parts if part.strip("/")]
    return PurePosixPath("/", *(parts[1:] if parts[:2] == ["var", "run"] else parts))


def _host_paths(container: Container, spec: PodSpec) -> Iterator[tuple[PurePosixPath, bool]]:
    """The directories of the node that a container mounts, and whether it may write to each."""
    volumes = {volume.name: volume.host_path for volume in spec.volumes or () if volume.host_path is not None}
    for mount in container.volume_mounts or ():
        if mount.name in volumes:
            source = volumes[mount.name]
            path = source.get("path") if isinstance(source, dict) else None
            yield PurePosixPath("/", path if isinstance(path, str) else "/"), not mount.read_only


def _is_host_process(container: Container, spec: PodSpec) -> bool:
    """Whether it is a Windows container that runs on the node itself."""
    own, pod = container.security.windows_options, spec.security.windows_options
    said = (options.host_process for options in (own, pod) if options and options.host_process is not None)
    return bool(next(said, False))
