"""The suggestion after a failed hardening: all missing capabilities that are known, at once."""

from collections.abc import Mapping, Sequence

import msgspec
from msgspec.structs import replace

from kubectl_caps.core.harden.plan import HardenOptions, harden
from kubectl_caps.core.harden.result import Diagnosis, HardenResult, Suggestion
from kubectl_caps.core.kubernetes.made_pods import template_of
from kubectl_caps.core.kubernetes.pod import PodTemplate, members
from kubectl_caps.core.podsecurity.defaulting import as_admitted
from kubectl_caps.core.podsecurity.policy import NEWEST_MINOR, Level
from kubectl_caps.core.podsecurity.registry import judge_all, level_of


def suggested(job: HardenResult, options: HardenOptions) -> Suggestion | None:
    """The capabilities to add beside those that were added; None if the diagnoses name no capability."""
    add = missing_capabilities(job.diagnoses)
    if not add:
        return None
    return Suggestion(add, _level(job, with_more(job, options, add)), _level(job, options))


def with_more(job: HardenResult, options: HardenOptions, add: Mapping[str, Sequence[str]]) -> HardenOptions:
    """The options with more adds, by container.

    If several containers are hardened, only the container that misses a capability gets it.
    """
    spec = job.workload.template.spec
    hardened = [member.container.name for member in members(spec) if member.role != "ephemeral"]
    hardened = [name for name in hardened if not options.containers or name in options.containers]
    pairs = [(container, name) for container, found in add.items() for name in found if name not in options.add]
    alone = [pair for pair in pairs if len(hardened) > 1 and pair[0] in hardened]
    every = [name for container, name in pairs if (container, name) not in alone]
    return replace(
        options,
        add=tuple(dict.fromkeys((*options.add, *every))),
        add_in=tuple(dict.fromkeys((*options.add_in, *alone))),
    )


def missing_capabilities(diagnoses: Sequence[Diagnosis]) -> dict[str, tuple[str, ...]]:
    """By container, all capabilities that are certainly or likely missing; else those of the first possible cause."""
    found: dict[str, tuple[str, ...]] = {}
    for container in dict.fromkeys(diagnosis.container for diagnosis in diagnoses):
        causes = [item.cause for item in diagnoses if item.container == container and item.cause.capabilities]
        sure = [cause for cause in causes if cause.certainty != "possible"]
        if names := dict.fromkeys(name for cause in sure or causes[:1] for name in cause.capabilities):
            found[container] = tuple(names)
    return found


def _level(job: HardenResult, options: HardenOptions) -> Level:
    hardened = harden(job.obj, (job.workload,), options).patch.applied(job.obj)
    template = msgspec.convert(template_of(job.workload, hardened), PodTemplate)
    return level_of(judge_all(as_admitted(template, pod=job.workload.is_pod), NEWEST_MINOR), NEWEST_MINOR)
