"""`Judgement`: the part of an assessment that depends on the pod template alone; equal templates are judged once.

A cluster runs one template under many names, and a repository holds one for each place it is deployed to.
"""

from collections.abc import Callable, Hashable, Sequence

from msgspec import Struct

from kubectl_caps.core.assess.assessment import ContainerAssessment, NodeRuntime
from kubectl_caps.core.kubernetes.fingerprint import fingerprint
from kubectl_caps.core.kubernetes.workloads import Workload
from kubectl_caps.core.linux.capabilities import Risk
from kubectl_caps.core.podsecurity.policy import Level
from kubectl_caps.core.podsecurity.registry import Violation


class Judgement(Struct, frozen=True):
    """What is found in a pod template: the fields of `Assessment` that other templates like it share."""

    containers: tuple[ContainerAssessment, ...]
    risk: Risk
    level: Level | None
    violations: tuple[Violation, ...]


_MOST = 2_000
_judged: dict[Hashable, Judgement] = {}


def remembered(
    workload: Workload,
    told: tuple[Hashable, ...],
    places: Sequence[NodeRuntime],
    minor: int,
    judge: Callable[[], Judgement],
) -> Judgement:
    """What `judge` finds, or what it has found in a template with the same fields, in the same place.

    The key is all that a judgement reads: the pod's spec and annotations, where they stand, what the status of its pods
    has `told`, the runtimes, and the version of the rules. Names and labels are not read.
    """
    fields = fingerprint(workload.template.spec, workload.template.annotations)
    if fields is None:
        return judge()
    key = (fields, workload.path, workload.unseen, told, tuple(places), minor)
    found = _judged.get(key)
    if found is None:
        if len(_judged) >= _MOST:
            _judged.clear()
        found = _judged[key] = judge()
    return found
