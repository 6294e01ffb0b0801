"""The Job of a tracer: a privileged pod on one node that ends and is deleted by itself, even if we have died.

Privileged is needed to mount tracefs and to write its files. The pod has no token and no network of the node's. It sees
the node's processes (hostPID) only where processes that run already are traced.
"""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from kubectl_caps.core.trace.script import main_command

LABEL = "caps.kubectl/trace"
"""The label on the Jobs and pods of tracers; its value is the run's id."""

CONTAINER = "tracer"
"""The name of its container."""

KEPT_FOR = 30
"""Seconds that a finished Job stays."""

_SCHEDULING = ("nodeSelector", "affinity", "tolerations", "schedulerName")
"""Fields of the trial pod that the tracer has as well, so that the scheduler chooses a node that suits the trial."""


class TracerOptions(Struct, frozen=True):
    """Where the tracer runs and how long: at most `seconds`, and `idle` seconds after the last question."""

    namespace: str
    image: str
    seconds: int
    idle: int


def tracer_job(run: str, options: TracerOptions, like: Mapping[str, Any], *, sees_processes: bool) -> dict[str, Any]:
    """The Job. `like` has the fields of the pod whose node it shall be able to be on."""
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
        "restartPolicy": "OnFailure",  # after SIGKILL it is started again, to remove its trace instances
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
    """The pod spec for one node only, as a DaemonSet's controller pins its pods: the scheduler still decides.

    Terms of a node affinity are alternatives, so the node is required in each of them.
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
