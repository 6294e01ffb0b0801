"""What to do about a workload, as the command to go on with."""

import shlex

from kubectl_caps.core.allowance import NOTHING
from kubectl_caps.core.assessment import Assessment, dangers_of
from kubectl_caps.core.pod import SecurityContext
from kubectl_caps.core.workloads import kind_of, reference
from kubectl_caps.report.terminal import escaped

_MANY = 8


def next_step(assessment: Assessment, program: str) -> str:
    """One line for the end of the detailed view."""
    workload = assessment.workload
    open_ = [one for one in assessment.containers if one.role != "ephemeral" and not _is_hardened(one.declared)]
    if not open_:
        left = _left(assessment)
        if left:
            return escaped(f"see whether it can do without what makes the risk {assessment.risk}: {', '.join(left)}")
        return "nothing: every container drops ALL and cannot gain privileges"
    if all(container.declared.privileged for container in open_):
        return "make it do without privileged: true, which gives everything whatever it drops"
    file = workload.source.get("file")
    if file is not None:
        return escaped(f"{program} harden -f {shlex.quote(str(file))} --diff")
    owner = workload.metadata.controller
    if owner:
        name = reference(owner.api_version, owner.kind, owner.name)
        return escaped(f"{program} inspect {name} -n {workload.namespace}: it is what makes this")
    kind = kind_of(workload.api_version, workload.kind)
    if kind is None or kind.effect == "never":
        return escaped(
            f"{program} harden -f FILE, on its manifest: a {workload.kind.lower()} cannot be changed in place"
        )
    return escaped(f"{program} harden {workload.reference} -n {workload.namespace} --dry-run=server")


def _left(assessment: Assessment) -> list[str]:
    """What makes containers as dangerous as the workload is, where that is more than a low risk."""
    if assessment.risk in ("none", "low"):
        return []
    spec = assessment.workload.template.spec
    found = [item for container in assessment.containers for item in dangers_of(container, spec, NOTHING).items()]
    names = list(dict.fromkeys(name for name, risk in found if risk == assessment.risk))
    return [*names[:_MANY], f"{len(names) - _MANY} more"] if len(names) > _MANY else names


def _is_hardened(declared: SecurityContext) -> bool:
    dropped = (declared.capabilities.drop if declared.capabilities else None) or []
    return "ALL" in dropped and declared.allow_privilege_escalation is False and not declared.privileged
