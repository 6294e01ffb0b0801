"""Violations that only older supported API servers find, compared with the version that was applied.

On a server, `latest` and every version that is newer than the server mean the server's own version
(k8s.io/pod-security-admission policy/registry.go). A newer version may allow more than an older one: root in a user
namespace since v1.35.
"""

from collections.abc import Callable, Sequence
from functools import partial

from kubectl_caps.core.kubernetes.field_path import field_path
from kubectl_caps.core.kubernetes.workloads import Workload
from kubectl_caps.core.podsecurity.defaulting import as_admitted
from kubectl_caps.core.podsecurity.policy import NEWEST_MINOR, Level, Policy, effective_minor
from kubectl_caps.core.podsecurity.registry import Violation, checks_for, evaluate

SUPPORTED = 4
"""The largest number of minor versions of Kubernetes that are supported at a time. Each is supported for about fourteen
months (kubernetes.io/releases/patch-releases), and three appear in a year."""

Judge = Callable[[Level, int], Sequence[Violation]]
"""From a level and a minor version to the violations of these rules."""


def older_server_sentences(workloads: Sequence[Workload], policy: Policy) -> list[str]:
    """A sentence for each violation of these workloads, judged as pods."""
    return [
        text
        for workload in workloads
        for text in refused_by_older(workload, policy, partial(evaluate, as_admitted(workload.template, pod=True)))
    ]


def refused_by_older(workload: Workload, policy: Policy, judge: Judge) -> list[str]:
    """A sentence for each violation that only older supported servers find, with their versions and the fields."""
    newest = effective_minor(policy.version, None)
    rules = checks_for(policy.level, newest)
    here = judge(policy.level, newest)
    known = {path for violation in here for path in violation.fields}
    found: dict[Violation, list[str]] = {}
    for server in range(NEWEST_MINOR - SUPPORTED + 1, NEWEST_MINOR):
        minor = effective_minor(policy.version, server)
        if checks_for(policy.level, minor) == rules:
            continue
        for violation in judge(policy.level, minor):
            if violation not in here and not set(violation.fields) <= known:
                found.setdefault(violation, []).append(f"1.{server}")
    return [
        f"on Kubernetes {' and '.join(servers)} {workload.reference} violates {policy}: {_words(workload, violation)}"
        for violation, servers in found.items()
    ]


def _words(workload: Workload, violation: Violation) -> str:
    fields = ", ".join(field_path(workload.at(path)) for path in violation.fields)
    return f"{violation.check}: {violation.detail or violation.reason}: {fields}"
