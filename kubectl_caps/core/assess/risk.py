"""The risk of a container: the capabilities that its code can come to hold, and the parts that it shares with its node.

Sources: 0xn3va/cheat-sheets, Container/Escaping/excessive-capabilities.md; cdk-team/CDK; capabilities(7).
"""

from collections.abc import Iterator
from pathlib import PurePosixPath

from kubectl_caps.core.assess.accepted import NOTHING, Accepted
from kubectl_caps.core.assess.host_paths import of_host_path
from kubectl_caps.core.kubernetes.container import Container
from kubectl_caps.core.kubernetes.pod import PodSpec
from kubectl_caps.core.linux.capabilities import BY_NUMBER, Risk, UnknownCapability, worst
from kubectl_caps.core.linux.prediction import ContainerRequest
from kubectl_caps.core.linux.sets import CapabilitySet, ProcessSets

# A field of the pod spec that makes a capability more dangerous: (capability, field, risk).
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

# A field that shares a part of the node, dangerous without capabilities: (field, risk of root, risk of other users).
_SHARED: tuple[tuple[str, Risk, Risk], ...] = (
    ("host_network", "medium", "medium"),
    ("host_pid", "medium", "low"),
    ("host_ipc", "medium", "low"),
)
_SHARED_NAMES = {"host_network": "hostNetwork", "host_pid": "hostPID", "host_ipc": "hostIPC"}


def dangers(
    request: ContainerRequest, sets: ProcessSets, container: Container, spec: PodSpec, allowed: Accepted = NOTHING
) -> Iterator[tuple[str, Risk]]:
    """The dangers of a container: a capability's name or a few words, each with its risk.

    A privileged container is `critical`, whatever it holds. An unknown user is judged as root. For the parts that the
    pod shares with its node, a user who may escalate is judged as root too, because a setuid program makes that user
    root. A user namespace (hostUsers: false) does not lower the risk. Capabilities and checks in `allowed` do not
    count. An allowed check `hostNamespaces` or `hostPathVolumes` takes out all dangers of its fields.
    """
    if (request.privileged and not allowed.privileged) or (
        _is_host_process(container, spec) and "windowsHostProcess" not in allowed.checks
    ):
        yield "privileged", "critical"
        return
    held = reachable(request, sets) - allowed.numbers
    paths = tuple(host_paths(container, spec))
    worse = _worse(spec, writes_to_node=any(writable for _, writable in paths))
    for name, number in zip(held.short_names, held, strict=True):
        capability = BY_NUMBER.get(number)
        yield name, worst(capability.risk, worse.get(name, "none")) if capability else "unknown"
    other = int(request.never_root and bool(sets.no_new_privs))  # without no_new_privs a setuid program makes it root
    if "hostNamespaces" not in allowed.checks:
        yield from ((_SHARED_NAMES[field], risks[other]) for field, *risks in _SHARED if getattr(spec, field))
    if "hostPathVolumes" not in allowed.checks:
        for path, writable in paths:
            yield f"hostPath {PurePosixPath('/', path)}", of_host_path(path, writable=writable)[other]


def shares_nothing(container: Container, spec: PodSpec) -> bool:
    """Whether a container shares nothing with its node, so that its request alone decides its dangers."""
    shared = any(getattr(spec, field) for field, *_ in _SHARED)
    return not (shared or _is_host_process(container, spec) or any(host_paths(container, spec)))


def reachable(request: ContainerRequest, sets: ProcessSets) -> CapabilitySet:
    """The capabilities that code in the container can come to hold.

    These are the permitted set, and through setuid programs the bounding set, unless no_new_privs keeps execve from
    granting anything (Documentation/userspace-api/no_new_privs.rst). An add for a user other than root counts even
    with no_new_privs: it can only be meant for a program with file capabilities, and the container's first program may
    have them and keeps them.
    """
    if not sets.no_new_privs:
        return sets.permitted | sets.bounding
    return sets.permitted | (sets.bounding & _added(request))


def _added(request: ContainerRequest) -> CapabilitySet:
    added = CapabilitySet()
    for name in request.add:
        try:
            added |= CapabilitySet.from_names([name])
        except UnknownCapability:
            continue
    return added


def _worse(spec: PodSpec, *, writes_to_node: bool) -> dict[str, Risk]:
    """The capabilities that a shared part of the node makes worse, each with its risk."""
    shared = [(name, risk) for name, field, risk in _WORSE_WITH if getattr(spec, field)]
    return dict([*shared, *(_WORSE_WITH_HOST_PATH if writes_to_node else ())])


def host_paths(container: Container, spec: PodSpec) -> Iterator[tuple[str, bool]]:
    """The directories of the node that a container mounts, and whether it may write to each."""
    volumes = {volume.name: volume.host_path for volume in spec.volumes or () if volume.host_path is not None}
    for mount in container.volume_mounts or ():
        if mount.name in volumes:
            yield volumes[mount.name].path or "/", not mount.read_only


def _is_host_process(container: Container, spec: PodSpec) -> bool:
    """Whether the container is a Windows HostProcess container, which runs on the node itself."""
    own, pod = container.security.windows_options, spec.security.windows_options
    said = (options.host_process for options in (own, pod) if options and options.host_process is not None)
    return bool(next(said, False))
