"""The table of warnings, each with a stable id and a manual; and the warnings for one container.

The behaviour behind each: containerd internal/cri/opts/spec_opts.go, CRI-O internal/factory/container, execve in
capabilities(7), and Kubernetes' validation of securityContext.
"""

from collections.abc import Callable, Iterator

from msgspec import Struct

from kubectl_caps.core.kubernetes.field_path import Path
from kubectl_caps.core.warnings import add_drop, pod_settings, privileged, runtimes, users
from kubectl_caps.core.warnings.rule import Rule, Subject

RULES: tuple[Rule, ...] = (*privileged.RULES, *runtimes.RULES, *add_drop.RULES, *users.RULES, *pod_settings.RULES)
"""Every surprise, in the order in which a container's warnings are told."""

IDS = tuple(rule.id for rule in RULES)
"""Every warning's stable id."""

BY_ID = {rule.id: rule for rule in RULES}


class CapabilityWarning(Struct, frozen=True):
    """`field` is the path from the root of the object; `message` says what is wrong and what to do."""

    id: str
    message: str
    field: Path


def of(subject: Subject, at: Callable[[Path], Path]) -> Iterator[CapabilityWarning]:
    """The warnings for one container; `at` tells where its object holds a field of the pod template."""
    if subject.spec.os and subject.spec.os.name == "windows":
        return
    for rule in RULES:
        for path, message in rule.check(subject):
            yield CapabilityWarning(rule.id, message, at(path))
