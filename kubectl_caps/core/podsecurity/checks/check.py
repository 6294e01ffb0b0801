"""`Check`, `Revision` and `Finding`: the records of the Pod Security Standards, and functions that checks share.

The model is upstream's (k8s.io/pod-security-admission policy/checks.go). A check has an id, a level and revisions. A
revision applies from a minor version on, and may override checks of baseline.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Literal

from msgspec import Struct

from kubectl_caps.core.kubernetes.container import Container
from kubectl_caps.core.kubernetes.field_path import Path
from kubectl_caps.core.kubernetes.pod import PodTemplate, members
from kubectl_caps.core.text import plural

CheckLevel = Literal["baseline", "restricted"]


class Finding(Struct, frozen=True):
    """Why a check refuses a pod, in upstream's words, with the containers' names and every field that has to change."""

    reason: str
    detail: str
    containers: tuple[str, ...] = ()
    fields: tuple[Path, ...] = ()


RevisionCheck = Callable[[PodTemplate], Finding | None]


class Revision(Struct, frozen=True):
    """A revision: the minor version from which it applies, and the baseline checks that it overrides."""

    minor: int
    check: RevisionCheck
    overrides: tuple[str, ...] = ()


class Check(Struct, frozen=True):
    """One check. `revisions` are sorted by rising minor version."""

    id: str
    level: CheckLevel
    revisions: tuple[Revision, ...]

    def at(self, minor: int) -> Revision | None:
        """The revision that applies at a minor version; None before the first revision."""
        return next((revision for revision in reversed(self.revisions) if revision.minor <= minor), None)


class Offender(Struct, frozen=True):
    """The pod (`container` None) or a container that sets a field, and that field's path."""

    container: str | None
    path: Path


def offending_containers(template: PodTemplate, field: Path, wrong: Callable[[Container], bool]) -> list[Offender]:
    """The containers for which `wrong` holds, with the path of `field` below them."""
    return [
        Offender(member.container.name, (*member.path, *field))
        for member in members(template.spec)
        if wrong(member.container)
    ]


def on_pod(field: Path, wrong: bool) -> list[Offender]:
    """The pod itself as the offender with `spec.<field>`, if the field is `wrong`; else none."""
    return [Offender(None, ("spec", *field))] if wrong else []


def finding(reason: str, detail: str, offenders: Sequence[Offender]) -> Finding:
    """A finding with the containers and fields of the offenders."""
    names = dict.fromkeys(offender.container for offender in offenders if offender.container is not None)
    return Finding(reason, detail, tuple(names), tuple(dict.fromkeys(offender.path for offender in offenders)))


def quoted(items: Iterable[str]) -> str:
    """`"a", "b"`, without escaping, as upstream's joinQuote."""
    return ", ".join(f'"{item}"' for item in items)


def go_sorted(items: Iterable[str]) -> list[str]:
    """Each item once, sorted by bytes as Go sorts strings."""
    return sorted(set(items), key=lambda item: item.encode())


def containers(offenders: Sequence[Offender]) -> str:
    """`container "a"` or `containers "a", "b"`, a name for each offender, in their order."""
    names = [offender.container for offender in offenders if offender.container is not None]
    return f"{plural('container', len(names))} {quoted(names)}"


def offenders_in_words(offenders: Sequence[Offender]) -> str:
    """`pod`, `container "a"`, or `pod and containers "a", "b"`."""
    parts = ["pod"] if any(offender.container is None for offender in offenders) else []
    if any(offender.container is not None for offender in offenders):
        parts.append(containers(offenders))
    return " and ".join(parts)


def is_windows(template: PodTemplate) -> bool:
    """Whether `spec.os.name` is exactly `windows`."""
    return template.spec.os is not None and template.spec.os.name == "windows"


def in_user_namespace(template: PodTemplate) -> bool:
    """Whether `hostUsers` is explicitly false."""
    return template.spec.host_users is False
