"""Explains a failed rollout: reads logs, states and events of its pods, and finds the cause for each container."""

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from kubectl_caps.cluster.api.client import Cluster
from kubectl_caps.cluster.read import rollout as edge
from kubectl_caps.cluster.read.pod_logs import Forbidden
from kubectl_caps.core.diagnosis.attribution import Loss
from kubectl_caps.core.diagnosis.diagnose import UNKNOWN, diagnose, next_command
from kubectl_caps.core.diagnosis.line_cause import Evidence, LineCause
from kubectl_caps.core.harden.complaints import Complaint
from kubectl_caps.core.harden.result import Diagnosis, HardenResult
from kubectl_caps.core.kubernetes import pod_failures
from kubectl_caps.core.kubernetes.pod import Pod, user_of
from kubectl_caps.core.kubernetes.pod_failures import PodFailure
from kubectl_caps.errors import CapsError

_SHOWN = 3


class Explained(Struct, frozen=True):
    """The diagnoses of a failure, and the lines that print them."""

    diagnoses: tuple[Diagnosis, ...]
    lines: tuple[str, ...]


def diagnose_pods(
    cluster: Cluster,
    job: HardenResult,
    failure: PodFailure,
    pods: Sequence[Pod],
    losses: Mapping[str, Loss],
    forbidden: Forbidden,
    said: Sequence[Complaint] = (),
) -> Explained:
    """Read the evidence of a failure, and diagnose it. A rollback deletes the evidence, so the reading comes first.

    `losses` are the capabilities that the change takes from each container. `forbidden` is called for a missing right.
    `said` are the complaints of the pods so far, because the pods of a Job may be deleted.
    """
    lines, found = [f"{failure.message}{f' (pod {failure.pod})' if failure.pod else ''}"], list[Diagnosis]()
    for item in pod_failures.one_a_container(failure, pods):
        evidence = list(_evidence(cluster, job, item, pods, forbidden))
        evidence += [Evidence("log", one.line.text) for one in said if one.line.container == item.container]
        user = next((user_of(pod, item.container) for pod in pods if pod.metadata.name == item.pod), None)
        causes = diagnose(evidence, uid=user, loss=losses.get(item.container))
        diagnoses = [Diagnosis(item.container, cause, _next(job, item, cause)) for cause in causes]
        found += diagnoses
        lines += [line for diagnosis in diagnoses[:_SHOWN] for line in diagnosis_lines(diagnosis)]
        if not causes:
            lines += [f"  log: {item.text}" for item in [e for e in evidence if e.source == "log"][-_SHOWN:]]
        if item.container and not any(cause.is_told for cause in causes):
            lines.append(f"    the refused operation is not known; to find it: {_next(job, item, UNKNOWN)}")
    return Explained(tuple(found), tuple(lines))


def diagnosis_lines(diagnosis: Diagnosis) -> Iterator[str]:
    """The lines about a cause: the log line that shows it, and the next command if that adds no capabilities."""
    cause = diagnosis.cause
    yield f"  {cause.source}: {cause.evidence_text}"
    missing = f"{cause.certainty} missing: {', '.join(cause.capabilities)}" if cause.capabilities else ""
    yield f"    {missing or cause.certainty} ({cause.explanation})"
    if not cause.capabilities and cause.certainty != "possible":
        yield f"    to try next: {diagnosis.next_command}"


def _next(job: HardenResult, failure: PodFailure, cause: LineCause) -> str:
    workload = job.workload
    return next_command(
        cause, workload=workload.reference, namespace=workload.namespace, pod=failure.pod, container=failure.container
    )


def _evidence(
    cluster: Cluster, job: HardenResult, failure: PodFailure, pods: Sequence[Pod], forbidden: Forbidden
) -> Iterator[Evidence]:
    try:
        yield from edge.evidence(cluster, job.workload.namespace, failure, pods, forbidden)
    except CapsError:
        return
