"""The five capability sets in `kind: Inspection`: the prediction for a container, and its observed processes."""

from collections.abc import Sequence
from functools import cache
from typing import Annotated, Literal

from msgspec import Meta

from kubectl_caps.core.assess import processes as core
from kubectl_caps.core.assess.assessment import ContainerAssessment, Provenance
from kubectl_caps.core.assess.assessment import Predicted as PredictedInPlace
from kubectl_caps.core.assess.process_differences import Difference as FoundDifference
from kubectl_caps.core.assess.process_differences import SetName
from kubectl_caps.core.linux import sets
from kubectl_caps.report.documents.frame import Count, JsonPart, Texts

CapabilityName = Annotated[str, Meta(pattern="^CAP_[A-Z0-9_]+$")]


class CapabilitySetJson(JsonPart, frozen=True):
    """A set of capabilities."""

    mask: Annotated[str, Meta(pattern="^[0-9a-f]{16}$", description="As in /proc/PID/status.")]
    names: tuple[CapabilityName, ...]


class DifferenceJson(JsonPart, frozen=True):
    """A difference between a process and the prediction."""

    set: SetName | Literal["noNewPrivs"]
    change: Literal["lost", "gained"]
    names: Texts
    by: Literal["runtime", "process"]
    reason: Annotated[str | None, Meta(description="null: the difference is not explained.")]


class ProcessJson(JsonPart, frozen=True):
    """A process, or a thread whose sets differ from those of its process (`tid` is then not `pid`)."""

    pod: str
    pid: int
    tid: int
    comm: str
    uid: Annotated[int, Meta(description="The effective user id, as the container sees it.")]
    bounding: CapabilitySetJson
    permitted: CapabilitySetJson
    effective: CapabilitySetJson
    inheritable: CapabilitySetJson
    ambient: CapabilitySetJson
    no_new_privs: bool | None
    seccomp: Annotated[int | None, Meta(description="As in /proc/PID/status: 0 none, 1 strict, 2 a filter.")]
    differences: tuple[DifferenceJson, ...]


class NotObservedJson(JsonPart, frozen=True):
    """A pod in which a container could not be read."""

    pod: str
    reason: core.Miss
    message: str


class PredictedJson(JsonPart, frozen=True):
    """The predicted sets of a container on one container runtime."""

    runtime: str
    provenance: Provenance
    evidence: Annotated[
        Literal["measured", "from source, not run"], Meta(description="The evidence for the rules of this runtime.")
    ]
    nodes: Count
    bounding: CapabilitySetJson
    permitted: CapabilitySetJson
    effective: CapabilitySetJson
    inheritable: CapabilitySetJson
    ambient: CapabilitySetJson
    no_new_privs: bool | None
    refused: Annotated[str | None, Meta(description="Why the container would not start on this runtime.")]
    ignored_adds: Texts
    ignored_drops: Texts
    unknowns: Texts
    notes: Texts


def predicted_json(entry: PredictedInPlace) -> PredictedJson:
    """The prediction for one runtime."""
    place, outcome = entry.place, entry.outcome
    return PredictedJson(
        runtime=place.runtime.name,
        provenance=place.provenance,
        evidence=place.runtime.evidence,
        nodes=place.nodes,
        **_five_sets(outcome.sets),
        no_new_privs=outcome.sets.no_new_privs,
        refused=outcome.refused,
        ignored_adds=outcome.ignored_adds,
        ignored_drops=outcome.ignored_drops,
        unknowns=outcome.unknowns,
        notes=outcome.notes,
    )


def observed_json(container: ContainerAssessment) -> tuple[ProcessJson, ...]:
    """The processes that were seen in a container, in all its pods."""
    return tuple(
        _process(item.observation.pod, process, differences)
        for item in container.observed
        for process, differences in item.processes
    )


def not_observed_json(container: ContainerAssessment) -> tuple[NotObservedJson, ...]:
    """The pods in which the container was not seen."""
    every = (item.observation for item in container.observed)
    return tuple(NotObservedJson(pod=one.pod, reason=one.miss, message=one.why) for one in every if one.miss)


def _process(pod: str, process: core.Process, differences: Sequence[FoundDifference]) -> ProcessJson:
    return ProcessJson(
        pod=pod,
        pid=process.pid,
        tid=process.tid,
        comm=process.comm,
        uid=process.uid,
        **_five_sets(process.sets),
        no_new_privs=process.sets.no_new_privs,
        seccomp=process.seccomp,
        differences=tuple(
            DifferenceJson(
                set=one.name, change=one.change, names=one.capabilities.names, by=one.cause, reason=one.reason
            )
            for one in differences
        ),
    )


def _five_sets(held: sets.ProcessSets) -> dict[str, CapabilitySetJson]:
    every = {
        "bounding": held.bounding,
        "permitted": held.permitted,
        "effective": held.effective,
        "inheritable": held.inheritable,
        "ambient": held.ambient,
    }
    return {name: _set_json(one.mask) for name, one in every.items()}


@cache
def _set_json(mask: int) -> CapabilitySetJson:
    held = sets.CapabilitySet(mask)
    return CapabilitySetJson(mask=held.hex, names=held.names)
