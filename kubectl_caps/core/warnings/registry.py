"""The table of all warnings, and the warnings for one container.

Sources of the behaviour: containerd internal/cri/opts/spec_opts.go, CRI-O internal/factory/container, execve in
capabilities(7), and Kubernetes' validation of securityContext.
"""

from collections.abc import Callable, Iterator

from msgspec import Struct

from kubectl_caps.core.kubernetes.field_path import Path
from kubectl_caps.core.warnings import add_drop, pod_settings, privileged, runtimes, users
from kubectl_caps.core.warnings.rule import Rule, Subject

RULES: tuple[Rule, ...] = (*privileged.RULES, *runtimes.RULES, *add_drop.RULES, *users.RULES, *pod_settings.RULES)
"""Every warning, in the order in which a container's warnings are printed."""

IDS = tuple(rule.id for rule in RULES)
"""Every warning's stable id."""

BY_ID = {rule.id: rule for rule in RULES}


class CapabilityWarning(Struct, frozen=True):
    """One warning. `field` is the path from the root of the object; `message` names the mistake and the correction."""

    id: str
    message: str
    field: Path


def of(subject: Subject, at: Callable[[Path], Path]) -> Iterator[CapabilityWarning]:
    """The warnings for one container. `at` maps a field of the pod template to the field of the object."""
    if subject.spec.os and subject.spec.os.name == "windows":
        return
    for rule in RULES:
        for path, message in rule.check(subject):
            yield CapabilityWarning(rule.id, message, at(path))
