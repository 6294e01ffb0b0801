"""Makes the Job of a tracer: a privileged pod on one node. The Job ends and is deleted even if kubectl caps is killed.

The pod is privileged to mount tracefs and to write its files. It has no service account token, and not the node's
network. It sees the node's processes (hostPID) only to trace processes that already run.
"""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from kubectl_caps.core.trace.script import main_command

LABEL = "caps.kubectl/trace"
"""The label on the Jobs and pods of tracers. Its value is the id of the run."""

CONTAINER = "tracer"
"""The name of the tracer's container."""

KEPT_FOR = 30
"""Seconds that a finished Job stays."""

_SCHEDULING = ("nodeSelector", "affinity", "tolerations", "schedulerName")
"""The fields that the tracer takes from the trial pod, so that the scheduler chooses a node for the trial pod, too."""


class TracerOptions(Struct, frozen=True):
    """The namespace, image and times of a tracer.

    The tracer runs for at most `seconds`, and for `idle` seconds after the last request.
    """

    namespace: str
    image: str
    seconds: int
    idle: int


def tracer_job(run: str, options: TracerOptions, like: Mapping[str, Any], *, sees_processes: bool) -> dict[str, Any]:
    """The Job of a tracer. `like` is the spec of the pod that must be able to run on the tracer's node.

    With `sees_processes` the pod has hostPID.
    """
    own = {LABEL: run}
    fields = {key: like[key] for key in _SCHEDULING if key in like}
    host = {"hostPID": True} if sees_processes else {}
    template = {"metadata": {"labels": own}, "spec": {**fields, **host, **_pod_spec(run, options)}}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": f"caps-trace-{run}", "labels": own},
        "spec": {
            "activeDeadlineSeconds": options.seconds + 30,
            "ttlSecondsAfterFinished": KEPT_FOR,
            "template": template,
        },
    }


def _pod_spec(run: str, options: TracerOptions) -> dict[str, Any]:
    return {
        "restartPolicy": "OnFailure",  # after SIGKILL the new process removes the trace instances
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 15,
        "volumes": [{"name": "caps", "emptyDir": {"medium": "Memory", "sizeLimit": "64Mi"}}],
        "containers": [
            {
                "name": CONTAINER,
                "image": options.image,
                "imagePullPolicy": "IfNotPresent",
                "command": main_command(run, options.seconds, options.idle),
                "securityContext": {"privileged": True, "runAsUser": 0, "runAsNonRoot": False},
                "volumeMounts": [{"name": "caps", "mountPath": "/caps"}],
            }
        ],
    }


def pinned(spec: Mapping[str, Any], node: str) -> dict[str, Any]:
    """The pod spec with a node affinity for one node, as a DaemonSet's controller makes it.

    The scheduler still checks the node. The terms of an affinity are alternatives, so each term requires the node.
    """
    affinity = dict(spec.get("affinity") or {})
    own = dict(affinity.get("nodeAffinity") or {})
    required = dict(own.get("requiredDuringSchedulingIgnoredDuringExecution") or {})
    field = {"key": "metadata.name", "operator": "In", "values": [node]}
    terms = required.get("nodeSelectorTerms") or [{}]
    terms = [{**term, "matchFields": [*(term.get("matchFields") or ()), field]} for term in terms]
    required["nodeSelectorTerms"] = terms
    own["requiredDuringSchedulingIgnoredDuringExecution"] = required
    return {**spec, "affinity": {**affinity, "nodeAffinity": own}}
