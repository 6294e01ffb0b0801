"""Finds the workloads for which a real pod of the controller proves the result of a dry run.

A dry run is a request of the user of `label-ns`; a controller sends its own requests. Admission may treat the two
differently: SecurityContextConstraints of OpenShift, a webhook's own code, conditions about `request.userInfo`.
"""

from collections.abc import Mapping, Sequence

from kubectl_caps.core.kubernetes.kinds import kind_of
from kubectl_caps.core.kubernetes.pod import Pod
from kubectl_caps.core.kubernetes.workloads import Workload
from kubectl_caps.core.pods.owners import Key, owner_chain, same_security, workload_key


def proven(workloads: Sequence[Workload], admitted: Mapping[Key, Pod]) -> set[Key]:
    """The workloads whose controller has made a pod with the same rights as the pod of the dry run (`admitted`).

    Only Kubernetes' own controllers count: which labels a custom controller gives its next pod is not known.
    """
    owners = {one.metadata.uid: one for one in workloads if _has_known_controller(one)}
    found: set[Key] = set()
    for pod in workloads:
        chain = list(owner_chain(pod, owners)) if pod.is_pod else []
        if all(workload_key(owner) in found for owner in chain):
            continue  # another pod has proven them
        below: Workload | None = None
        for owner in chain:
            if below and not same_security(below.template, owner.template):
                break  # the owner's template has changed since
            below, key = owner, workload_key(owner)
            if key in admitted and same_security(pod.template, admitted[key]):
                found.add(key)
    return found


def _has_known_controller(workload: Workload) -> bool:
    row = kind_of(workload.api_version, workload.kind)
    return row is not None and row.builtin and bool(row.template) and workload.kind != "PodTemplate"
