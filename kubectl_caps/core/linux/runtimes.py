"""The table of container runtimes: how each runtime treats `capabilities.add`, `capabilities.drop` and `privileged`.

Each row of `RUNTIMES` describes a runtime from a version on, with its source. The kubelet passes the names to the
runtime unchanged (pkg/kubelet/kuberuntime/security_context.go), and the API server does not check them. The kernel's
part at execve is in capabilities(7), "Transformation of capabilities during execve()".
"""

import re
from functools import lru_cache
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from kubectl_caps.core.linux.add_drop import AddDrop, add_wins, drop_wins
from kubectl_caps.core.linux.sets import CapabilitySet

RuntimeVersion = tuple[int, ...]


class UnknownRuntime(ValueError):
    """A runtime without a row. The message lists the known runtimes."""


class Runtime(Struct, frozen=True, kw_only=True):
    """How one runtime behaves from version `since` on."""

    name: str
    since: RuntimeVersion
    defaults: CapabilitySet
    configurable: bool = False
    """Whether the node's configuration may set other defaults."""
    add_drop: AddDrop
    prefix_optional: bool
    """Whether `CAP_NET_RAW` is read as `NET_RAW`; otherwise it is an unknown name."""
    unknown_added: str | None
    """The error of a container that does not start because of an unknown name in add; None if the name is ignored."""
    unknown_dropped: str | None
    unavailable: str = "unable to apply caps: operation not permitted"
    """The error of a container that does not start because the runtime itself lacks a capability of the kernel."""
    names_checked_if_privileged: bool = False
    all_by_number: bool = False
    """Whether ALL means every capability of the kernel, even those that the runtime itself lacks."""
    privileged_ambient: bool = False
    """Whether a privileged container has ambient and inheritable capabilities, so that they survive a change of uid."""
    inheritable: bool
    """Whether the inheritable set equals the bounding set (CVE-2022-24769 and similar bugs)."""
    low_ports_free: bool = False
    """Whether every user of a pod without hostNetwork may bind ports below 1024, by the runtime's default."""
    evidence: Literal["measured", "from source, not run"]
    source: str
    assumed: bool = False
    """Whether the runtime is only assumed, because nothing names it."""
    non_root_holds: bool = True
    """Whether runAsNonRoot keeps the container from running as root, whatever user the image names."""


_CRIO_9 = CapabilitySet.from_names(
    ["CHOWN", "DAC_OVERRIDE", "FSETID", "FOWNER", "SETGID", "SETUID", "SETPCAP", "NET_BIND_SERVICE", "KILL"]
)
_CRIO_11 = _CRIO_9 | CapabilitySet.from_names(["NET_RAW", "SYS_CHROOT"])
_OCI_14 = _CRIO_11 | CapabilitySet.from_names(["MKNOD", "SETFCAP", "AUDIT_WRITE"])

_CONTAINERD = Runtime(
    name="containerd",
    since=(2,),
    defaults=_OCI_14,
    add_drop=drop_wins,
    prefix_optional=False,
    unknown_added=None,
    unknown_dropped=None,
    inheritable=False,
    low_ports_free=True,
    non_root_holds=False,
    evidence="measured",
    source="internal/cri/opts/spec_opts.go WithCapabilities, pkg/oci/spec.go defaultUnixCaps; runc 1.1.5",
)
_CRIO = Runtime(
    name="cri-o",
    since=(1, 25),
    defaults=_CRIO_9,
    configurable=True,
    add_drop=drop_wins,
    prefix_optional=True,
    unknown_added='unknown capability "{name}" to add',
    unknown_dropped="failed to drop cap {name} invalid capability: {name}",
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
    add_drop=add_wins,
    prefix_optional=True,
    unknown_added='invalid CapAdd: unknown capability: "{name}"',
    unknown_dropped='invalid CapDrop: unknown capability: "{name}"',
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
"""Every row. The rows of a runtime are sorted by rising version."""


_NON_ROOT_HOLDS_SINCE: dict[RuntimeVersion, int] = {(1, 7): 32, (2, 0): 9, (2, 2): 4, (2, 3): 1}
_KUBELET_CHECKS_SINCE: RuntimeVersion = (1, 34)
_RELEASE = re.compile(r"v?(\d{1,9})\.(\d{1,9})(?:\.(\d{1,9}))?(-(?:alpha|beta|rc))?")


def runtime_of(container_runtime_version: str | None, kubelet_version: str = "") -> Runtime:
    """The runtime of a node's `status.nodeInfo`: `containerRuntimeVersion` (`containerd://2.1.4`), `kubeletVersion`.

    Without a known runtime, containerd is assumed. Without a readable version, the newest row is assumed.
    """
    name, _, text = (container_runtime_version or "").partition("://")
    rows = [row for row in RUNTIMES if row.name == name]
    match = _RELEASE.match(text)
    if not rows or not match:
        row = replace(rows[-1] if rows else _CONTAINERD, assumed=True)
    else:
        version = tuple(int(part or 0) for part in match.groups()[:3])
        row = [row for row in rows if row.since <= version][-1]
    holds = row.non_root_holds or _has_fixed_non_root(name, text) or _checks_non_root(kubelet_version)
    return replace(row, non_root_holds=holds)


def runtime_named_by(container_id: str) -> Runtime | None:
    """The runtime that a container's id names in the status of its pod (`cri-o://3f2a…`); None if it has no row.

    The id does not name the version, so the newest row is assumed, but without the free low ports of newer versions.
    """
    name, _, ident = container_id.partition("://")
    rows = [row for row in RUNTIMES if row.name == name and ident]
    return replace(rows[-1], low_ports_free=False) if rows else None


def _has_fixed_non_root(name: str, version: str) -> bool:
    """Whether this is a containerd without CVE-2026-46680 (GHSA-fqw6-gf59-qr4w). A pre-release may still have it.

    The image names a user by a number of more than 32 bits. The kubelet takes that number for a user other than root,
    and containerd takes it for a name, which the image's own /etc/passwd can give to root.
    """
    match = _RELEASE.match(version)
    if name != "containerd" or not match or match[4]:
        return False
    series, patch = (int(match[1]), int(match[2])), int(match[3] or 0)
    first = _NON_ROOT_HOLDS_SINCE.get(series)
    return series > max(_NON_ROOT_HOLDS_SINCE) if first is None else patch >= first


def _checks_non_root(kubelet_version: str) -> bool:
    """Whether the kubelet refuses such a number, as from version 1.34 on (GHSA-fqw6-gf59-qr4w, Workarounds)."""
    match = _RELEASE.match(kubelet_version)
    return bool(match and not match[4] and (int(match[1]), int(match[2])) >= _KUBELET_CHECKS_SINCE)


@lru_cache(64)
def possible(runtime: Runtime) -> tuple[Runtime, ...]:
    """The runtimes that this one may be: itself, or the newest row of each runtime if containerd is only assumed."""
    if not runtime.assumed or runtime.name != _CONTAINERD.name:
        return (runtime,)
    rows = [by_name(name) for name in dict.fromkeys(row.name for row in RUNTIMES)]
    return tuple(replace(row, non_root_holds=row.non_root_holds or runtime.non_root_holds) for row in rows)


def by_name(name: str) -> Runtime:
    """The newest row of `containerd`, `cri-o` or `docker`. Raises `UnknownRuntime`."""
    rows = [row for row in RUNTIMES if row.name == name]
    if not rows:
        known = ", ".join(dict.fromkeys(row.name for row in RUNTIMES))
        raise UnknownRuntime(f'unknown container runtime "{name}", must be one of {known}')
    return rows[-1]
