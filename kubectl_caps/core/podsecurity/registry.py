"""The table of checks: the checks that apply at a level and a version, and the violations of a pod.

The model and the order are upstream's (k8s.io/pod-security-admission policy/registry.go). The checks of baseline come
first, then the checks of restricted, each sorted by id. Restricted leaves out the baseline checks that it overrides.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from types import ModuleType

from msgspec import Struct

from kubectl_caps.core.kubernetes.field_path import Path
from kubectl_caps.core.kubernetes.pod import PodTemplate
from kubectl_caps.core.podsecurity.checks import (
    allow_privilege_escalation,
    app_armor_profile,
    capabilities_baseline,
    capabilities_restricted,
    host_namespaces,
    host_path_volumes,
    host_ports,
    host_probes,
    privileged,
    proc_mount,
    proc_mount_restricted,
    restricted_volumes,
    run_as_non_root,
    run_as_user,
    se_linux_options,
    seccomp_profile_baseline,
    seccomp_profile_restricted,
    sysctls,
    windows_host_process,
)
from kubectl_caps.core.podsecurity.checks.check import Check, CheckLevel, Revision
from kubectl_caps.core.podsecurity.policy import Level

MODULES: tuple[ModuleType, ...] = (
    app_armor_profile,
    capabilities_baseline,
    host_namespaces,
    host_path_volumes,
    host_ports,
    host_probes,
    privileged,
    proc_mount,
    se_linux_options,
    seccomp_profile_baseline,
    sysctls,
    windows_host_process,
    allow_privilege_escalation,
    capabilities_restricted,
    proc_mount_restricted,
    restricted_volumes,
    run_as_non_root,
    run_as_user,
    seccomp_profile_restricted,
)
"""The modules of the checks. Each docstring is the manual of a check."""

CHECKS: tuple[Check, ...] = tuple(module.CHECK for module in MODULES)
"""Every check, in the order of the API server's messages."""


class Violation(Struct, frozen=True, gc=False):
    """A finding of a check. `fields` are paths from the root of the pod or pod template."""

    level: CheckLevel
    check: str
    reason: str
    detail: str
    containers: tuple[str, ...]
    fields: tuple[Path, ...]


def checks_for(level: Level, minor: int, checks: Sequence[Check] = CHECKS) -> list[tuple[Check, Revision]]:
    """The checks that apply at a level and a minor version, each with its revision, in upstream's order."""
    if level == "privileged":
        return []
    found = [(check, since) for check, since in _active(minor, checks) if level == "restricted" or check.level == level]
    overridden = {name for _, since in found for name in since.overrides}
    return [(check, since) for check, since in found if check.id not in overridden]


def evaluate(template: PodTemplate, level: Level, minor: int) -> tuple[Violation, ...]:
    """The violations of a policy in the order of the API server's message; empty if the policy accepts the pod.

    The template is judged as it is: `defaulting.as_admitted` applies the API server's defaults to a manifest.
    """
    return tuple(_violations(template, _applied(level, minor)))


def judge_all(template: PodTemplate, minor: int) -> tuple[Violation, ...]:
    """The violations of all checks: of baseline, even the checks that restricted overrides, then of restricted."""
    return tuple(_violations(template, _all_active(minor)))


def level_of(violations: Sequence[Violation], minor: int) -> Level:
    """The strictest level that accepts a pod with these violations, which are from `judge_all`."""
    violated = {violation.check for violation in violations}
    levels: tuple[Level, ...] = ("restricted", "baseline")
    refused = {level: any(check.id in violated for check, _ in _applied(level, minor)) for level in levels}
    return next((level for level in levels if not refused[level]), "privileged")


@cache
def _all_active(minor: int) -> Sequence[tuple[Check, Revision]]:
    return list(_active(minor, CHECKS))


@cache
def _applied(level: Level, minor: int) -> Sequence[tuple[Check, Revision]]:
    return checks_for(level, minor)


def _active(minor: int, checks: Sequence[Check]) -> Iterator[tuple[Check, Revision]]:
    ordered = sorted(checks, key=lambda check: (check.level, check.id.encode()))
    return ((check, since) for check in ordered if (since := check.at(minor)))


def _violations(template: PodTemplate, checks: Sequence[tuple[Check, Revision]]) -> Iterator[Violation]:
    for check, since in checks:
        if found := since.check(template):
            yield Violation(check.level, check.id, found.reason, found.detail, found.containers, found.fields)
