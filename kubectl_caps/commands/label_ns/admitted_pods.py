"""Creates a pod of each template in a server dry run, to get the pods as admission changes them."""

from collections.abc import Sequence

from msgspec import Struct

from kubectl_caps.cluster.api.client import Cluster
from kubectl_caps.cluster.api.decode import MalformedObject, pod_made
from kubectl_caps.cluster.api.resources import PODS
from kubectl_caps.core.kubernetes.made_pods import for_dry_run
from kubectl_caps.core.kubernetes.pod import Pod
from kubectl_caps.core.kubernetes.workloads import Workload
from kubectl_caps.core.pods.created import sample_pods
from kubectl_caps.core.pods.owners import Key, workload_key
from kubectl_caps.core.pods.proven import proven
from kubectl_caps.errors import ApiError, CapsError, InputError


class AdmissionResult(Struct):
    """The results of the dry runs.

    `admitted` are the returned pods, by the key of each workload that makes such a pod. `refused` are groups of
    workloads without a returned pod, with the error. The real pods of an `uncertain` workload may differ, because no
    pod of its controller proves the dry run. So the admitted pod does not overrule the refusal of the template.
    """

    admitted: dict[Key, Pod]
    refused: list[tuple[Sequence[Workload], CapsError]]
    uncertain: set[Key] = set()


def dry_run_pods(
    cluster: Cluster, namespace: str, manager: str, active: Sequence[Workload], workloads: Sequence[Workload]
) -> AdmissionResult:
    """Create a sample of every active workload's pods in a server dry run. Raises Unreachable, ConfigError.

    `workloads` are all workloads of the namespace, because existing pods show the pods that controllers get.
    """
    samples, malformed = sample_pods(active, namespace)
    result = AdmissionResult({}, [([workload], InputError(str(error))) for workload, error in malformed])
    for sample in samples:
        try:
            body = for_dry_run(sample.body, sample.workloads[0])
            created = cluster.create(PODS, namespace, body, dry_run=True, field_manager=manager)
            result.admitted.update(dict.fromkeys(map(workload_key, sample.workloads), pod_made(created)))
        except (ApiError, MalformedObject) as error:
            result.refused.append((sample.workloads, error))
    result.uncertain = result.admitted.keys() - proven(workloads, result.admitted)
    return result
