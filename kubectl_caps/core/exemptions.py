"""Findings that somebody has accepted, for a reason and for a time: how they are written, and what they match.

They are entries of a file (`--exemptions FILE`, docs/exemptions.md) or annotations of the workload or its template:
`kubectl-caps/exempt: CAP,…; reason; expiry`, and `exempt.kubectl-caps/CONTAINER` for one container alone.
"""

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from fnmatch import fnmatchcase
from typing import Any, Literal

from msgspec import Struct

from kubectl_caps.core import warnings
from kubectl_caps.core.allowance import PRIVILEGED
from kubectl_caps.core.linux.capabilities import UnknownCapability, canonical
from kubectl_caps.core.pod import Path, members
from kubectl_caps.core.podsecurity.registry import CHECKS
from kubectl_caps.core.workloads import Workload

ANNOTATION = "kubectl-caps/exempt"
CONTAINER_ANNOTATION = "exempt.kubectl-caps/"

NEVER = "never"
"""The expiry of an exemption that does not end."""

_TARGETS = ("kind", "namespace", "name", "container")
_FINDINGS = ("capabilities", "checks", "warnings")
KEYS = (*_TARGETS, *_FINDINGS, "reason", "until")
"""The keys of a file's entry."""

_PARTS = 3
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


class Malformed(ValueError):
    """An entry or an annotation that cannot be used; `path` is the field that is at fault."""

    def __init__(self, path: Path, message: str) -> None:
        super().__init__(message)
        self.path = path


class Exemption(Struct, frozen=True, kw_only=True):
    """What is accepted, where, why, and until which day (inclusive; None is for good).

    The targets are patterns with `*` and `?`. `origin` says where it is written.
    """

    origin: str
    name: str
    reason: str
    until: date | None
    kind: str = "*"
    namespace: str = "*"
    container: str = "*"
    capabilities: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def expired(self, today: date) -> bool:
        """Whether its last day is over."""
        return self.until is not None and today > self.until

    def meets(self, workload: Workload) -> bool:
        """Whether it is for this object."""
        return (
            fnmatchcase(workload.kind.lower(), self.kind.lower())
            and fnmatchcase(workload.namespace, self.namespace)
            and fnmatchcase(workload.name, self.name)
        )

    def meets_container(self, name: str | None) -> bool:
        """Whether it is for a container of such an object; None is the pod itself, which only one for all is for."""
        return self.container == "*" if name is None else fnmatchcase(name, self.container)


class Exempted(Struct, frozen=True):
    """A finding that was met by an exemption; an expired one counts again."""

    what: Literal["capability", "check", "warning"]
    id: str
    exemption: Exemption
    expired: bool


def parse(entry: Any, origin: str) -> Exemption:
    """One entry of a file. Raises Malformed, with a path from the entry on."""
    if not isinstance(entry, Mapping):
        raise Malformed((), "not a mapping")
    for key in entry:
        if key not in KEYS:
            raise Malformed((key,), f'unknown key "{key}"{_nearest(str(key), KEYS)}')
    for key in ("name", "reason", "until"):
        if key not in entry:
            raise Malformed((), f"{key} is required")
    if not any(key in entry for key in _FINDINGS):
        raise Malformed((), f"one of {', '.join(_FINDINGS)} is required")
    return Exemption(
        origin=origin,
        reason=_text(entry, "reason"),
        until=_day(_text(entry, "until"), ("until",)),
        capabilities=tuple(_capability(name, path) for name, path in _names(entry, "capabilities")),
        checks=tuple(_known(name, path, [check.id for check in CHECKS]) for name, path in _names(entry, "checks")),
        warnings=tuple(_known(name, path, warnings.IDS) for name, path in _names(entry, "warnings")),
        **{key: _text(entry, key) for key in _TARGETS if key in entry},
    )


def annotated(workload: Workload) -> Iterator[Exemption | str]:
    """The exemptions in the annotations of a workload and its template; the text is what is wrong with one."""
    found = {
        (key, value or "")
        for metadata in (workload.metadata, workload.template.metadata)
        for key, value in (metadata.annotations or {}).items()
        if key == ANNOTATION or key.startswith(CONTAINER_ANNOTATION)
    }
    names = {member.container.name for member in members(workload.template.spec)}
    for key, value in sorted(found):
        try:
            yield _annotation(key, value, workload, names)
        except Malformed as error:
            yield f"annotation {key}: {error}; it exempts nothing"


def _annotation(key: str, value: str, workload: Workload, names: set[str]) -> Exemption:
    container = key.removeprefix(CONTAINER_ANNOTATION) if key != ANNOTATION else "*"
    if container != "*" and container not in names:
        raise Malformed((), f'there is no container "{container}"')
    parts = [part.strip() for part in value.split(";")]
    if len(parts) < _PARTS or not all(parts):
        raise Malformed((), 'must be "CAP,…; reason; expiry"')
    capabilities, *reason, until = parts
    return Exemption(
        origin=f"annotation {key}",
        name=workload.name,
        container=container,
        capabilities=tuple(_capability(name, ()) for name in capabilities.split(",")),
        reason="; ".join(reason),
        until=_day(until, ()),
    )


def _text(entry: Mapping[str, Any], key: str) -> str:
    value = entry[key]
    if not isinstance(value, str) or not value.strip():
        raise Malformed((key,), f"{key} must be a text that is not empty")
    return value.strip()


def _names(entry: Mapping[str, Any], key: str) -> Iterator[tuple[Any, Path]]:
    value = entry.get(key)
    if key not in entry:
        return
    if not isinstance(value, list) or not value:
        raise Malformed((key,), f"{key} must be a list that is not empty")
    yield from ((item, (key, index)) for index, item in enumerate(value))


def _capability(name: Any, path: Path) -> str:
    if isinstance(name, str) and name.strip().lower() == PRIVILEGED:
        return PRIVILEGED
    try:
        return canonical(str(name))
    except UnknownCapability as error:
        raise Malformed(path, str(error)) from error


def _known(name: Any, path: Path, known: Sequence[str]) -> str:
    if name not in known:
        raise Malformed(path, f'unknown {str(path[0])[:-1]} "{name}"{_nearest(str(name), known)}')
    return str(name)


def _nearest(word: str, known: Sequence[str]) -> str:
    found = difflib.get_close_matches(word[:64], known, n=1)
    return f", did you mean {found[0]}?" if found else ""


def _day(text: str, path: Path) -> date | None:
    if text == NEVER:
        return None
    try:
        if _DATE.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise Malformed(path, f'"{text}" is not a day: write YYYY-MM-DD, or {NEVER}')
