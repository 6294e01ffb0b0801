"""What the container runtimes make of `capabilities.add`, `capabilities.drop` and `privileged`.

Each row of `RUNTIMES` says how a runtime behaves from a version on, with its source. The kubelet hands the names over
as they stand (pkg/kubelet/kuberuntime/security_context.go) and the API server checks none of them. What the kernel
leaves of it at execve is in capabilities(7), "Transformation of capabilities during execve()".
"""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from kubectl_caps.core.linux.algebra import Algebra, Names, add_wins, drop_wins, numbers_up_to_last, read, upper
from kubectl_caps.core.linux.sets import ALL_KNOWN, CapabilitySet, ProcessSets
from kubectl_caps.core.pod import Capabilities

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
    names_checked_if_privileged: bool = False
    all_by_number: bool = False
    """Whether ALL is every number that the kernel has, also what the runtime itself lacks."""
    privileged_ambient: bool = False
    """Whether a privileged container has ambient and inheritable capabilities, so that they survive a change of uid."""
    inheritable: bool
    """Whether the inheritable set is filled like the bounding set (CVE-2022-24769 and its like)."""
    evidence: Literal["measured here", "from source, not run"]
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
    since=(1, 6, 2),
    defaults=_OCI_14,
    algebra=drop_wins,
    prefix_optional=False,
    stranger_added=None,
    stranger_dropped=None,
    inheritable=False,
    evidence="measured here",
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
    names_checked_if_privileged=True,
    inheritable=False,
    evidence="from source, not run",
    source="moby daemon/pkg/oci/caps/utils.go TweakCapabilities, daemon/container.go validateCapabilities",
)
_FROM_SOURCE: Literal["from source, not run"] = "from source, not run"

RUNTIMES: tuple[Runtime, ...] = (
    replace(_CONTAINERD, since=(), inheritable=True, evidence=_FROM_SOURCE),
    replace(_CONTAINERD, since=(1, 5, 11), evidence=_FROM_SOURCE),
    replace(_CONTAINERD, since=(1, 6), inheritable=True, evidence=_FROM_SOURCE),
    _CONTAINERD,
    replace(_CRIO, since=(), defaults=_CRIO_11, inheritable=True),
    replace(_CRIO, since=(1, 18), inheritable=True),
    replace(_CRIO, since=(1, 24)),
    replace(_CRIO, since=(1, 24, 3), inheritable=True),
    _CRIO,
    replace(_DOCKER, since=(), inheritable=True),
    _DOCKER,
)
"""Every row, those of one runtime by rising version."""


class Prediction(Struct, frozen=True):
    """What a container's first process gets, after execve of a program without file capabilities.

    `refused` is why the container does not start; `sets` is then what it would get without the names that are at
    fault. `ignored_adds` and `ignored_drops` are declared names that the runtime passes over. `unknowns` says what
    could not be known, and what would tell; `notes` what else must be known to read the sets.
    """

    sets: ProcessSets
    refused: str | None = None
    ignored_adds: tuple[str, ...] = ()
    ignored_drops: tuple[str, ...] = ()
    unknowns: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class _Case(Struct, frozen=True):
    """One container on one runtime: what it asks for, and what is known of it."""

    runtime: Runtime
    add: Names
    drop: Names
    privileged: bool
    uid: int | None
    node_all: CapabilitySet | None

    @property
    def available(self) -> CapabilitySet:
        return ALL_KNOWN if self.node_all is None else self.node_all

    @property
    def asked(self) -> CapabilitySet:
        every = numbers_up_to_last(self.available) if self.runtime.all_by_number else self.available
        return self._asked_where_all_is(every)

    @property
    def held(self) -> CapabilitySet:
        return self.asked & self.available

    @property
    def asks_for_all(self) -> bool:
        return self.asked != self._asked_where_all_is(CapabilitySet())

    @property
    def asks_for_defaults(self) -> bool:
        return not (self.privileged or self.add.all or self.drop.all)

    def _asked_where_all_is(self, every: CapabilitySet) -> CapabilitySet:
        return every if self.privileged else self.runtime.algebra(self.runtime.defaults, every, self.add, self.drop)


