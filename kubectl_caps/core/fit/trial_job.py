"""Makes the Job of a trial. The Job ends and is deleted even if `fit` has been killed.

`activeDeadlineSeconds` ends the pod, `ttlSecondsAfterFinished` deletes Job and pod (batch/v1 JobSpec). The Job has no
owner.
"""

import copy
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

from kubectl_caps.core.fit.search_types import Grants
from kubectl_caps.core.fit.trial_pod import TrialPod, all_containers
from kubectl_caps.core.kubernetes.job_run import true_condition
from kubectl_caps.core.linux.sets import CapabilitySet

LABEL = "caps.kubectl/fit"
"""The label on the Jobs and pods of trials. Its value is the id of the run."""

KEPT_FOR = 30
"""Seconds that a finished Job stays, so that its logs can be read."""

_LONGEST_NAME = 63
"""The longest name of a Job, because the name is the value of a label on its pods."""

Escalation = Literal["false", "keep"]


def trial_name(workload: str, run: str, number: int) -> str:
    """The name of a trial's Job, such as `web-caps-fit-x7k2p-3`. It is at most as long as the value of a label."""
    end = f"-caps-fit-{run}-{number}"
    return f"{workload[: _LONGEST_NAME - len(end)].rstrip('-.')}{end}"


def trial_job(name: str, run: str, pod: TrialPod, labels: Mapping[str, str], deadline: float) -> dict[str, Any]:
    """The Job for a trial pod. `labels` are the labels of the pod, `deadline` is in seconds."""
    own = {LABEL: run}
    template = {"metadata": {"labels": {**labels, **own}, "annotations": pod.annotations}, "spec": pod.spec}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "labels": own},
        "spec": {
            "backoffLimit": 0,
            "activeDeadlineSeconds": max(int(deadline), 1),
            "ttlSecondsAfterFinished": KEPT_FOR,
            "template": template,
        },
    }


def with_rights(
    spec: Mapping[str, Any], adds: Grants, containers: Sequence[str], escalation: Escalation = "false"
) -> dict[str, Any]:
    """The pod spec in which each of these containers drops ALL and adds its grants of `adds`, as `harden` writes it."""
    wanted = copy.deepcopy(dict(spec))
    for container in all_containers(wanted):
        if container.get("name") not in containers:
            continue
        context = dict(container.get("securityContext") or {})
        mine = CapabilitySet.from_names(name for where, name in adds if where == container["name"]).short_names
        context["capabilities"] = {"drop": ["ALL"], **({"add": list(mine)} if mine else {})}
        if context.pop("privileged", None):
            _remove_bidirectional(container)
        if escalation == "false":
            context["allowPrivilegeEscalation"] = False
        container["securityContext"] = context
    return wanted


def _remove_bidirectional(container: dict[str, Any]) -> None:
    """Replace Bidirectional mount propagation, which only privileged containers may have (pkg/apis/core/validation)."""
    for mount in container.get("volumeMounts") or ():
        if mount.get("mountPropagation") == "Bidirectional":
            mount["mountPropagation"] = "HostToContainer"


def is_past_deadline(job: Mapping[str, Any], now: datetime) -> bool:
    """Whether a trial's Job is left over: its deadline is over, or it ended more than KEPT_FOR seconds ago.

    A Job that has just ended may belong to a run that still reads the log.
    """
    began = _time(job["metadata"]["creationTimestamp"])
    if now > began + timedelta(seconds=job["spec"].get("activeDeadlineSeconds") or 0):
        return True
    ends = [condition for kind in ("Complete", "Failed") if (condition := true_condition(job, kind))]
    ended = [_time(condition["lastTransitionTime"]) for condition in ends if condition.get("lastTransitionTime")]
    return bool(ended) and now > max(ended) + timedelta(seconds=KEPT_FOR)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
