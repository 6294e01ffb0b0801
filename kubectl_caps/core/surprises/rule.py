"""What a surprise is made of, and the container that its rule looks at."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Literal

from msgspec import Struct

from kubectl_caps.core.linux.capabilities import UnknownCapability, canonical
from kubectl_caps.core.linux.prediction import Prediction, predict
from kubectl_caps.core.linux.runtimes import Runtime
from kubectl_caps.core.pod import Member, Path, PodSpec

Found = tuple[Path, str]
"""A field, from the root of the pod or pod template, and what is the matter with it and what to do."""


class Subject(Struct, frozen=True, kw_only=True):
    """One container as the rules see it.

    `outcomes` is what it is predicted to get, on `runtimes`. `uid` is None where it is unknown. `complaints` are the
    messages in the status of the pods that run from it.
    """

    member: Member
    spec: PodSpec
    outcomes: Sequence[Prediction]
    runtimes: Sequence[Runtime] = ()
    uid: int | None = None
    complaints: Sequence[str] = ()

    @property
    def add(self) -> list[str]:
        """Its declared adds."""
        return self.member.container.capabilities.add or []

    @property
    def drop(self) -> list[str]:
        """Its declared drops."""
        return self.member.container.capabilities.drop or []

    @property
    def drops_all(self) -> bool:
        """Whether ALL is dropped, in whatever case."""
        return any(name.upper() == "ALL" for name in self.drop)

    @property
    def adds_all(self) -> bool:
        """Whether ALL is added, in whatever case."""
        return any(name.upper() == "ALL" for name in self.add)

    @property
    def privileged(self) -> bool:
        """Whether it is privileged."""
        return bool(self.member.container.security.privileged)

    @property
    def no_escalation(self) -> bool:
        """Whether allowPrivilegeEscalation is explicitly false, which sets no_new_privs."""
        return self.member.container.security.allow_privilege_escalation is False

    @property
    def run_as_non_root(self) -> bool:
        """Whether the kubelet refuses to start it as user 0."""
        own, pod = self.member.container.security.run_as_non_root, self.spec.security.run_as_non_root
        return bool(pod if own is None else own)

    @property
    def never_root(self) -> bool:
        """Whether its first process is known to be of a user other than 0."""
        return self.run_as_non_root if self.uid is None else self.uid != 0

    @property
    def user_words(self) -> str:
        """`user 1000`, or what else is known of a user that is not root."""
        return "a user other than root" if self.uid is None else f"user {self.uid}"

    def at(self, *path: str | int) -> Path:
        """The path of a field of the container's securityContext."""
        return (*self.member.path, "securityContext", *path)

    def listed(self, which: Literal["add", "drop"], names: Sequence[str]) -> Path:
        """The path of a list, or of its entry where only one of them is meant."""
        declared = self.add if which == "add" else self.drop
        entry = (declared.index(names[0]),) if len(set(names)) == 1 else ()
        return self.at("capabilities", which, *entry)

    def on(self, runtime: Runtime) -> Prediction:
        """What it would get on another runtime."""
        security = self.member.container.security
        return predict(
            runtime,
            capabilities=self.member.container.capabilities,
            privileged=self.privileged,
            allow_privilege_escalation=security.allow_privilege_escalation,
            uid=1 if self.never_root else self.uid,
        )


class Rule(Struct, frozen=True, kw_only=True):
    """A surprise with a stable id. `says` finds it in a container.

    The rest is its manual: `title` in one sentence, what `happens`, `why`, what to `do`, the spec of a pod that
    `deserves` it, and how that is written `instead`; `shown` says where the claim was seen to be true.
    """

    id: str
    title: str
    happens: str
    why: str
    do: str
    deserves: str
    instead: str
    shown: str
    says: Callable[[Subject], Iterable[Found]]


def known(names: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Those of some names that are a capability in whatever spelling, each with its canonical name."""
    for name in names:
        try:
            short = canonical(name)
        except UnknownCapability:
            continue
        if name == name.strip():
            yield name, short
