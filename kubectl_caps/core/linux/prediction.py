"""Predicts the capability sets of a container's first process on one container runtime.

The kernel's part at execve is in capabilities(7), "Transformation of capabilities during execve()".
"""

from collections.abc import Callable, Iterator
from functools import lru_cache

from msgspec import Struct

from kubectl_caps.core.linux.add_drop import Names, numbers_up_to_last, read_names, upper
from kubectl_caps.core.linux.runtimes import RUNTIMES, Runtime
from kubectl_caps.core.linux.sets import ALL_KNOWN, CapabilitySet, ProcessSets

_CACHED = 4096
"""The size of the cache. Most containers of a cluster have the same request."""


class ContainerRequest(Struct, frozen=True, kw_only=True):
    """The declared settings of a container that decide its capabilities.

    A `uid` of None is unknown. It is predicted as root, unless `non_root` is set: then the kubelet refuses to start the
    container as root (runAsNonRoot). A crafted image can evade this on some runtimes (`may_evade`). `runtime_class` is
    the name of the pod's RuntimeClass.
    """

    add: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    privileged: bool = False
    allow_privilege_escalation: bool | None = None
    uid: int | None = None
    non_root: bool = False
    host_users: bool | None = None
    runtime_class: str | None = None
    windows: bool = False

    @property
    def never_root(self) -> bool:
        """Whether the first process is known to run as another user than 0."""
        return self.non_root if self.uid is None else self.uid != 0

    def may_evade(self, runtime: Runtime) -> bool:
        """Whether only runAsNonRoot excludes root, on a runtime where a crafted image can evade runAsNonRoot."""
        return self.uid is None and self.non_root and not runtime.non_root_holds


class Prediction(Struct, frozen=True):
    """The sets of a container's first process, after execve of a program without file capabilities.

    `refused` is the reason why the container does not start; then `sets` are predicted without the invalid names.
    `ignored_adds` and `ignored_drops` are declared names that the runtime ignores. `unknowns` are unknown facts, each
    with the place that shows it. `notes` are other facts that a reader of the sets must know.
    """

    sets: ProcessSets
    refused: str | None = None
    ignored_adds: tuple[str, ...] = ()
    ignored_drops: tuple[str, ...] = ()
    unknowns: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class _Case(Struct, frozen=True):
    """A request to one runtime on a node. `node_all` are the capabilities of ALL on the node, if they are known."""

    runtime: Runtime
    request: ContainerRequest
    add: Names
    drop: Names
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
        return not (self.request.privileged or self.add.all or self.drop.all)

    @property
    def depends_on_runtime(self) -> bool:
        """Whether the prediction differs on another runtime, or on another version of the runtime."""
        others = [predict(row, self.request, self.node_all) for row in RUNTIMES]
        return len({(other.sets, other.refused is None) for other in others}) > 1

    def _asked_where_all_is(self, every: CapabilitySet) -> CapabilitySet:
        if self.request.privileged:
            return every
        return self.runtime.add_drop(self.runtime.defaults, every, self.add, self.drop)


_WINDOWS = "a Windows container has no Linux capabilities"
_USER_NAMESPACE = "in a user namespace (hostUsers: false): capabilities count only for what belongs to the pod"

