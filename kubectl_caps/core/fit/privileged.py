"""The settings besides capabilities that privileged gives a container, and the signs that a program needs them.

Sources: containerd, internal/cri/server/container_create_linux.go (no seccomp, no AppArmor, nothing masked, a writable
/sys) and pkg/oci WithPrivileged and WithAllDevicesAllowed; Kubernetes' validation of mountPropagation.
"""

import copy
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from kubectl_caps.core.fit.result import TrialEnd
from kubectl_caps.core.fit.trial_pod import all_containers
from kubectl_caps.core.kubernetes.pod import PodSpec, members
from kubectl_caps.core.trace.privileged_use import PrivilegedUse

Profiles = tuple[str, ...]
"""Fields of a security context whose profile is Unconfined."""

PROFILES: Profiles = ("seccompProfile", "appArmorProfile")
"""The fields that privileged lifts, and that a container may lift without privileged."""


class LoggedRight(Struct, frozen=True):
    """A right that only privileged gives. `pattern` finds its name in the log line of a program that lacks it."""

    says: str
    pattern: re.Pattern[str]


_END = r"(?=[\s'\":,;)\]]|$)"
LOGGED_RIGHTS = (
    LoggedRight(
        "the sysctl {} (securityContext.sysctls of the pod can set it)", re.compile(rf"/proc/sys/([\w./-]+){_END}")
    ),
    LoggedRight("a path that is masked or read-only without it: {}", re.compile(rf"(/(?:proc|sys)/[\w./-]+){_END}")),
    LoggedRight(
        "a device of the node (a device plugin can give it): {}",
        re.compile(rf"(/dev/(?!null|zero|std|fd/|shm|pts)[\w./-]+){_END}"),
    ),
)
"""The first right that a line names counts."""

_MOST = 3
"""Sentences of the kernel's evidence in an answer."""

_OTHERS = "devices of the node, an unmasked /proc and a writable /sys"


def privileged_containers(spec: PodSpec, containers: Sequence[str]) -> list[str]:
    """The privileged ones among these containers."""
    names = [member.container.name for member in members(spec) if member.container.security.privileged]
    return [name for name in names if name in containers]


def profile_words(fields: Profiles) -> str:
    """`seccompProfile and appArmorProfile Unconfined`."""
    return f"{' and '.join(fields)} Unconfined"


def untraced_words(containers: Sequence[str]) -> str:
    """A sentence about passed trials of privileged containers of which the kernel made no record."""
    return (
        f"container {', '.join(containers)} is privileged today: a trial also passes if the program goes on in silence "
        "without a device, a masked path of /proc or a writable /sys; --trace compares it with today"
    )


def with_profiles(spec: Mapping[str, Any], containers: Sequence[str], fields: Profiles) -> dict[str, Any]:
    """The pod spec whose containers have the profile Unconfined in these fields, as privileged containers have."""
    relaxed = copy.deepcopy(dict(spec))
    for container in all_containers(relaxed):
        if container.get("name") in containers:
            context = container.get("securityContext") or {}
            container["securityContext"] = {**context, **{field: {"type": "Unconfined"} for field in fields}}
    return relaxed


def unconfined_words(containers: Sequence[str], fields: Profiles, failed: TrialEnd) -> str:
    """A sentence about profiles that a program cannot run with; `failed` is a trial with them and every capability."""
    return (f"container {', '.join(containers)} needs {profile_words(fields)} besides, which privileged gives: trial "
            f"{failed.number} had every capability and failed: {failed.evidence}")  # fmt: skip


def still_privileged_words(
    containers: Sequence[str], ends: Iterable[TrialEnd], missed: Sequence[PrivilegedUse] = ()
) -> str:
    """A sentence about the rights besides capabilities for which a container must stay privileged.

    `ends` are failed trials with every capability by name. `missed` is what the kernel's records of these trials show.
    If neither names a right, the sentence says so.
    """
    named = dict.fromkeys([*(says for end in ends for says in _named(end)), *(one.words for one in missed[:_MOST])])
    what = "; ".join(named) or f"{_OTHERS}, or something else; which of these, its log does not say"
    return (f"container {', '.join(containers)} needs what else privileged gives: {what}. Which capabilities it uses "
            "cannot be tried, because a privileged container holds them all")  # fmt: skip


def _named(end: TrialEnd) -> Iterator[str]:
    lines = [*(item.cause.evidence_text for item in end.diagnoses), *(item.line.text for item in end.complaints)]
    for line in (*lines, end.message):
        for right in LOGGED_RIGHTS:
            if match := right.pattern.search(line):
                name = match[1].rstrip("./").replace("/", ".") if "sysctl" in right.says else match[1].rstrip("./")
                yield f"{right.says.format(name)} (trial {end.number}: {line.strip()})"
                break
