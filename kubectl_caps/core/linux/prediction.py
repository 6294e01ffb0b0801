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
"""Most containers of a cluster ask for the same: an answer is worked out once."""


class ContainerRequest(Struct, frozen=True, kw_only=True):
    """The declared settings of a container that decide its capabilities.

    A `uid` of None is not known and predicted as root, unless `non_root` says that the kubelet refuses to start it as
    root (runAsNonRoot; `may_evade` says where a crafted image gets past that). `runtime_class` is the name of the
    pod's RuntimeClass.
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
        """Whether the first process is known to be of a user other than 0."""
        return self.non_root if self.uid is None else self.uid != 0

    def may_evade(self, runtime: Runtime) -> bool:
        """Whether only runAsNonRoot says that it is not root, on a runtime where a crafted image can evade that."""
        return self.uid is None and self.non_root and not runtime.non_root_holds


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
    """A request to one runtime on a node that holds `node_all`, if that is known."""

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

# The facts that a manifest does not tell, when they matter, and how to find them out.
_DOUBTS: tuple[tuple[Callable[[_Case], bool], str], ...] = (
    (
        lambda case: case.runtime.assumed and case.depends_on_runtime,
        "the container runtime, assumed to be {runtime}: the node's status names it, --runtime says it",
    ),
    (
        lambda case: case.request.runtime_class is not None,
        "what the RuntimeClass {runtime_class} starts, assumed to be runc: the handler of that object names it",
    ),
    (
        lambda case: case.request.uid is None and not case.request.non_root and bool(case.held),
        "the image's user, judged as root: runAsUser decides it, the status of a running container may tell it",
    ),
    (
        lambda case: case.request.may_evade(case.runtime) and bool(case.held),
        "whether the image evades runAsNonRoot (CVE-2026-46680): runAsUser as a number decides it",
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
        "what ALL is on the node, assumed to be all 41 capabilities: /proc/1/status of such a container shows it",
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

    `node_all` is what the runtime itself holds on the node; None stands for all that this project knows.
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
    """P'(permitted) of root is P(inheritable) | P(bounding), that of others P(ambient), as no file has capabilities.

    no_new_privs is set only where escalation is explicitly forbidden (the kubelet's AddNoNewPrivileges).
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
