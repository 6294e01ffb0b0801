"""`Judgement`: the part of an assessment that depends on the pod template alone; equal templates are judged once.

A cluster runs one template under many names and with many tags, and a repository holds one for each place it is
deployed to.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import cache

from msgspec import Struct
from msgspec.structs import replace

from kubectl_caps.core.assess.assessment import ContainerAssessment, NodeRuntime
from kubectl_caps.core.assess.judged_volumes import with_judged_volumes
from kubectl_caps.core.kubernetes.container import Container
from kubectl_caps.core.kubernetes.fingerprint import fingerprint
from kubectl_caps.core.kubernetes.pod import members, with_each_container
from kubectl_caps.core.kubernetes.workloads import Workload
from kubectl_caps.core.linux.capabilities import Risk
from kubectl_caps.core.podsecurity.checks import app_armor_profile, seccomp_profile_baseline
from kubectl_caps.core.podsecurity.policy import Level
from kubectl_caps.core.podsecurity.registry import Violation
from kubectl_caps.core.warnings.images import file_capabilities


class Judgement(Struct, frozen=True, gc=False):
    """What is found in a pod template: the fields of `Assessment` that other templates like it share."""

    containers: tuple[ContainerAssessment, ...]
    risk: Risk
    level: Level | None
    violations: tuple[Violation, ...]


_MOST = 2_000
_judged: dict[Hashable, Judgement] = {}
"""The judgements of templates, by all that is read of them, and by the names and images of their containers."""
_general: dict[Hashable, Judgement] = {}
"""The judgements with stand-ins for names, by all else that is read."""

_MARK = "\ue000"
"""A character without a meaning (Unicode, Private Use Area), which no text but a stand-in may have."""
_BETWEEN = f"{_MARK};"
_NAMED_BY_ANNOTATIONS = (app_armor_profile.PREFIX, seccomp_profile_baseline.CONTAINER_ANNOTATION)


def remembered(
    workload: Workload,
    told: tuple[Hashable, ...],
    places: Sequence[NodeRuntime],
    minor: int,
    judge: Callable[[Workload], Judgement],
) -> Judgement:
    """The judgement of the workload's template. `judge` is called only for the first of all templates that are alike.

    The key is all that a judgement reads: the pod's spec and annotations, where they stand, what the status of its pods
    has `told`, the runtimes, and the version of the rules. Names and labels of objects are not read. Of an image, only
    its known file capabilities are read. The names of containers are only repeated and sorted, unless an annotation
    names one. The node's name and the volumes that every level allows are not read.
    """
    template = workload.template
    containers = [member.container for member in members(template.spec)]
    names, images = tuple([one.name for one in containers]), tuple([one.image for one in containers])
    stand_ins = dict(zip(sorted(set(names)), _stand_ins(len(names)), strict=False))
    spec = replace(with_judged_volumes(template.spec), node_name=None)
    spec = with_each_container(spec, lambda one: replace(one, name=stand_ins[one.name], image=None))
    fields = fingerprint(spec, template.annotations, list(map(file_capabilities, images)))
    if fields is None or not _is_general(fields, names, template.annotations):
        return judge(workload)
    key = (fields, workload.path, workload.unseen, told, tuple(places), minor)
    own = (key, names, images, fingerprint([one.volume_mounts for one in containers]))
    if own not in _judged:
        if key not in _general:
            general = with_each_container(template.spec, lambda one: replace(one, name=stand_ins[one.name]))
            found = judge(replace(workload, template=replace(template, spec=general)))
            _remember(_general, key, found)
        _remember(_judged, own, _of_containers(_general[key], containers, stand_ins))
    return _judged[own]


def _remember(judgements: dict[Hashable, Judgement], key: Hashable, judgement: Judgement) -> None:
    if len(judgements) >= _MOST:
        judgements.clear()
    judgements[key] = judgement


@cache
def _stand_ins(count: int) -> Sequence[str]:
    """Stand-ins that are sorted as the names are, because a check may list the names sorted."""
    return [f"{_MARK}{number:06};" for number in range(count)]


def _is_general(fields: bytes, names: Sequence[str], annotations: Mapping[str, str]) -> bool:
    """Whether the names can be put back: no annotation names a container, and only stand-ins have the mark."""
    if any(key.startswith(_NAMED_BY_ANNOTATIONS) for key in annotations):
        return False
    return fields.count(_MARK.encode()) == len(names) and _MARK not in "".join(names)


def _of_containers(general: Judgement, containers: Sequence[Container], stand_ins: Mapping[str, str]) -> Judgement:
    """The judgement of a template with these containers."""
    own = tuple([replace(one, container=its) for one, its in zip(general.containers, containers, strict=True)])
    return replace(general, containers=own, violations=_named(general.violations, stand_ins))


def _named(violations: Sequence[Violation], stand_ins: Mapping[str, str]) -> tuple[Violation, ...]:
    """The violations with the names that have these stand-ins."""
    details = _BETWEEN.join([one.detail for one in violations])
    for name, stand_in in stand_ins.items():
        details = details.replace(stand_in, name)
    name_of = {stand_in: name for name, stand_in in stand_ins.items()}
    return tuple(
        [
            replace(one, detail=detail, containers=tuple([name_of[stand_in] for stand_in in one.containers]))
            for one, detail in zip(violations, details.split(_BETWEEN), strict=bool(violations))
        ]
    )
