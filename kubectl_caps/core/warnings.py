"""The warnings that a container deserves, each with a stable id and a manual.

The behaviour behind each: containerd internal/cri/opts/spec_opts.go, CRI-O internal/factory/container, execve in
capabilities(7), and Kubernetes' validation of securityContext.
"""

from collections.abc import Iterator

from msgspec import Struct

from kubectl_caps.core.pod import Path
from kubectl_caps.core.surprises import names, portability, rights, surroundings, users
from kubectl_caps.core.surprises.rule import Rule, Subject

RULES: tuple[Rule, ...] = (*rights.RULES, *portability.RULES, *names.RULES, *users.RULES, *surroundings.RULES)
"""Every surprise, in the order in which a container's warnings are told."""

IDS = tuple(rule.id for rule in RULES)
"""Every warning's stable id."""

BY_ID = {rule.id: rule for rule in RULES}


class CapabilityWarning(Struct, frozen=True):
    """`field` is the path from the root of the object; `message` says what is the matter and what to do."""

    id: str
    message: str
    field: Path


def of(subject: Subject, root: Path) -> Iterator[CapabilityWarning]:
    """The warnings for one container; `root` is where its object holds the pod template."""
    if subject.spec.os and subject.spec.os.name == "windows":
        return
    for rule in RULES:
        for path, message in rule.says(subject):
            yield CapabilityWarning(rule.id, message, (*root, *path))
