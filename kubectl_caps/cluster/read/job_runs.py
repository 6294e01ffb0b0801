"""Reads a CronJob with the Jobs that it controls, and the pods of these Jobs."""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from kubectl_caps.cluster.api.client import Cluster
from kubectl_caps.cluster.api.decode import MalformedObject, metadata_of
from kubectl_caps.cluster.api.resources import CRON_JOBS, JOBS
from kubectl_caps.cluster.api.rights import lacking
from kubectl_caps.cluster.read.rollout import pods_selected, selector_text
from kubectl_caps.core.kubernetes.field_path import in_words
from kubectl_caps.core.kubernetes.job_run import LastRun, history
from kubectl_caps.core.kubernetes.pod import Pod, PodTemplate
from kubectl_caps.core.kubernetes.snapshot import Snapshot
from kubectl_caps.core.kubernetes.workloads import Workload
from kubectl_caps.core.pods.owners import same_security
from kubectl_caps.errors import CapsError


class Runs(Struct, frozen=True):
    """A CronJob and the Jobs that it controls."""

    cron_job: dict[str, Any]
    jobs: tuple[dict[str, Any], ...]


class _JobSpec(Struct, frozen=True):
    template: PodTemplate
    selector: dict[str, Any]


class _Job(Struct, frozen=True):
    spec: _JobSpec


msgspec.json.Decoder(_Job)  # completed before threads share it: see core/kubernetes/pod.py


class RunSnapshot(Snapshot, frozen=True):
    """A CronJob and its watched run at one moment; `run` is the Job, None if there is none."""

    run: dict[str, Any] | None = None


def read_runs(cluster: Cluster, namespace: str, name: str, only: str = "") -> Runs:
    """Read a CronJob with all its Jobs, or with one named Job. Raises ApiError, MalformedObject."""
    cron_job = cluster.get(CRON_JOBS, namespace, name)
    return Runs(cron_job, tuple(_jobs_of(cluster, namespace, cron_job, only)))


def last_run(cluster: Cluster, workload: Workload) -> LastRun:
    """The status of the last run of a CronJob; `unknown` with the reason if the CronJob or its Jobs cannot be read."""
    verb = "get"
    try:
        cron_job = cluster.get(CRON_JOBS, workload.namespace, workload.name)
        verb = "list"
        jobs = list(_jobs_of(cluster, workload.namespace, cron_job))
        return history(cron_job, jobs, workload.template, same_security)
    except CapsError as error:
        return LastRun("", "unknown", lacking(error, verb))


def _jobs_of(
    cluster: Cluster, namespace: str, cron_job: dict[str, Any], only: str = ""
) -> Iterator[dict[str, Any]]:  # fmt: skip
    chosen = f"metadata.name={only}" if only else None
    uid = metadata_of(CRON_JOBS.api_version, CRON_JOBS.kind, cron_job).uid
    for page in cluster.pages(JOBS, namespace, field_selector=chosen):
        for raw in page:
            job = msgspec.json.decode(raw)
            owner = metadata_of(JOBS.api_version, JOBS.kind, job).controller
            if owner and owner.uid == uid:
                _check(job)
                yield job


def pods_of(cluster: Cluster, namespace: str, jobs: Sequence[dict[str, Any]]) -> tuple[Pod, ...]:
    """The pods of these Jobs, in the order of the Jobs. Raises ApiError, MalformedObject."""
    found: list[Pod] = []
    for job in jobs:
        selected = pods_selected(cluster, namespace, selector_text(job["spec"]["selector"]))
        found += [
            pod for pod in selected if pod.metadata.controller and pod.metadata.controller.uid == job["metadata"]["uid"]
        ]
    return tuple(found)


def _check(job: dict[str, Any]) -> None:
    """Raise MalformedObject for a Job without a selector, or with a malformed pod template."""
    try:
        msgspec.convert(job, _Job)
    except msgspec.ValidationError as error:
        raise MalformedObject(JOBS.api_version, JOBS.kind, job, in_words(error)) from error
