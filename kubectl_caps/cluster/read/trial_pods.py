"""Finds the Jobs of trials by their label, runs shell commands in their pods, and checks the rights of trials."""

from collections.abc import Iterable
from typing import Any

import msgspec

from kubectl_caps.cluster.api.client import Cluster
from kubectl_caps.cluster.api.resources import JOBS, PODS
from kubectl_caps.cluster.api.rights import access_review
from kubectl_caps.cluster.http.exec_websocket import Outcome
from kubectl_caps.cluster.http.transport import Request, Runner
from kubectl_caps.core.kubernetes.pod import Pod
from kubectl_caps.errors import ApiError, CapsError


def labelled_jobs(cluster: Cluster, namespace: str, selector: str) -> list[dict[str, Any]]:
    """The Jobs that the label selector matches. Raises ApiError."""
    pages = cluster.pages(JOBS, namespace, label_selector=selector)
    return [msgspec.json.decode(raw) for page in pages for raw in page]


def run_in_pod(runner: Runner, pod: Pod, container: str, command: str, limit: float) -> Outcome:
    """Run a shell command in a container for at most `limit` seconds. Raises ApiError, Unreachable, ConfigError."""
    query = [("container", container), ("stdout", "true"), ("stderr", "true")]
    query += [("command", word) for word in ("sh", "-c", command)]
    path = PODS.path(pod.metadata.namespace, pod.metadata.name or "", "exec")
    return runner.run(Request("GET", path, tuple(query)), limit)


def check_rights(cluster: Cluster, namespace: str, needed: Iterable[tuple[str, str]], subject: str) -> None:
    """Raise a CapsError that names the missing rights, if a right is missing.

    Each of the `needed` rights is a verb and a resource as in `lacks_right`. `subject` begins the message (`trials
    need`).
    """
    missing = [f"{verb} {resource.removeprefix('batch/')}" for verb, resource in needed
               if lacks_right(cluster, namespace, verb, resource)]  # fmt: skip
    if missing:
        raise CapsError(f"{subject} the right to {', '.join(missing)} in namespace {namespace}")


def lacks_right(cluster: Cluster, namespace: str, verb: str, resource: str) -> bool:
    """Whether the server says that the user lacks a right, on `batch/jobs`, `pods` or `pods/log`.

    False if the server does not answer the question.
    """
    group, _, name = resource.rpartition("/") if resource.startswith("batch/") else ("", "", resource)
    plural, _, subresource = name.partition("/")
    try:
        return access_review(cluster, namespace, verb, plural, subresource, group=group) is False
    except ApiError:
        return False
