"""`Judgement`: the part of an assessment that depends on the pod template alone; equal templates are judged once.

A cluster runs one template under many names and with many tags, and a repository holds one for each place it is
deployed to.
"""

from collections.abc import Callable, Hashable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from kubectl_caps.core.assess.assessment import ContainerAssessment, NodeRuntime
from kubectl_caps.core.kubernetes.container import Container
from kubectl_caps.core.kubernetes.fingerprint import fingerprint
from kubectl_caps.core.kubernetes.pod import PodSpec, members, with_each_container
from kubectl_caps.core.kubernetes.workloads import Workload
from kubectl_caps.core.linux.capabilities import Risk
from kubectl_caps.core.podsecurity.policy import Level
from kubectl_caps.core.podsecurity.registry import Violation
from kubectl_caps.core.warnings.images import file_capabilities


class Judgement(Struct, frozen=True):
    """What is found in a pod template: the fields of `Assessment` that other templates like it share."""

    containers: tuple[ContainerAssessment, ...]
    risk: Risk
    level: Level | None
    violations: tuple[Violation, ...]


Images = tuple[str | None, ...]
"""The images of a pod's containers, in the order of `members`."""

_MOST = 2_000
_judged: dict[Hashable, dict[Images, Judgement]] = {}
"""The judgements of templates that differ only in their images, by everything else that a judgement reads."""


def remembered(
    workload: Workload,
    told: tuple[Hashable, ...],
    places: Sequence[NodeRuntime],
    minor: int,
    judge: Callable[[], Judgement],
) -> Judgement:
    """What `judge` finds, or what it has found in a template with the same fields, in the same place.

    The key is all that a judgement reads: the pod's spec and annotations, where they stand, what the status of its pods
    has `told`, the runtimes, and the version of the rules. Names and labels are not read. Of an image, only its known
    file capabilities are read.
    """
    spec = with_each_container(workload.template.spec, _without_image)
    images = tuple(member.container.image for member in members(workload.template.spec))
    fields = fingerprint(spec, workload.template.annotations, list(map(file_capabilities, images)))
    if fields is None:
        return judge()
    key = (fields, workload.path, workload.unseen, told, tuple(places), minor)
    if len(_judged) >= _MOST and key not in _judged:
        _judged.clear()
    alike = _judged.setdefault(key, {})
    if images not in alike:
        if len(alike) >= _MOST:
            alike.clear()
        first = next(iter(alike.values()), None)
        alike[images] = judge() if first is None else _of_other_images(first, workload.template.spec)
    return alike[images]


def _without_image(container: Container) -> Container:
    return replace(container, image=None)


def _of_other_images(judgement: Judgement, spec: PodSpec) -> Judgement:
    """The judgement of a template that differs only in its images."""
    own = zip(judgement.containers, members(spec), strict=True)
    return replace(judgement, containers=tuple(replace(one, container=member.container) for one, member in own))
