"""`kind: Trace`: the document of `inspect --trace -o json`, which is evidence for `fit --evidence`."""

from collections.abc import Sequence
from typing import Annotated, Literal

from msgspec import Meta

from kubectl_caps.core.trace.report import EvidenceKind
from kubectl_caps.core.trace.usage import ContainerUsage, WorkloadUsage
from kubectl_caps.errors import CapsError
from kubectl_caps.report.documents.fit import KernelCheckJson, PrivilegedUseJson, check_json, privileged_use_json
from kubectl_caps.report.documents.frame import (
    API_VERSION,
    ApiVersion,
    Count,
    ErrorJson,
    JsonPart,
    ObjectJson,
    Texts,
    errors_json,
    identity_fields,
)


class CallErrorJson(JsonPart, frozen=True):
    """A system call that ended with EPERM, EACCES or EROFS, for whatever reason."""

    process: str
    call: str
    error: str
    count: Count


class ContainerUsageJson(JsonPart, frozen=True):
    """One container, over all traced pods of the workload."""

    name: str
    used: Annotated[tuple[KernelCheckJson, ...], Meta(description="What its processes were granted.")]
    refused: Annotated[tuple[KernelCheckJson, ...], Meta(description="What they were refused, and never granted.")]
    never_used: Annotated[
        Texts | None, Meta(description="What it holds and was not granted in that time; null if not known.")
    ]
    errors: tuple[CallErrorJson, ...]
    besides: Annotated[
        tuple[PrivilegedUseJson, ...],
        Meta(description="Calls that succeeded and that a seccomp or AppArmor profile RuntimeDefault refuses."),
    ]


class TraceItemJson(ObjectJson, frozen=True):
    """One workload."""

    pods: Count
    seconds: Annotated[float, Meta(description="How long it was traced.")]
    evidence: Annotated[
        EvidenceKind | None, Meta(description="capabilities: every check. calls: only failed calls. null: no record.")
    ]
    containers: tuple[ContainerUsageJson, ...]
    incomplete: Annotated[Texts, Meta(description="What the record misses; empty if nothing.")]


class TraceSummary(JsonPart, frozen=True):
    """How many there are of each."""

    workloads: Count
    incomplete: Count


class TraceDocument(JsonPart, frozen=True):
    """What `kubectl caps inspect --trace TIME -o json` prints."""

    api_version: ApiVersion
    kind: Literal["Trace"]
    items: tuple[TraceItemJson, ...]
    errors: tuple[ErrorJson, ...]
    summary: TraceSummary


def trace_document(usages: Sequence[WorkloadUsage], failed: Sequence[CapsError]) -> TraceDocument:
    """Every traced workload."""
    return TraceDocument(
        api_version=API_VERSION,
        kind="Trace",
        items=tuple(map(_item, usages)),
        errors=errors_json(failed),
        summary=TraceSummary(workloads=len(usages), incomplete=sum(bool(usage.gaps) for usage in usages)),
    )


def _item(usage: WorkloadUsage) -> TraceItemJson:
    return TraceItemJson(
        **identity_fields(usage.workload),
        pods=usage.pods,
        seconds=round(usage.seconds, 1),
        evidence=usage.kind,
        containers=tuple(_container(item, usage.kind) for item in usage.containers),
        incomplete=usage.gaps,
    )


def _container(item: ContainerUsage, kind: EvidenceKind | None) -> ContainerUsageJson:
    return ContainerUsageJson(
        name=item.name,
        used=tuple(check_json(check) for check in item.checks if check.granted),
        refused=tuple(check_json(check) for check in item.checks if not check.granted),
        never_used=item.never_used if kind == "capabilities" else None,
        errors=tuple(
            CallErrorJson(process=one.process, call=one.call, error=one.error, count=one.count) for one in item.errors
        ),
        besides=tuple(map(privileged_use_json, item.besides)),
    )
