"""`Exemption`: a finding that somebody has accepted, for a reason and until a day. Parses and matches exemptions.

It is an entry of a file (`--exemptions FILE`, docs/exemptions.md) or an annotation of the workload or its template:
`kubectl-caps/exempt: CAP,…; reason; expiry`, and `exempt.kubectl-caps/CONTAINER` for one container alone.
"""

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from fnmatch import fnmatchcase
from typing import Any, Literal

from msgspec import Struct

from kubectl_caps.core.assess.accepted import PRIVILEGED
from kubectl_caps.core.kubernetes.field_path import Path
from kubectl_caps.core.kubernetes.pod import members
from kubectl_caps.core.kubernetes.workloads import Workload
from kubectl_caps.core.linux.capabilities import UnknownCapability, canonical
from kubectl_caps.core.nearest import hint
from kubectl_caps.core.podsecurity.registry import CHECKS
from kubectl_caps.core.warnings import registry

ANNOTATION = "kubectl-caps/exempt"
CONTAINER_ANNOTATION = "exempt.kubectl-caps/"

NEVER = "never"
"""The expiry of an exemption that does not end."""

_OBJECT = ("kind", "namespace", "name")
_TARGETS = (*_OBJECT, "container")
_FINDINGS = ("capabilities", "checks", "warnings")
_NOT_JUDGED = "notJudged"
KEYS = (*_TARGETS, "file", *_FINDINGS, _NOT_JUDGED, "reason", "until")
"""The keys of a file's entry."""

_PARTS = 3
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


class MalformedExemption(ValueError):
    """An invalid entry or annotation; `path` is the invalid field."""

    def __init__(self, path: Path, message: str) -> None:
        super().__init__(message)
        self.path = path