_WINDOWS = "a Windows container has no Linux capabilities"
_USER_NAMESPACE = "in a user namespace (hostUsers: false): capabilities count only for what belongs to the pod"
_UNAVAILABLE = "unable to apply caps: operation not permitted"

# What cannot be known from the manifest, when that matters, and what would tell.
_DOUBTS: tuple[tuple[Callable[[_Case], bool], str], ...] = (
    (lambda case: case.runtime.assumed, "the container runtime, assumed to be {runtime}: the node's status names it"),
    (
        lambda case: case.uid is None,
        "the image's user, judged as root: runAsUser decides it, the status of a running container may tell it",
    ),
    (
        lambda case: bool(case.uid) and bool(case.held),
        "file capabilities, which would give a program of the image up to the bounding set: getcap shows them",
    ),
    (
        lambda case: case.runtime.configurable and case.asks_for_defaults,
        "default_capabilities in the node's crio.conf: /proc/1/status of a running container shows them",
    ),
    (
        lambda case: case.runtime.configurable and not case.privileged and bool(case.held),
        "add_inheritable_capabilities in the node's crio.conf: /proc/1/status of a running container shows it",
    ),
    (
        lambda case: case.node_all is None and case.asks_for_all,
        "what ALL is on the node, assumed to be every capability: /proc/1/status of such a container shows it",
    ),
    (
        lambda case: not case.privileged and case.runtime.stranger_added is None and bool(case.add.strangers),
        "the node's OCI runtime: runc ignores {strangers}, crun and runc before 1.0.0-rc94 do not start the container",
    ),
)


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


def predict(
    runtime: Runtime,
    *,
    capabilities: Capabilities,
    privileged: bool,
    allow_privilege_escalation: bool | None,
    uid: int | None,
    node_all: CapabilitySet | None = None,
    windows: bool = False,
    host_users: bool | None = None,
) -> Prediction:
    """What a container gets on a runtime. A `uid` of None is not known and judged as root.

    `node_all` is what the runtime itself holds on the node; None stands for all that this project knows.
    """
    if windows:
        return Prediction(ProcessSets(), notes=(_WINDOWS,))
    known = numbers_up_to_last(ALL_KNOWN if node_all is None else node_all)
    add, drop = (
        read(names or [], known, prefix_optional=runtime.prefix_optional)
        for names in (capabilities.add, capabilities.drop)
    )
    case = _Case(runtime, add, drop, privileged, uid, node_all)
    return Prediction(
        sets=_after_execve(case, no_new_privs=allow_privilege_escalation is False),
        refused=_refusal(case),
        ignored_adds=_ignored(case, capabilities.add, add, runtime.stranger_added),
        ignored_drops=_ignored(case, capabilities.drop, drop, runtime.stranger_dropped),
        unknowns=tuple(_unknowns(case)),
        notes=(_USER_NAMESPACE,) if host_users is False else (),
    )


def _after_execve(case: _Case, *, no_new_privs: bool) -> ProcessSets:
    """P'(permitted) of root is P(inheritable) | P(bounding), that of others P(ambient), as no file has capabilities."""
    survives = case.privileged and case.runtime.privileged_ambient
    ambient = case.held if survives else CapabilitySet()
    inheritable = case.held if survives or case.runtime.inheritable else CapabilitySet()
    permitted = ambient if case.uid else inheritable | case.held
    return ProcessSets(case.held, permitted, permitted, inheritable, ambient, no_new_privs)


def _refusal(case: _Case) -> str | None:
    runtime = case.runtime
    if runtime.names_checked_if_privileged or not case.privileged:
        for names, words in ((case.add, runtime.stranger_added), (case.drop, runtime.stranger_dropped)):
            if words and names.strangers:
                return words.format(name="CAP_" + upper(names.strangers[0]).removeprefix("CAP_"))
    return _UNAVAILABLE if case.asked - case.available else None


def _ignored(case: _Case, declared: Sequence[str] | None, names: Names, refusal: str | None) -> tuple[str, ...]:
    if case.privileged:
        return tuple(declared or ())
    return () if refusal else names.strangers


def _unknowns(case: _Case) -> Iterator[str]:
    for matters, text in _DOUBTS:
        if matters(case):
            yield text.format(runtime=case.runtime.name, strangers=", ".join(case.add.strangers))
