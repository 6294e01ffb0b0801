"""`harden -f --check`: the containers that cannot be hardened, and the exemptions that let them pass."""

from collections.abc import Iterator, Sequence

from kubectl_caps.commands.inspect import gates
from kubectl_caps.commands.shared.files import FoundWorkload
from kubectl_caps.core.assess.accepted import PRIVILEGED
from kubectl_caps.core.assess.assess import assess
from kubectl_caps.core.assess.assessment import Assessment, ContainerAssessment, NodeRuntime
from kubectl_caps.core.assess.exemptions import Exemption
from kubectl_caps.core.harden.plan import HardenOptions
from kubectl_caps.core.kubernetes.pod import members
from kubectl_caps.core.kubernetes.workloads import Workload
from kubectl_caps.core.linux.runtimes import runtime_of
from kubectl_caps.core.podsecurity.policy import NEWEST_MINOR
from kubectl_caps.report.exemptions import exemption_lines
from kubectl_caps.report.terminal import say


def check_passes(
    found: Sequence[FoundWorkload], options: HardenOptions, listed: Sequence[Exemption], *, annotations: bool
) -> bool:
    """Whether each selected container can be hardened or is exempted. Prints the failing containers and exemptions."""
    untold = NodeRuntime(runtime_of(None), 0, "assumed")
    workloads = [workload for item in found for workload in item.workloads if listed or _has_privileged(workload)]
    assessments = [assess(workload, [], [untold], NEWEST_MINOR) for workload in workloads]
    exemptions, failed = gates.ListedExemptions(listed, annotations=annotations), False
    assessments = exemptions.apply(assessments)
    exemptions.say_remarks()
    for assessment in assessments:
        for container in _privileged(assessment, options):
            where = gates.subject_of(assessment.workload, [container.container.name])
            items = [item for item in container.exempted if item.id == PRIVILEGED and not item.expired]
            failed |= not items
            if not items:
                say(f"{where}: cannot be hardened: it is privileged")
            for line in exemption_lines(items):
                say(f"{where}: passes --check only by an exemption: {line}")
    return not failed


def _has_privileged(workload: Workload) -> bool:
    """Whether a container is privileged. Only such workloads are assessed, because they may need exemptions."""
    return any(member.container.security.privileged for member in members(workload.template.spec))


def _privileged(assessment: Assessment, options: HardenOptions) -> Iterator[ContainerAssessment]:
    """The selected containers that are privileged. A Windows pod has no Linux capabilities to take away."""
    spec = assessment.workload.template.spec
    if spec.os and spec.os.name == "windows":
        return
    for item in assessment.containers:
        meant = not options.containers or item.container.name in options.containers
        if meant and item.declared.privileged and item.role != "ephemeral":
            yield item
