"""Tries the pod of a hardened template in a server dry run, before the change is sent."""

import msgspec
from msgspec.structs import replace

from kubectl_caps.cluster.api.client import Cluster
from kubectl_caps.cluster.api.decode import pod_made
from kubectl_caps.cluster.api.refusals import refusal_cause
from kubectl_caps.cluster.api.resources import PODS
from kubectl_caps.core.harden.admitted import lost_in_admission
from kubectl_caps.core.harden.plan import HardenOptions
from kubectl_caps.core.harden.result import HardenResult
from kubectl_caps.core.kubernetes.made_pods import for_dry_run, pod_from
from kubectl_caps.core.kubernetes.pod import Pod
from kubectl_caps.core.kubernetes.workloads import MalformedWorkload
from kubectl_caps.errors import ApiError, CapsError


def try_pod(cluster: Cluster, job: HardenResult, options: HardenOptions, manager: str) -> HardenResult:
    """Try the pod of the new template in a server dry run. If the pod cannot be tried, the result has a remark.

    A namespace that enforces Pod Security accepts the workload, but forbids its pods, so the pod is tried first. Raises
    CapsError if the pod would be refused, or if admission would change a hardened field.
    """
    namespace = job.workload.namespace
    try:
        pod = for_dry_run(pod_from(job.workload, job.hardening.patch.applied(job.obj), namespace), job.workload)
        made = cluster.create(PODS, namespace, pod, dry_run=True, field_manager=manager)
    except MalformedWorkload as error:
        raise CapsError(str(error)) from error
    except ApiError as error:
        if not _says_nothing(error, builtin=job.kind.builtin):
            raise CapsError(f"its pods would be refused: {error.message}") from error
        return replace(job, remarks=(*job.remarks, f"a pod of the new template could not be tried: {error.message}"))
    for loss in lost_in_admission(msgspec.convert(pod, Pod), pod_made(made), options):
        raise CapsError(f"admission changes its pods: {loss}")
    return job


def _says_nothing(error: ApiError, *, builtin: bool) -> bool:
    """Whether the refusal of a pod has another cause than the template: a missing right, or a quota.

    The pod of a custom resource may also be refused because its controller fills in missing fields.
    """
    if error.code != 403:
        return not builtin
    return refusal_cause(error) in ("no right", "quota")
