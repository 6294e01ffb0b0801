"""The records of the Pod Security Standards: what a check is, and what it finds.

The model is upstream's (k8s.io/pod-security-admission policy/checks.go): a check has an id, a level and revisions, each
with the first minor version at which it applies; a revision may override checks of the level below.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Literal

from msgspec import Struct

from kubectl_caps.core.pod import Container, Path, PodTemplate, members

CheckLevel = Literal["baseline", "restricted"]


class Finding(Struct, frozen=True):
    """Why a check refuses a pod, in upstream's words, with the containers' names and every field that has to change."""

    reason: str
    detail: str
    containers: tuple[str, ...] = ()
    fields: tuple[Path, ...] = ()


Revision = Callable[[PodTemplate], Finding | None]


class Since(Struct, frozen=True):
    """A revision: the minor version from which it applies, and the baseline checks that it makes unnecessary."""

    minor: int
    check: Revision
    overrides: tuple[str, ...] = ()


class Check(Struct, frozen=True):
    """One check; `revisions` by rising minor version."""

    id: str
    level: CheckLevel
    revisions: tuple[Since, ...]

    def at(self, minor: int) -> Since | None:
        """The revision that applies at a version; None before the first one."""
        return next((since for since in reversed(self.revisions) if since.minor <= minor), None)


class Setter(Struct, frozen=True):
    """The pod (`container` None) or a container that sets a field, and that field's path."""

    container: str | None
    path: Path


def each(template: PodTemplate, field: Path, wrong: Callable[[Container], bool]) -> list[Setter]:
    """The containers for which `wrong` holds, with the path of `field` below them."""
    return [
        Setter(member.container.name, (*member.path, *field))
        for member in members(template.spec)
        if wrong(member.container)
    ]


def on_pod(field: Path, wrong: bool) -> list[Setter]:
    """The pod itself as a setter of `spec.<field>`, if it is wrong."""
    return [Setter(None, ("spec", *field))] if wrong else []


def finding(reason: str, detail: str, setters: Sequence[Setter]) -> Finding:
    """A finding with the containers and fields of its setters."""
    names = dict.fromkeys(setter.container for setter in setters if setter.container is not None)
    return Finding(reason, detail, tuple(names), tuple(dict.fromkeys(setter.path for setter in setters)))


def quoted(items: Iterable[str]) -> str:
    """`"a", "b"`, without escaping, as upstream's joinQuote."""
    return ", ".join(f'"{item}"' for item in items)


def in_order(items: Iterable[str]) -> list[str]:
    """Each item once, sorted by bytes as Go sorts strings."""
    return sorted(set(items), key=lambda item: item.encode())


def plural(noun: str, count: int) -> str:
    """The noun, with an s unless there is exactly one."""
    return noun if count == 1 else f"{noun}s"


def containers(setters: Sequence[Setter]) -> str:
    """`container "a"` or `containers "a", "b"`, in the order of the visit, a name as often as it offends."""
    names = [setter.container for setter in setters if setter.container is not None]
    return f"{plural('container', len(names))} {quoted(names)}"


def who(setters: Sequence[Setter]) -> str:
    """`pod`, `container "a"`, or `pod and containers "a", "b"`."""
    parts = ["pod"] if any(setter.container is None for setter in setters) else []
    if any(setter.container is not None for setter in setters):
        parts.append(containers(setters))
    return " and ".join(parts)


def is_windows(template: PodTemplate) -> bool:
    """Whether `spec.os.name` is exactly `windows`."""
    return template.spec.os is not None and template.spec.os.name == "windows"


def in_user_namespace(template: PodTemplate) -> bool:
    """Whether `hostUsers` is explicitly false."""
    return template.spec.host_users is False
