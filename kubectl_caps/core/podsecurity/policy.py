"""Levels and versions of the Pod Security Standards, as labels and flags write them.

Syntax and wording: k8s.io/pod-security-admission api/helpers.go at 8f84a87c.
"""

import re
from typing import Literal, get_args

from msgspec import Struct

Level = Literal["privileged", "baseline", "restricted"]
LEVELS: tuple[Level, ...] = get_args(Level)
"""The levels, the loosest first."""

NEWEST_MINOR = 37
"""The minor version of the newest known version of the standards, v1.37."""

LATEST = "latest"
_VERSION = re.compile(r"v1\.(0|[1-9][0-9]{0,18})", re.ASCII)
_LARGEST = 2**63 - 1


class PolicyError(ValueError):
    """A level or a version that does not exist, in upstream's words."""


class Policy(Struct, frozen=True):
    """A level and a version: `restricted:latest`, `baseline:v1.25`. The version is written as in the label."""

    level: Level = "privileged"
    version: str = LATEST

    def __str__(self) -> str:
        return f"{self.level}:{self.version}"


def parse_level(text: str) -> Level:
    """Parse a level. The spelling must be exact. Raises PolicyError."""
    for level in LEVELS:
        if text == level:
            return level
    raise PolicyError(f"must be one of {', '.join(LEVELS)}")


def parse_version(text: str) -> str:
    """Check a version, `latest` or `v1.N`, and return it unchanged. Raises PolicyError."""
    match = _VERSION.fullmatch(text)
    if text == LATEST or (match and int(match[1]) <= _LARGEST):
        return text
    raise PolicyError('must be "latest" or "v1.x"')


def parse_policy(text: str) -> Policy:
    """Parse `LEVEL` or `LEVEL:VERSION`. Raises PolicyError, which quotes the text."""
    level, colon, version = text.partition(":")
    try:
        return Policy(parse_level(level), parse_version(version) if colon else LATEST)
    except PolicyError as error:
        raise PolicyError(f'invalid value "{text}": {error}') from error


def effective_minor(version: str, server_minor: int | None) -> int:
    """The minor version whose rules apply: that of the policy, but not newer than the server or `NEWEST_MINOR`."""
    newest = NEWEST_MINOR if server_minor is None else min(server_minor, NEWEST_MINOR)
    return newest if version == LATEST else min(int(version.removeprefix("v1.")), newest)


def reaches(version: str, server_minor: int | None) -> int | None:
    """The minor version of the rules that the server applies, if it is newer than `NEWEST_MINOR`; else None."""
    if server_minor is None or server_minor <= NEWEST_MINOR:
        return None
    applied = server_minor if version == LATEST else min(int(version.removeprefix("v1.")), server_minor)
    return applied if applied > NEWEST_MINOR else None


def is_clamped(version: str, server_minor: int | None) -> bool:
    """Whether `NEWEST_MINOR` is applied instead of `version`, because the newer rules are not known."""
    asked = server_minor or 0 if version == LATEST else int(version.removeprefix("v1."))
    return asked > NEWEST_MINOR
