"""Which `harden` mends what a policy refuses of a workload, and what it cannot mend."""

from collections.abc import Mapping, Sequence

from kubectl_caps.core.labelling import Judged
from kubectl_caps.core.pod import members
from kubectl_caps.core.podsecurity.registry import Violation
from kubectl_caps.core.workloads import Workload, kind_of


def mending(judged: Judged) -> tuple[list[str] | None, list[str]]:
    """The flags of the `harden` that mends what it can (None where it can mend nothing), and the checks that remain.

    In a cluster pods and Jobs cannot be changed in place, and what has a controller is changed back. `harden` leaves
    privileged containers as they are, and a container that a webhook puts in is in no template.
    """
    workload = judged.workload
    if not ("file" in workload.source or _is_changeable(workload)):
        return None, [violation.check for violation in judged.violations]
    within = {member.container.name for member in members(workload.template.spec)} - _privileged(judged.violations)
    flags: dict[str, None] = {}
    remain, mends = [], False
    for violation in judged.violations:
        row, found = _MENDED_BY.get(violation.check), set(violation.containers)
        if row is None or (found and not found & within):
            remain.append(violation.check)
            continue
        mends = True
        flags |= dict.fromkeys(row)
        remain += [] if found <= within else [violation.check]
        if "capabilities.add" in violation.detail:
            flags["--remove-adds"] = None
    return (list(flags) if mends else None), remain


def _is_changeable(workload: Workload) -> bool:
    kind = kind_of(workload.api_version, workload.kind)
    return kind is not None and kind.effect != "never" and not workload.metadata.controller


def _privileged(violations: Sequence[Violation]) -> set[str]:
    return {name for violation in violations if violation.check == "privileged" for name in violation.containers}


_MENDED_BY: Mapping[str, tuple[str, ...]] = {
    "allowPrivilegeEscalation": (),
    "capabilities_baseline": (),
    "capabilities_restricted": (),
    "runAsNonRoot": ("--profile=restricted",),
    "runAsUser": ("--profile=restricted", "--run-as-user=UID"),
    "seccompProfile_baseline": ("--profile=restricted",),
    "seccompProfile_restricted": ("--profile=restricted",),
}
