"""`Rule`: a warning with its manual and its check; `Subject`: the container that a check looks at."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Literal

from msgspec import Struct

from kubectl_caps.core.kubernetes.field_path import Path
from kubectl_caps.core.kubernetes.pod import ContainerRef, PodSpec
from kubectl_caps.core.linux.capabilities import UnknownCapability, canonical
from kubectl_caps.core.linux.prediction import ContainerRequest, Prediction, predict
from kubectl_caps.core.linux.runtimes import Runtime

PathAndWords = tuple[Path, str]
"""A field, from the root of the pod or pod template, and the message: the mistake and the correction."""


class Subject(Struct, frozen=True, kw_only=True):
    """One container as the rules see it.

    `request` is the container's declaration, `outcomes` are its predictions on `runtimes`. `complaints` are the
    messages about the container in the status of its pods.
    """

    member: ContainerRef
    spec: PodSpec
    request: ContainerRequest
    outcomes: Sequence[Prediction]
    runtimes: Sequence[Runtime] = ()
    complaints: Sequence[str] = ()

    @property
    def drops_all(self) -> bool:
        """Whether ALL is dropped, in upper or lower case."""
        return any(name.upper() == "ALL" for name in self.request.drop)

    @property
    def adds_all(self) -> bool:
        """Whether ALL is added, in upper or lower case."""
        return any(name.upper() == "ALL" for name in self.request.add)

    @property
    def no_escalation(self) -> bool:
        """Whether allowPrivilegeEscalation is explicitly false, which sets no_new_privs."""
        return self.request.allow_privilege_escalation is False

    @property
    def user_words(self) -> str:
        """`user 1000`, or `a user other than root`."""
        return "a user other than root" if self.request.uid is None else f"user {self.request.uid}"

    def at(self, *path: str | int) -> Path:
        """The path of a field of the container's securityContext."""
        return (*self.member.path, "securityContext", *path)

    def listed(self, which: Literal["add", "drop"], names: Sequence[str]) -> Path:
        """The path of a list, or of an entry if all `names` are the same."""
        declared = self.request.add if which == "add" else self.request.drop
        entry = (declared.index(names[0]),) if len(set(names)) == 1 else ()
        return self.at("capabilities", which, *entry)

    def on(self, runtime: Runtime) -> Prediction:
        """The prediction for the container on another runtime."""
        return predict(runtime, self.request)


class Rule(Struct, frozen=True, kw_only=True):
    """A warning with a stable id. `check` finds the fields of a container to warn about.

    The other fields are the manual: a `title` of one sentence, what `happens`, `why` it happens, what to `do`, the spec
    of a pod with the mistake and without it, and the `evidence`: the place where the behaviour was seen, or its source.
    """

    id: str
    title: str
    happens: str
    why: str
    do: str
    bad_example: str
    good_example: str
    evidence: str
    check: Callable[[Subject], Iterable[PathAndWords]]


def known(names: Iterable[str]) -> Iterator[tuple[str, str]]:
    """The names that are a capability in any spelling, each with its canonical name."""
    for name in names:
        try:
            short = canonical(name)
        except UnknownCapability:
            continue
        if name == name.strip():
            yield name, short
