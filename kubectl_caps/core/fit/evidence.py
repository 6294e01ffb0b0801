"""Reads the user's evidence about a program. Evidence chooses the first trials, and proves nothing.

Evidence is strace output, logs, audit logs of the kernel, and the JSON of these observers:

- inspektor-gadget `trace capabilities`: one event for each check of the kernel. A check that is not audited is a probe
  of the kernel itself (inspektor-gadget#173). A denied check was not needed, because the observed program works.
- `kubectl caps inspect --trace -o json`: the capabilities that running containers were granted.
- Kubescape's ApplicationProfile: every capability that was checked, audited or not, granted or not: an upper bound.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from kubectl_caps.core.explain.log import Reading
from kubectl_caps.core.fit.search_types import Grant, Grants
from kubectl_caps.core.linux.capabilities import BY_NUMBER, UnknownCapability, canonical

_APPARMOR = re.compile(r'operation="capable"[^\n]*\bcapname="([a-z_]{2,30})"')
_SELINUX = re.compile(r"avc:\s+denied\s+\{ ([a-z_ ]{2,60}) \}[^\n]*\btclass=cap(?:ability|2|_userns)\w*")
_NAMED = re.compile(r"\bCAP_[A-Z_]{2,30}\b")


class FitEvidence(Struct, frozen=True):
    """The grants that a program likely needs, by the evidence of one or several files. `notes` describe the files.

    `possible` is an upper bound of the needed grants; it is empty if no file gives one.
    """

    likely: Grants = frozenset()
    possible: Grants = frozenset()
    notes: tuple[str, ...] = ()


def joined(parts: Iterable[FitEvidence]) -> FitEvidence:
    """The evidence of several files as one."""
    parts = list(parts)
    return FitEvidence(
        frozenset(grant for part in parts for grant in part.likely),
        frozenset(grant for part in parts for grant in part.possible),
        tuple(note for part in parts for note in part.notes),
    )


def evidence_of(text: str, documents: Sequence[Any], containers: Sequence[str]) -> FitEvidence:
    """The evidence of one file. `documents` are the JSON or YAML documents of the file; empty for any other text.

    Evidence that names no container counts for all `containers`.
    """
    traces = [item for item in documents if isinstance(item, Mapping) and item.get("kind") == "Trace"]
    if traces:
        return joined(_trace(item, containers) for item in traces)
    profiles = [item for item in documents if isinstance(item, Mapping) and item.get("kind") == "ApplicationProfile"]
    if profiles:
        return joined(_profile(item, containers) for item in profiles)
    events = [item for item in _flat(documents) if isinstance(item, Mapping) and _name(item)]
    if events:
        return _events(events, containers)
    names = dict.fromkeys([*_audited(text), *_told(text)])
    note = f"{', '.join(names)} by its lines" if names else "no line names a capability"
    return FitEvidence(_grants(names, containers), notes=(note,))


def _events(events: Sequence[Mapping[str, Any]], containers: Sequence[str]) -> FitEvidence:
    found: dict[Grant, None] = {}
    passed_over = 0
    for event in events:
        where = _mapping(event.get("k8s")).get("containerName") or event.get("container")
        if not (_is_true(event.get("audit", 1)) and _is_granted(event)):
            passed_over += 1
            continue
        if where and where not in containers:
            passed_over += 1
            continue
        found.update(dict.fromkeys(_grants([_name(event)], [where] if where else containers)))
    note = f"{len(events) - passed_over} audited checks were granted, {passed_over} others are passed over"
    return FitEvidence(frozenset(found), notes=(note,))


def _trace(document: Mapping[str, Any], containers: Sequence[str]) -> FitEvidence:
    """The capabilities that these containers were granted, without optional checks."""
    likely: set[Grant] = set()
    incomplete = False
    for item in map(_mapping, _list(document.get("items"))):
        incomplete = incomplete or bool(item.get("incomplete"))
        for container in map(_mapping, _list(item.get("containers"))):
            if (name := container.get("name")) in containers:
                checks = map(_mapping, _list(container.get("used")))
                likely |= _grants([str(one.get("capability")) for one in checks if not one.get("optional")], [name])
    note = f"{', '.join(sorted({name for _, name in likely})) or 'nothing'} used in the traced time"
    return FitEvidence(frozenset(likely), notes=(f"{note}; the record is incomplete" if incomplete else note,))


def _profile(profile: Mapping[str, Any], containers: Sequence[str]) -> FitEvidence:
    spec = _mapping(profile.get("spec"))
    grants: set[Grant] = set()
    for item in map(_mapping, [*_list(spec.get("initContainers")), *_list(spec.get("containers"))]):
        if item.get("name") in containers:
            names = [name for name in _list(item.get("capabilities")) if isinstance(name, str)]
            grants |= _grants(names, [item["name"]])
    note = f"{len(grants)} capabilities at most, by Kubescape's profile"
    return FitEvidence(possible=frozenset(grants), notes=(note,))


def _told(text: str) -> Iterator[str]:
    """The capabilities that lines of logs or strace output certainly or likely need."""
    reading = Reading()
    for line in text.splitlines():
        reading.read(line)
    for item in reading.explanations():
        if item.kind == "line" and item.cause == "capability" and item.certainty != "possible":
            yield from item.capabilities


def _audited(text: str) -> Iterator[str]:
    """The capabilities in records of AppArmor and SELinux in the kernel's audit log."""
    for match in _APPARMOR.finditer(text):
        yield match[1]
    for match in _SELINUX.finditer(text):
        yield from match[1].split()


def _grants(names: Iterable[str], containers: Sequence[str | Any]) -> Grants:
    found: set[Grant] = set()
    for name in names:
        try:
            found |= {(container, canonical(str(name))) for container in containers}
        except UnknownCapability:
            continue
    return frozenset(grant for grant in found if grant[1] != "ALL")


def _mapping(value: Any) -> Mapping[str, Any]:
    """The value of an untrusted file if it is a mapping, or an empty mapping."""
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else ()


def _flat(documents: Sequence[Any]) -> Iterator[Any]:
    for item in documents:
        if isinstance(item, list):
            yield from item
        else:
            yield item


def _name(event: Mapping[str, Any]) -> str:
    name = event.get("capName") or event.get("cap") or ""
    if isinstance(name, int):
        return BY_NUMBER[name].name if name in BY_NUMBER else ""
    return name if isinstance(name, str) and _NAMED.fullmatch(f"CAP_{name.upper().removeprefix('CAP_')}") else ""


def _is_granted(event: Mapping[str, Any]) -> bool:
    verdict = event.get("verdict")
    return str(verdict).lower() in ("allow", "allowed") if verdict is not None else _is_true(event.get("capable", True))


def _is_true(value: Any) -> bool:
    return value in (True, 1, "1", "true", "True")
