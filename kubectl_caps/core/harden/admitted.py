"""Compares an admitted pod with its hardened template: webhooks and policies may change pods in admission.

Only what a pod may do beyond its template counts. A default that the server fills in, a container that an injector
adds and a further restriction are no loss.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from msgspec import to_builtins
from msgspec.structs import replace

from kubectl_caps.core.harden.plan import HardenOptions
from kubectl_caps.core.kubernetes.container import SecurityContext, TypedProfile
from kubectl_caps.core.kubernetes.pod import PodSecurityContext, PodTemplate, members
from kubectl_caps.core.podsecurity.defaulting import as_admitted


def lost_in_admission(template: PodTemplate, pod: PodTemplate, options: HardenOptions) -> Iterator[str]:
    """Where a pod's containers are less restricted than their template, the worst first.

    `container c: securityContext.privileged is true`. The fields of the profile are compared only if the options have a
    profile.
    """
    asked, got = as_admitted(template, pod=True), as_admitted(pod, pod=True)
    made = {member.container.name: member.container.security for member in members(got.spec)}
    for member in members(asked.spec):
        name = member.container.name
        if options.containers and name not in options.containers:
            continue
        if name not in made:
            yield f"container {name} is missing"
            continue
        wanted = _in_force(member.container.security, asked.spec.security)
        found = _in_force(made[name], got.spec.security)
        for field, is_less in _rules(options):
            if is_less(wanted, found):
                yield f"container {name}: securityContext.{field} is {_value(found, field)}"


def _in_force(own: SecurityContext, pod: PodSecurityContext) -> SecurityContext:
    """A container's security context, completed with the pod's fields that the container does not set."""
    context: SecurityContext = replace(
        own, **{name: getattr(pod, name) for name in _OF_POD if getattr(own, name) is None}
    )
    return context


_OF_POD = ("run_as_user", "run_as_non_root", "seccomp_profile", "app_armor_profile")


def _drops_less(wanted: SecurityContext, found: SecurityContext) -> bool:
    dropped = _dropped(found)
    return "ALL" not in dropped and not _dropped(wanted) <= dropped


def _adds_more(wanted: SecurityContext, found: SecurityContext) -> bool:
    return not _added(found) <= _added(wanted)


def _dropped(context: SecurityContext) -> set[str]:
    # Container runtimes compare names in upper case; a `CAP_` prefix is part of the name on containerd.
    return {name.upper() for name in (context.capabilities.drop if context.capabilities else None) or ()}


def _added(context: SecurityContext) -> set[str]:
    return {name.upper() for name in (context.capabilities.add if context.capabilities else None) or ()}


def _has_seccomp(context: SecurityContext) -> bool:
    return _type(context.seccomp_profile) in ("RuntimeDefault", "Localhost")


def _type(profile: TypedProfile | None) -> str | None:
    return profile.type if profile else None


SettingHolds = Callable[[SecurityContext, SecurityContext], bool]

_ALWAYS: Mapping[str, SettingHolds] = {
    "privileged": lambda wanted, found: bool(found.privileged and not wanted.privileged),
    "capabilities.drop": _drops_less,
    "capabilities.add": _adds_more,
    "allowPrivilegeEscalation": lambda wanted, found: (
        wanted.allow_privilege_escalation is False and found.allow_privilege_escalation is not False
    ),
}

_OF_USER: Mapping[str, SettingHolds] = {
    "runAsUser": lambda wanted, found: bool(wanted.run_as_user and not found.run_as_user),
}

_OF_PROFILE: Mapping[str, SettingHolds] = {
    "runAsNonRoot": lambda wanted, found: bool(wanted.run_as_non_root and not found.run_as_non_root),
    "seccompProfile": lambda wanted, found: _has_seccomp(wanted) and not _has_seccomp(found),
    "appArmorProfile": lambda wanted, found: (
        _type(found.app_armor_profile) == "Unconfined" != _type(wanted.app_armor_profile)
    ),
    "procMount": lambda wanted, found: found.proc_mount == "Unmasked" != wanted.proc_mount,
}


def _rules(options: HardenOptions) -> Iterator[tuple[str, SettingHolds]]:
    yield from _ALWAYS.items()
    yield from _OF_USER.items() if options.run_as_user is not None else ()
    yield from _OF_PROFILE.items() if options.profile == "restricted" else ()


def _value(context: SecurityContext, field: str) -> str:
    value: Any = to_builtins(context)
    for step in field.split("."):
        value = (value or {}).get(step)
    return "not set" if value is None else json.dumps(value)
