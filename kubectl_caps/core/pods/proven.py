"""Finds the workloads for which a real pod of the controller proves the result of a dry run.

A dry run is a request of the user of `label-ns`; a controller sends its own requests. Admission may treat the two
differently: SecurityContextConstraints of OpenShift, a webhook's own code, conditions about `request.userInfo`.
"""

from collections.abc import Iterator, Mapping, Sequence

from kubectl_caps.core.kubernetes.pod import Pod
from kubectl_caps.core.kubernetes.workloads import Workload
from kubectl_caps.core.pods.owners import Key, same_security, workload_key


def proven(workloads: Sequence[Workload], admitted: Mapping[Key, Pod]) -> set[Key]:
    """The workloads whose controller has made a pod with the same rights as the pod of the dry run (`admitted`)."""
    owners = {one.metadata.uid: one for one in workloads if not one.is_pod}
    return {
        key
        for pod in workloads
        if pod.is_pod
        for key in map(workload_key, _makers(pod, owners))
        if key in admitted and same_security(pod.template, admitted[key])
    }


def _makers(pod: Workload, owners: Mapping[str | None, Workload]) -> Iterator[Workload]:
    """The owners of a pod, the nearest first. They end before an owner whose template has changed since."""
    below: Workload | None = None
    controller = pod.metadata.controller
    while controller and (owner := owners.get(controller.uid)):
        if below and not same_security(below.template, owner.template):
            return
        yield owner
        below, controller = owner, owner.metadata.controller