# The facts that a manifest does not show: when each fact matters, and the place that shows it.
_DOUBTS: tuple[tuple[Callable[[_Case], bool], str], ...] = (
    (
        lambda case: case.runtime.assumed and case.depends_on_runtime,
        "the container runtime, assumed to be {runtime}: the node's status names it, --runtime sets it",
    ),
    (
        lambda case: case.request.runtime_class is not None,
        "the OCI runtime of the RuntimeClass {runtime_class}, assumed to be runc: its handler names it",
    ),
    (
        lambda case: case.request.uid is None and not case.request.non_root and bool(case.held),
        "the image's user, judged as root: runAsUser sets it, the status of a running container may show it",
    ),
    (
        lambda case: case.request.may_evade(case.runtime) and bool(case.held),
        "whether the image evades runAsNonRoot (CVE-2026-46680): a number in runAsUser excludes it",
    ),
    (
        lambda case: case.request.never_root and bool(case.held),
        "file capabilities, which would give a program of the image up to the bounding set: getcap shows them",
    ),
    (
        lambda case: case.runtime.configurable and case.asks_for_defaults,
        "default_capabilities in the node's crio.conf: /proc/1/status of a running container shows them",
    ),
    (
        lambda case: case.runtime.configurable and not case.request.privileged and bool(case.held),
        "add_inheritable_capabilities in the node's crio.conf: /proc/1/status of a running container shows it",
    ),
    (
        lambda case: case.node_all is None and case.asks_for_all,
        "the capabilities of ALL on the node, assumed to be all 41: /proc/1/status of such a container shows them",
    ),
    (
        lambda case: (
            not case.request.privileged and case.runtime.unknown_added is None and bool(case.add.unknown_names)
        ),
        "the node's OCI runtime: runc ignores {unknown}, crun and runc before 1.0.0-rc94 do not start the container",
    ),
)


@lru_cache(_CACHED)
def predict(runtime: Runtime, request: ContainerRequest, node_all: CapabilitySet | None = None) -> Prediction:
    """The prediction for a container on a runtime.

    `node_all` are the capabilities that the runtime itself holds on the node. None means all known capabilities.
    """
    if request.windows:
        return Prediction(ProcessSets(), notes=(_WINDOWS,))
    known = numbers_up_to_last(ALL_KNOWN if node_all is None else node_all)
    add, drop = (
        read_names(names, known, prefix_optional=runtime.prefix_optional) for names in (request.add, request.drop)
    )
    case = _Case(runtime, request, add, drop, node_all)
    return Prediction(
        sets=_after_execve(case),
        refused=_refusal(case),
        ignored_adds=_ignored(case, request.add, add, runtime.unknown_added),
        ignored_drops=_ignored(case, request.drop, drop, runtime.unknown_dropped),
        unknowns=tuple(_unknowns(case)),
        notes=(_USER_NAMESPACE,) if request.host_users is False else (),
    )


def _after_execve(case: _Case) -> ProcessSets:
    """The sets after execve of a file without capabilities.

    P'(permitted) is P(inheritable) | P(bounding) for root, and P(ambient) for other users. no_new_privs is set only if
    allowPrivilegeEscalation is explicitly false (the kubelet's AddNoNewPrivileges).
    """
    survives = case.request.privileged and case.runtime.privileged_ambient
    ambient = case.held if survives else CapabilitySet()
    inheritable = case.held if survives or case.runtime.inheritable else CapabilitySet()
    permitted = ambient if case.request.never_root else inheritable | case.held
    no_new_privs = case.request.allow_privilege_escalation is False
    return ProcessSets(case.held, permitted, permitted, inheritable, ambient, no_new_privs)


def _refusal(case: _Case) -> str | None:
    runtime = case.runtime
    if runtime.names_checked_if_privileged or not case.request.privileged:
        for names, words in ((case.add, runtime.unknown_added), (case.drop, runtime.unknown_dropped)):
            if words and names.unknown_names:
                return words.format(name="CAP_" + upper(names.unknown_names[0]).removeprefix("CAP_"))
    lacking = (case.asked - case.available).names
    return runtime.unavailable.format(name=lacking[0]) if lacking else None


def _ignored(case: _Case, declared: tuple[str, ...], names: Names, refusal: str | None) -> tuple[str, ...]:
    if case.request.privileged:
        return declared
    return () if refusal else names.unknown_names


def _unknowns(case: _Case) -> Iterator[str]:
    for matters, text in _DOUBTS:
        if matters(case):
            yield text.format(
                runtime=case.runtime.name,
                runtime_class=case.request.runtime_class,
                unknown=", ".join(case.add.unknown_names),
            )
