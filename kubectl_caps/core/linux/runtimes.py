"""What the container runtimes make of `capabilities.add`, `capabilities.drop` and `privileged`.

Each row of `RUNTIMES` says how a runtime behaves from a version on, with its source. The kubelet hands the names over
as they stand (pkg/kubelet/kuberuntime/security_context.go) and the API server checks none of them. What the kernel
leaves of it at execve is in capabilities(7), "Transformation of capabilities during execve()".
"""

import re
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from kubectl_caps.core.linux.algebra import Algebra, add_wins, drop_wins
from kubectl_caps.core.linux.sets import CapabilitySet

Version = tuple[int, ...]


class UnknownRuntime(ValueError):
    """A runtime that has no row; the text names those that have."""


class Runtime(Struct, frozen=True, kw_only=True):
    """How one runtime behaves from version `since` on."""

    name: str
    since: Version
    defaults: CapabilitySet
    configurable: bool = False
    """Whether the node's configuration may have other defaults."""
    algebra: Algebra
    prefix_optional: bool
    """Whether `CAP_NET_RAW` is read as `NET_RAW`; otherwise it is a name that nobody knows."""
    stranger_added: str | None
    """With what words the container does not start after an unknown name in add; None where the name is ignored."""
    stranger_dropped: str | None
    unavailable: str = "unable to apply caps: operation not permitted"
    """With what words the container does not start after a name that the kernel has and the runtime itself lacks."""
    names_checked_if_privileged: bool = False
    all_by_number: bool = False
    """Whether ALL is every number that the kernel has, also what the runtime itself lacks."""
    privileged_ambient: bool = False
    """Whether a privileged container has ambient and inheritable capabilities, so that they survive a change of uid."""
    inheritable: bool
    """Whether the inheritable set is filled like the bounding set (CVE-2022-24769 and its like)."""
    low_ports_free: bool = False
    """Whether it lets every user of a pod without hostNetwork bind ports below 1024, unless the node says otherwise."""
    evidence: Literal["measured", "from source, not run"]
    source: str
    assumed: bool = False
    """Whether nobody told that it is this one."""


_CRIO_9 = CapabilitySet.from_names(
    ["CHOWN", "DAC_OVERRIDE", "FSETID", "FOWNER", "SETGID", "SETUID", "SETPCAP", "NET_BIND_SERVICE", "KILL"]
)
_CRIO_11 = _CRIO_9 | CapabilitySet.from_names(["NET_RAW", "SYS_CHROOT"])
_OCI_14 = _CRIO_11 | CapabilitySet.from_names(["MKNOD", "SETFCAP", "AUDIT_WRITE"])

_CONTAINERD = Runtime(
    name="containerd",
    since=(2,),
    defaults=_OCI_14,
    algebra=drop_wins,
    prefix_optional=False,
    stranger_added=None,
    stranger_dropped=None,
    inheritable=False,
    low_ports_free=True,
    evidence="measured",
    source="internal/cri/opts/spec_opts.go WithCapabilities, pkg/oci/spec.go defaultUnixCaps; runc 1.1.5",
)
_CRIO = Runtime(
    name="cri-o",
    since=(1, 25),
    defaults=_CRIO_9,
    configurable=True,
    algebra=drop_wins,
    prefix_optional=True,
    stranger_added='unknown capability "{name}" to add',
    stranger_dropped="failed to drop cap {name} invalid capability: {name}",
    all_by_number=True,
    privileged_ambient=True,
    inheritable=False,
    evidence="from source, not run",
    source="internal/factory/container/container.go SpecSetupCapabilities, internal/config/capabilities",
)
_DOCKER = Runtime(
    name="docker",
    since=(20, 10, 14),
    defaults=_OCI_14,
    algebra=add_wins,
    prefix_optional=True,
    stranger_added='invalid CapAdd: unknown capability: "{name}"',
    stranger_dropped='invalid CapDrop: unknown capability: "{name}"',
    unavailable="invalid CapAdd: capability not supported by your kernel or not available in the current environment: "
    '"{name}"',
    names_checked_if_privileged=True,
    inheritable=False,
    low_ports_free=True,
    evidence="from source, not run",
    source="moby daemon/pkg/oci/caps/utils.go TweakCapabilities, daemon/container.go validateCapabilities",
)
_FROM_SOURCE: Literal["from source, not run"] = "from source, not run"

_CONTAINERD_1 = replace(_CONTAINERD, low_ports_free=False, evidence=_FROM_SOURCE)

RUNTIMES: tuple[Runtime, ...] = (
    replace(_CONTAINERD_1, since=(), inheritable=True),
    replace(_CONTAINERD_1, since=(1, 5, 11)),
    replace(_CONTAINERD_1, since=(1, 6), inheritable=True),
    replace(_CONTAINERD_1, since=(1, 6, 2)),
    _CONTAINERD,
    replace(_CRIO, since=(), defaults=_CRIO_11, inheritable=True),
    replace(_CRIO, since=(1, 18), inheritable=True),
    replace(_CRIO, since=(1, 24)),
    replace(_CRIO, since=(1, 24, 3), inheritable=True),
    _CRIO,
    replace(_DOCKER, since=(), inheritable=True, low_ports_free=False),
    replace(_DOCKER, since=(20, 10), inheritable=True),
    _DOCKER,
)
"""Every row, those of one runtime by rising version."""


def runtime_of(container_runtime_version: str | None) -> Runtime:
    """The runtime of a node's `status.nodeInfo.containerRuntimeVersion` (`containerd://2.1.4`).

    containerd is assumed where there is none or no row for it, and the newest version where none can be read.
    """
    name, _, text = (container_runtime_version or "").partition("://")
    rows = [row for row in RUNTIMES if row.name == name]
    match = re.match(r"v?(\d{1,9})\.(\d{1,9})(?:\.(\d{1,9}))?", text)
    if not rows or not match:
        return replace(rows[-1] if rows else _CONTAINERD, assumed=True)
    version = tuple(int(part or 0) for part in match.groups())
    return [row for row in rows if row.since <= version][-1]


def by_name(name: str) -> Runtime:
    """The newest row of `containerd`, `cri-o` or `docker`. Raises `UnknownRuntime`."""
    rows = [row for row in RUNTIMES if row.name == name]
    if not rows:
        known = ", ".join(dict.fromkeys(row.name for row in RUNTIMES))
        raise UnknownRuntime(f'unknown container runtime "{name}", must be one of {known}')
    return rows[-1]
