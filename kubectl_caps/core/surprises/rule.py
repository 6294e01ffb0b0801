"""What a surprise is made of, and the container that its rule looks at."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Literal

from msgspec import Struct

from kubectl_caps.core.linux.capabilities import UnknownCapability, canonical
from kubectl_caps.core.linux.prediction import Prediction, Request, predict
from kubectl_caps.core.linux.runtimes import Runtime
from kubectl_caps.core.pod import Member, Path, PodSpec

Found = tuple[Path, str]
"""A field, from the root of the pod or pod template, and what is the matter with it and what to do."""


class Subject(Struct, frozen=True, kw_only=True):
    """One container as the rules see it.

    `request` is what it asks for, `outcomes` what it is predicted to get, on `runtimes`. `complaints` are the messages
    in the status of the pods that run from it.
    """

    member: Member
    spec: PodSpec
    request: Request
    outcomes: Sequence[Prediction]
    runtimes: Sequence[Runtime] = ()
    complaints: Sequence[str] = ()

    @property
    def drops_all(self) -> bool:
        """Whether ALL is dropped, in whatever case."""
        return any(name.upper() == "ALL" for name in self.request.drop)

    @property
    def adds_all(self) -> bool:
        """Whether ALL is added, in whatever case."""
        return any(name.upper() == "ALL" for name in self.request.add)

    @property
    def no_escalation(self) -> bool:
        """Whether allowPrivilegeEscalation is explicitly false, which sets no_new_privs."""
        return self.request.allow_privilege_escalation is False

    @property
    def user_words(self) -> str:
        """`user 1000`, or what else is known of a user that is not root."""
        return "a user other than root" if self.request.uid is None else f"user {self.request.uid}"

    def at(self, *path: str | int) -> Path:
        """The path of a field of the container's securityContext."""
        return (*self.member.path, "securityContext", *path)

    def listed(self, which: Literal["add", "drop"], names: Sequence[str]) -> Path:
        """The path of a list, or of its entry where only one of them is meant."""
        declared = self.request.add if which == "add" else self.request.drop
        entry = (declared.index(names[0]),) if len(set(names)) == 1 else ()
        return self.at("capabilities", which, *entry)

    def on(self, runtime: Runtime) -> Prediction:
        """What it would get on another runtime."""
        return predict(runtime, self.request)


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
