"""Finds the subjects of `fit`: one object of the cluster, or the workloads of files."""

import shlex
from collections.abc import Iterator
from typing import Any

from msgspec.structs import replace

from kubectl_caps.cli.arguments import connection_flags
from kubectl_caps.cli.fit import FitArguments
from kubectl_caps.cluster.api.client import Cluster
from kubectl_caps.cluster.api.resources import Resource, resource_of
from kubectl_caps.commands.fit.workload import FitSubject
from kubectl_caps.commands.shared.connect import named_targets
from kubectl_caps.commands.shared.manifests import NOTHING, read_manifests
from kubectl_caps.core.fit.references import NamedObject, named_objects
from kubectl_caps.core.kubernetes.made_pods import pod_from
from kubectl_caps.core.kubernetes.workloads import MalformedWorkload, Workload, read_workloads
from kubectl_caps.errors import ApiError, CapsError, InputError, UsageError
from kubectl_caps.report.terminal import say

_KINDS = {
    "ServiceAccount": Resource("", "v1", "serviceaccounts", "ServiceAccount"),
    "ConfigMap": Resource("", "v1", "configmaps", "ConfigMap"),
    "Secret": Resource("", "v1", "secrets", "Secret"),
    "PersistentVolumeClaim": Resource("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim"),
}


def live_subject(cluster: Cluster, arguments: FitArguments, namespace: str, context: str) -> FitSubject:
    """The one object that the command line names. Raises UsageError, InputError, ApiError, Unreachable."""
    targets = named_targets(cluster, arguments.resources)
    target = targets[0] if len(targets) == 1 else None
    if target is None or target.name is None:
        raise UsageError("you must provide one resource: TYPE NAME, TYPE/NAME or -f")
    name, resource = target.name, resource_of(target.kind)
    obj = cluster.get(resource, namespace, name)
    try:
        workloads = list(read_workloads(target.kind, obj, {"context": context}))
    except MalformedWorkload as error:
        raise InputError(f"{target.kind.plural} {target.name}: {error}") from error
    workload = _single(workloads, f"{target.kind.plural} {target.name}")
    words = f"{workload.reference} -n {namespace}{_kind_flag(arguments, workload)}{connection_flags(arguments)}"
    return FitSubject(workload, obj, words, again=lambda: cluster.get(resource, namespace, name))


def file_subjects(
    cluster: Cluster, arguments: FitArguments, namespace: str, errors: list[CapsError]
) -> Iterator[FitSubject]:
    """The workloads of files, which are tried in `namespace`.

    An unreadable workload, or an object that its pods need and that does not exist, is added to `errors`.
    """
    files = read_manifests(arguments, "fit", namespace=namespace)
    errors += files.errors
    if not files.found and not files.errors:
        errors.append(InputError(f"nothing to try: {NOTHING}"))
    for item in files.found:
        try:
            workload = _single(list(item.workloads), f"{item.document.file.name}:{item.document.line}")
            workload = replace(workload, metadata=replace(workload.metadata, namespace=namespace))
            _check_references(cluster, workload, item.document.object, namespace)
        except CapsError as error:
            errors.append(error)
            continue
        file = item.document.file
        is_alone = sum(other.document.file is file for other in files.found) == 1
        name = "-" if file.name == "STDIN" else shlex.quote(file.name)
        yield FitSubject(workload, item.document.object, f"-f {name}{_kind_flag(arguments, workload)}", is_alone)


def _kind_flag(arguments: FitArguments, workload: Workload) -> str:
    """The flag `--kind` of the command line for a workload of that kind; empty for a kind of the kinds table."""
    group = workload.api_version.rpartition("/")[0]
    for kind in arguments.kinds:
        if (kind.group, kind.kind) == (group, workload.kind):
            return f" --kind {shlex.quote(f'{group}/{kind.kind}=' + '.'.join(map(str, kind.template)))}"
    return ""


def _single(workloads: list[Workload], where: str) -> Workload:
    if len(workloads) != 1:
        what = "several pod templates, and trials are made of one" if workloads else "no pod template of its own"
        raise InputError(f"{where}: has {what}")
    return workloads[0]


def _check_references(cluster: Cluster, workload: Workload, obj: Any, namespace: str) -> None:
    """Raise InputError if an object does not exist that the workload's pods need."""
    try:
        spec = pod_from(workload, obj, namespace)["spec"]
    except MalformedWorkload as error:
        raise InputError(f"{workload.reference}: {error}") from error
    missing = [item for item in named_objects(spec) if not _exists(cluster, item, namespace)]
    if missing:
        names = ", ".join(f"{item.kind.lower()}/{item.name}" for item in missing)
        raise InputError(f"{workload.reference}: its pods need {names}, which namespace {namespace} does not have")


def _exists(cluster: Cluster, item: NamedObject, namespace: str) -> bool:
    """Whether an object exists. An object that cannot be read counts as existing, and a line on stderr says so."""
    try:
        cluster.get(_KINDS[item.kind], namespace, item.name)
    except ApiError as error:
        if error.code == 404:
            return False
        say(f"{item.kind.lower()}/{item.name}: cannot be read, so it may not exist: {error}")
    return True
