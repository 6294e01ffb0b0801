"""The risk of a hostPath volume: how dangerous it is that a container mounts this path of the node.

Sources: kubeadm, k3s, RKE2, k0s and MicroK8s as their documentation places their files; the kubelet's `--root-dir`;
0xn3va/cheat-sheets, Container/Escaping; unix(7): connect(2) needs no file system that can be written.
"""

import posixpath
from collections.abc import Iterator

from kubectl_caps.core.linux.capabilities import Risk, worst

Parts = tuple[str, ...]
ReadAndWriteRisk = tuple[Risk, Risk]
"""The risk of a container that runs as root, and the risk of one that runs as another user."""

# (the mount is writable, the path rules the node) -> the risk of root, the risk of other users.
_PLAIN: dict[tuple[bool, bool], ReadAndWriteRisk] = {
    (True, True): ("critical", "high"),
    (True, False): ("high", "medium"),
    (False, True): ("high", "medium"),
    (False, False): ("medium", "low"),
}

RULES_THE_NODE = (
    "/bin", "/boot", "/dev", "/etc", "/home", "/lib", "/lib64", "/opt/cni", "/proc", "/root", "/sbin", "/sys", "/usr",
    "/run/systemd", "/run/udev", "/var/lib/cloud", "/var/lib/containerd", "/var/lib/docker", "/var/lib/etcd",
    "/var/lib/k0s", "/var/lib/kubelet", "/var/lib/rancher", "/var/snap/microk8s", "/var/spool/cron",
)  # fmt: skip
"""Whoever can write there controls the node: its accounts, programs, devices, the kubelet's and the runtime's files."""

# A path below these does not rule the node: the container's cgroup denies the device, or one person owns the directory.
_NOT_BELOW = ("/dev", "/home")

_NODE: ReadAndWriteRisk = ("critical", "high")
_IDENTITY: ReadAndWriteRisk = ("high", "high")

ENOUGH_TO_REACH: dict[str, ReadAndWriteRisk] = {
    # Sockets of programs that start containers and processes as root.
    "/run/containerd/containerd.sock": _NODE,
    "/run/k3s/containerd/containerd.sock": _NODE,
    "/run/k0s/containerd.sock": _NODE,
    "/run/docker/containerd/containerd.sock": _NODE,
    "/var/snap/microk8s/common/run/containerd.sock": _NODE,
    "/run/nri/nri.sock": _NODE,
    "/run/crio/crio.sock": _NODE,
    "/run/cri-dockerd.sock": _NODE,
    "/run/docker.sock": _NODE,
    "/run/podman/podman.sock": _NODE,
    "/run/buildkit/buildkitd.sock": _NODE,
    "/run/systemd/private": _NODE,
    "/run/dbus/system_bus_socket": _NODE,
    "/run/snapd.socket": _NODE,
    # Keys and tokens of the cluster: whoever reads them is its administrator.
    "/etc/kubernetes/pki": _NODE,
    "/etc/kubernetes/admin.conf": _NODE,
    "/etc/kubernetes/super-admin.conf": _NODE,
    "/etc/kubernetes/controller-manager.conf": _NODE,
    "/etc/kubernetes/scheduler.conf": _NODE,
    "/etc/rancher/k3s/k3s.yaml": _NODE,
    "/etc/rancher/rke2/rke2.yaml": _NODE,
    "/var/lib/rancher/k3s/server": _NODE,
    "/var/lib/rancher/rke2/server": _NODE,
    "/var/lib/k0s": _NODE,
    "/var/snap/microk8s/*/certs": _NODE,
    "/var/snap/microk8s/*/credentials": _NODE,
    "/var/lib/etcd": _NODE,
    # The tokens and Secrets of every pod of the node.
    "/var/lib/kubelet/pods": _NODE,
    # Whoever reads these can act as the node, as an account of the node, or as an account of another machine.
    "/etc/kubernetes/kubelet.conf": _IDENTITY,
    "/etc/kubernetes/bootstrap-kubelet.conf": _IDENTITY,
    "/var/lib/kubelet/pki": _IDENTITY,
    "/var/lib/kubelet/kubeconfig": _IDENTITY,
    "/var/lib/kubelet/config.json": _IDENTITY,
    "/var/lib/rancher/k3s/agent": _IDENTITY,
    "/var/lib/rancher/rke2/agent": _IDENTITY,
    "/etc/shadow": _IDENTITY,
    "/etc/ssh": _IDENTITY,
    "/root/.ssh": _IDENTITY,
    "/root/.kube": _IDENTITY,
    "/home/*/.ssh": _IDENTITY,
    "/home/*/.kube": _IDENTITY,
}
"""Paths that are dangerous even if they are mounted read-only: reading or connecting is enough. `*` is any one name."""

LINKS = {"/var/run": "/run", "/var/home": "/home", "/var/roothome": "/root", "/sysroot": "/"}
"""Symbolic links of nodes: all nodes have the first one, and systems made by OSTree have the rest."""

# `/proc/PID/root` and `/proc/PID/task/TID/cwd` lead to the file system of a process of the node.
_TO_ROOT = ("root", "cwd")


def of_host_path(path: str, *, writable: bool) -> ReadAndWriteRisk:
    """The risk of a hostPath, for root and for other users. A mounted directory gives every path below it.

    A writable path below a directory that rules the node counts as that directory.
    """
    mounted = resolved(path)
    rules = any(_is_or_holds(mounted, _parts(place)) for place in RULES_THE_NODE)
    below = any(_is_or_holds(_parts(place), mounted) for place in RULES_THE_NODE if place not in _NOT_BELOW)
    pairs = [_PLAIN[writable, rules or (writable and below)], *_reached(mounted)]
    return worst(*(root for root, _ in pairs)), worst(*(others for _, others in pairs))


def resolved(path: str) -> Parts:
    """The parts of a path after the node's symbolic links are followed: `//var/run/../run/x/` is `/run/x`."""
    parts = _parts(posixpath.normpath(f"/{path}"))
    while True:
        if parts[:1] == ("proc",) and (names := [name for name in parts if name in _TO_ROOT]):
            parts = parts[parts.index(names[0]) + 1 :]
        elif link := next((link for link in LINKS if _is_or_holds(_parts(link), parts)), None):
            parts = (*_parts(LINKS[link]), *parts[len(_parts(link)) :])
        else:
            return parts


def _reached(mounted: Parts) -> Iterator[ReadAndWriteRisk]:
    """The risks of the listed paths that a mount gives: paths below the mount, and parents of the mount."""
    for place, pair in ENOUGH_TO_REACH.items():
        if _is_or_holds(mounted, _parts(place)) or _is_or_holds(_parts(place), mounted):
            yield pair


def _is_or_holds(outer: Parts, inner: Parts) -> bool:
    """Whether the first path is the second or a parent of it."""
    pairs = zip(outer, inner, strict=False)
    return len(outer) <= len(inner) and all(_same(*pair) for pair in pairs)


def _same(one: str, other: str) -> bool:
    return one == other or "*" in (one, other)


def _parts(path: str) -> Parts:
    return tuple(part for part in path.split("/") if part)