class Exemption(Struct, frozen=True, kw_only=True):
    """An accepted finding: the targets, the reason, and the last day (inclusive; None means no end).

    The targets are patterns with `*` and `?`. `origin` is the place where the exemption is written. An exemption with
    `not_judged` accepts no finding. It accepts that an object or `file` could not be judged.
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
    file: str = ""
    not_judged: bool = False
    is_annotation: bool = False

    def expired(self, today: date) -> bool:
        """Whether the last day of the exemption is over."""
        return self.until is not None and today > self.until

    def meets(self, workload: Workload) -> bool:
        """Whether the exemption matches findings of this object."""
        return (
            not self.not_judged
            and fnmatchcase(workload.kind.lower(), self.kind.lower())
            and fnmatchcase(workload.namespace, self.namespace)
            and fnmatchcase(workload.name, self.name)
        )

    def meets_error(self, about: Mapping[str, str]) -> bool:
        """Whether the exemption accepts that the object or file of an error could not be judged.

        Without `file` it matches objects only: a document that cannot be read may hold any object.
        """
        if not self.not_judged or (self.file and not fnmatchcase(posixpath.normpath(about.get("file", "")), self.file)):
            return False
        wanted = {"kind": self.kind.lower(), "namespace": self.namespace, "name": self.name}
        if self.file and set(wanted.values()) == {"*"}:
            return True
        found = {**about, "kind": about.get("kind", "").lower()}
        return bool(found["kind"]) and all(fnmatchcase(found.get(key, ""), wanted[key]) for key in wanted)

    def meets_container(self, name: str | None) -> bool:
        """Whether the exemption matches a container. None means the pod: then the exemption must name no container."""
        return self.container == "*" if name is None else fnmatchcase(name, self.container)


class Exempted(Struct, frozen=True):
    """A finding and the exemption that matches it. If the exemption has expired, the finding counts again."""

    what: Literal["capability", "check", "warning"]
    id: str
    exemption: Exemption
    expired: bool


def parse_exemption(entry: Any, origin: str) -> Exemption:
    """Parse one entry of a file. Raises MalformedExemption; its path starts at the entry."""
    if not isinstance(entry, Mapping):
        raise MalformedExemption((), "not a mapping")
    for key in entry:
        if key not in KEYS:
            raise MalformedExemption((key,), f'unknown key "{key}"{hint(str(key), KEYS)}')
    if _NOT_JUDGED in entry:
        return _not_judged(entry, origin)
    for key in ("name", "reason", "until"):
        if key not in entry:
            raise MalformedExemption((), f"{key} is required")
    if "file" in entry:
        raise MalformedExemption(("file",), f"file goes with {_NOT_JUDGED}")
    if not any(key in entry for key in _FINDINGS):
        raise MalformedExemption((), f"one of {', '.join(_FINDINGS)} is required")
    return Exemption(
        origin=origin,
        reason=_text(entry, "reason"),
        until=_day(_text(entry, "until"), ("until",)),
        capabilities=tuple(_capability(name, path) for name, path in _names(entry, "capabilities")),
        checks=tuple(_known(name, path, [check.id for check in CHECKS]) for name, path in _names(entry, "checks")),
        warnings=tuple(_known(name, path, registry.IDS) for name, path in _names(entry, "warnings")),
        **_targets(entry, _TARGETS),
    )


def _not_judged(entry: Mapping[str, Any], origin: str) -> Exemption:
    """An entry that accepts that an object or a file could not be judged."""
    for key in ("container", *_FINDINGS):
        if key in entry:
            raise MalformedExemption((key,), f"{key} does not go with {_NOT_JUDGED}")
    for key in ("reason", "until"):
        if key not in entry:
            raise MalformedExemption((), f"{key} is required")
    if entry[_NOT_JUDGED] is not True:
        raise MalformedExemption((_NOT_JUDGED,), f"{_NOT_JUDGED} must be true")
    if "name" not in entry and "file" not in entry:
        raise MalformedExemption((), "name or file is required")
    return Exemption(
        origin=origin,
        reason=_text(entry, "reason"),
        until=_day(_text(entry, "until"), ("until",)),
        not_judged=True,
        **_targets({"name": "*", **entry}, (*_OBJECT, "file")),
    )


def annotated(workload: Workload) -> Iterator[Exemption | str]:
    """The exemptions in the annotations of a workload and its template; a text is the error of an invalid one."""
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
        except MalformedExemption as error:
            yield f"annotation {key}: {error}; it exempts nothing"


def _annotation(key: str, value: str, workload: Workload, names: set[str]) -> Exemption:
    container = key.removeprefix(CONTAINER_ANNOTATION) if key != ANNOTATION else "*"
    if container != "*" and container not in names:
        raise MalformedExemption((), f'there is no container "{container}"')
    parts = [part.strip() for part in value.split(";")]
    if len(parts) < _PARTS or not all(parts):
        raise MalformedExemption((), 'must be "CAP,…; reason; expiry"')
    capabilities, *reason, until = parts
    return Exemption(
        origin=f"annotation {key}",
        is_annotation=True,
        name=workload.name,
        container=container,
        capabilities=tuple(_capability(name, ()) for name in capabilities.split(",")),
        reason="; ".join(reason),
        until=_day(until, ()),
    )


def _targets(entry: Mapping[str, Any], keys: Sequence[str]) -> dict[str, Any]:
    return {key: _text(entry, key) for key in keys if key in entry}


def _text(entry: Mapping[str, Any], key: str) -> str:
    value = entry[key]
    if not isinstance(value, str) or not value.strip():
        raise MalformedExemption((key,), f"{key} must be a text that is not empty")
    return value.strip()


def _names(entry: Mapping[str, Any], key: str) -> Iterator[tuple[Any, Path]]:
    value = entry.get(key)
    if key not in entry:
        return
    if not isinstance(value, list) or not value:
        raise MalformedExemption((key,), f"{key} must be a list that is not empty")
    yield from ((item, (key, index)) for index, item in enumerate(value))


def _capability(name: Any, path: Path) -> str:
    if isinstance(name, str) and name.strip().lower() == PRIVILEGED:
        return PRIVILEGED
    try:
        return canonical(str(name))
    except UnknownCapability as error:
        raise MalformedExemption(path, str(error)) from error


def _known(name: Any, path: Path, known: Sequence[str]) -> str:
    if name not in known:
        raise MalformedExemption(path, f'unknown {str(path[0])[:-1]} "{name}"{hint(str(name), known)}')
    return str(name)


def _day(text: str, path: Path) -> date | None:
    if text == NEVER:
        return None
    try:
        if _DATE.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise MalformedExemption(path, f'"{text}" is not a day: write YYYY-MM-DD, or {NEVER}')
