"""The next command for a workload: the last line of the detailed view."""

from collections.abc import Sequence

from kubectl_caps.core.assess.accepted import NOTHING
from kubectl_caps.core.assess.assess import dangers_of
from kubectl_caps.core.assess.assessment import Assessment
from kubectl_caps.core.kubernetes.container import SecurityContext
from kubectl_caps.core.kubernetes.job_run import job_reference, told
from kubectl_caps.core.kubernetes.kinds import kind_of
from kubectl_caps.core.kubernetes.kustomize import file_flag
from kubectl_caps.core.kubernetes.workloads import reference
from kubectl_caps.core.text import first_few
from kubectl_caps.report.terminal import escaped

_MANY = 8


def next_step(assessment: Assessment, program: str) -> str:
    """One line for the end of the detailed view."""
    if assessment.last_run and assessment.last_run.state == "failed":
        see = f"kubectl describe job {assessment.last_run.name} -n {assessment.workload.namespace}"
        return escaped(f"its last run failed, {told(assessment.last_run)}; see why first: {see}")
    open_ = [one for one in assessment.containers if one.role != "ephemeral" and not _is_hardened(one.declared)]
    if open_ and all(container.declared.privileged for container in open_):
        return "remove privileged: true, which gives every capability even if the container drops ALL"
    if open_:
        return _harden(assessment, program, ()) + _after_last_run(assessment)
    left = _left(assessment)
    if left:
        return escaped(f"see whether it needs these, which make the risk {assessment.risk}: {first_few(left, _MANY)}")
    return _to_restricted(assessment, program)


def _to_restricted(assessment: Assessment, program: str) -> str:
    """The next command towards *restricted* if all containers drop ALL, or the reasons why there is none."""
    done = "every container drops ALL and cannot gain privileges"
    if assessment.level in ("restricted", None):
        return f"nothing: {done}"
    from kubectl_caps.core.label.fix import fixed_template  # loads the hardening, for hardened containers only

    users = {container.container.name: container.user for container in assessment.containers}
    found = fixed_template(assessment.workload, users, "restricted", assessment.minor)
    if found.runs and not found.remain:
        commands = " and ".join(_harden(assessment, program, flags) for flags in found.runs)
        return commands + _after_last_run(assessment)
    why = "".join(f"; {text}" for text in found.words)
    return escaped(f"{done}, restricted still refuses: {', '.join(found.remain)}{why}")


def _harden(assessment: Assessment, program: str, flags: Sequence[str]) -> str:
    """The `harden` command for the object that can be changed: the file, the owner, or the workload itself."""
    workload = assessment.workload
    more = "".join(f" {flag}" for flag in flags)
    file = workload.source.get("file")
    if file is not None:
        return escaped(f"{program} harden {file_flag(str(file))}{more} --diff")
    owner = workload.metadata.controller
    if owner:
        name = reference(owner.api_version, owner.kind, owner.name)
        return escaped(f"{program} inspect {name} -n {workload.namespace}: this object manages the {workload.kind}")
    kind = kind_of(workload.api_version, workload.kind)
    if kind is None or kind.effect == "never":
        what = workload.kind.lower()
        return escaped(f"{program} harden -f FILE{more}, on its manifest: a {what} cannot be changed in place")
    run = assessment.last_run
    mode = "--trigger" if run and run.state == "succeeded" else "--dry-run=server"
    return escaped(f"{program} harden {workload.reference} -n {workload.namespace}{more} {mode}")


_LAST_RUNS = {
    "succeeded": "runs it once more now; its last run, {run}, succeeded",
    "active": "its run {run} is not over yet",
    "never": "it has not run yet, so no run shows what it needs",
    "gone": "no Job of this template is left, so no run shows what it needs",
    "unknown": "how its last run ended is not known: {reason}",
}


def _after_last_run(assessment: Assessment) -> str:
    """The next command for a CronJob, by the result of its last run."""
    run = assessment.last_run
    if run is None or assessment.workload.metadata.controller:
        return ""
    return escaped(f": {_LAST_RUNS[run.state].format(run=job_reference(run.name), reason=run.reason)}")


def _left(assessment: Assessment) -> list[str]:
    """The reasons for the workload's risk, if it is higher than low."""
    if assessment.risk in ("none", "low"):
        return []
    spec = assessment.workload.template.spec
    found = [item for container in assessment.containers for item in dangers_of(container, spec, NOTHING).items()]
    return list(dict.fromkeys(danger.words(name) for name, danger in found if danger.risk == assessment.risk))


def _is_hardened(declared: SecurityContext) -> bool:
    dropped = (declared.capabilities.drop if declared.capabilities else None) or []
    return "ALL" in dropped and declared.allow_privilege_escalation is False and not declared.privileged
