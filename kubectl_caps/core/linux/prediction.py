"""What a container's first process gets: one container on one container runtime.

What the kernel leaves of it at execve is in capabilities(7), "Transformation of capabilities during execve()".
"""

from collections.abc import Callable, Iterator, Sequence

from msgspec import Struct

from kubectl_caps.core.linux.algebra import Names, numbers_up_to_last, read, upper
from kubectl_caps.core.linux.runtimes import Runtime
from kubectl_caps.core.linux.sets import ALL_KNOWN, CapabilitySet, ProcessSets
from kubectl_caps.core.pod import Capabilities


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
