"""Parses the values of single flags, with kubectl's checks and errors."""

import re
from collections.abc import Mapping, Sequence
from typing import cast, get_args

from kubectl_caps.cli.flags import DryRun, ExemptionsFrom
from kubectl_caps.core.kubernetes.durations import seconds_of
from kubectl_caps.core.kubernetes.kinds import KINDS, Kind
from kubectl_caps.core.linux.capabilities import UnknownCapability, canonical
from kubectl_caps.core.nearest import hint
from kubectl_caps.core.podsecurity.policy import LEVELS, NEWEST_MINOR, Policy, PolicyError, parse_policy
from kubectl_caps.errors import UsageError

SUFFIX: Mapping[str, str] = {"none": "", "client": " (dry run)", "server": " (server dry run)"}
"""The text that kubectl prints after a result, by the value of `--dry-run`."""


def output_format(wanted: str, allowed: Sequence[str]) -> str:
    """The value of `-o`, checked. Raises UsageError with kubectl's words."""
    if wanted not in allowed:
        raise UsageError(
            f'unable to match a printer suitable for the output format "{wanted}", '
            f"allowed formats are: {', '.join(allowed)}"
        )
    return wanted


def dry_run_of(wanted: str) -> DryRun:
    """The value of `--dry-run`, checked. Raises UsageError with kubectl's words."""
    if wanted not in get_args(DryRun):
        raise UsageError(f'Invalid dry-run value ({wanted}). Must be "none", "server", or "client".')
    return cast("DryRun", wanted)


def policy(text: str, flag: str) -> Policy:
    """The policy of a text `LEVEL` or `LEVEL:VERSION`. Raises UsageError, which names a similar level."""
    try:
        return parse_policy(text)
    except PolicyError as error:
        level = text.partition(":")[0]
        raise UsageError(f"--{flag}: {error}{'' if level in LEVELS else hint(level, LEVELS)}") from error


_KIND = re.compile(r"([a-z0-9][a-z0-9.-]*)/([A-Z][A-Za-z0-9]*)=([A-Za-z][A-Za-z0-9]*(?:\.(?:[A-Za-z0-9]+|\*))*)")


def kinds_of(texts: Sequence[str]) -> tuple[Kind, ...]:
    """The kinds of `--kind`, as rows for the table of kinds. Raises UsageError.

    The version and the plural are placeholders. On a cluster they come from the server, and files do not need them.
    """
    rows: dict[tuple[str, str], Kind] = {}
    for text in texts:
        match = _KIND.fullmatch(text)
        if not match or match[3].split(".")[0] in ("metadata", "status"):
            raise UsageError(
                f'invalid argument "{text}" for "--kind" flag: must be GROUP/KIND=PATH, '
                "as in example.com/Fleet=spec.jobs.*.template"
            )
        group, kind, path = match.groups()
        if (group, kind) in rows or any((row.group, row.kind) == (group, kind) for row in KINDS):
            raise UsageError(f'invalid argument "{text}" for "--kind" flag: {group}/{kind} is known already')
        rows[group, kind] = Kind(group, "v1", kind, f"{kind.lower()}s", tuple(path.split(".")), "new pods")
    return tuple(rows.values())


def boolean(text: str, flag: str) -> bool:
    """The value of a text `true` or `false`. Raises UsageError."""
    if text not in ("true", "false"):
        raise UsageError(f'invalid argument "{text}" for "--{flag}" flag: must be true or false')
    return text == "true"


def duration(text: str, flag: str) -> float:
    """A duration in seconds: `90`, `90s`, `1m30s`, `2h`. Raises UsageError."""
    try:
        return seconds_of(text)
    except ValueError as error:
        words = f'invalid argument "{text}" for "--{flag}" flag: a duration is written 90s, 5m or 1h30m'
        raise UsageError(words) from error


def adds(texts: Sequence[str]) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    """The values of `--add`: the capabilities for every container, and (container, capability) pairs.

    The names are canonical, and each name stands once. Raises UsageError for an unknown name, for ALL, and for an empty
    side of `=`.
    """
    every: dict[str, None] = {}
    single: dict[tuple[str, str], None] = {}
    for text in texts:
        container, equals, names = text.partition("=") if "=" in text else ("", "", text)
        found = [_capability(part) for part in names.split(",") if part.strip()]
        if equals and not (found and container.strip()):
            raise UsageError(f'invalid argument "{text}" for "--add" flag: must be CAP[,CAP] or CONTAINER=CAP[,CAP]')
        if equals:
            single.update({(container.strip(), name): None for name in found})
        else:
            every.update(dict.fromkeys(found))
    return tuple(every), tuple(single)


def _capability(text: str) -> str:
    try:
        name = canonical(text)
    except UnknownCapability as error:
        raise UsageError(str(error)) from error
    if name == "ALL":
        raise UsageError("--add ALL would undo the hardening; name the capabilities that are needed")
    return name


def container_names(texts: Sequence[str]) -> tuple[str, ...]:
    """The names of `-c`, split at commas, each name once. Raises UsageError for an empty name."""
    names = [name.strip() for text in texts for name in text.split(",")]
    if not all(names):
        raise UsageError(f'invalid argument "{",".join(texts)}" for "--container" flag: a name is empty')
    return tuple(dict.fromkeys(names))


def kubernetes_minor(text: str | None) -> int | None:
    """The minor version that `1.34`, `v1.34` or `1.34.2` names. Raises UsageError for an unknown version."""
    if text is None:
        return None
    match = re.fullmatch(r"v?1\.(0|[1-9][0-9]{0,8})(\.[0-9]+)?", text, re.ASCII)
    if not match:
        raise UsageError(f'--kubernetes-version: invalid value "{text}": a version is written 1.{NEWEST_MINOR}')
    if int(match[1]) > NEWEST_MINOR:
        known = f"the newest rules known here are those of 1.{NEWEST_MINOR}"
        raise UsageError(f'--kubernetes-version: unknown version "{text}": {known}')
    return int(match[1])


def annotations_count(file: str | None, wanted: str) -> bool:
    """Whether exemptions in annotations count, by the values of `--exemptions` and `--exemptions-from`.

    Raises UsageError.
    """
    known = get_args(ExemptionsFrom)
    if wanted not in known:
        raise UsageError(f'invalid argument "{wanted}" for "--exemptions-from" flag: must be {", ".join(known)}')
    if wanted == "annotation" and file is not None:
        raise UsageError("--exemptions and --exemptions-from=annotation cannot be used together")
    return wanted != "file"
