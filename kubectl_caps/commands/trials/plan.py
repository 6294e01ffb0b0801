"""Makes the plan for the trials of a workload: pod, labels and deadline, checked by a server dry run."""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from kubectl_caps.cluster.api.client import Cluster
from kubectl_caps.cluster.api.random_suffix import random_suffix
from kubectl_caps.cluster.api.refusals import refusal_cause
from kubectl_caps.cluster.api.resources import JOBS, PODS
from kubectl_caps.cluster.api.rights import account_may_write_leases, lacking
from kubectl_caps.cluster.read.selectors import selecting_objects
from kubectl_caps.cluster.read.trial_pods import check_rights
from kubectl_caps.core.fit.options import TrialOptions
from kubectl_caps.core.fit.search_types import Grants
from kubectl_caps.core.fit.second_copy import LeaseRight, has_token, second_copy_warnings
from kubectl_caps.core.fit.selectors import own_selector, selectors_of, unselected
from kubectl_caps.core.fit.trial_job import LABEL, Escalation, trial_job, trial_name, with_rights
from kubectl_caps.core.fit.trial_pod import TrialPod, ends_by_itself, priority_given, trial_pod
from kubectl_caps.core.kubernetes.controller_labels import JOB_LABELS
from kubectl_caps.core.kubernetes.made_pods import pod_from
from kubectl_caps.core.kubernetes.pod import PodTemplate
from kubectl_caps.core.kubernetes.workloads import MalformedWorkload, Workload
from kubectl_caps.errors import ApiError, CapsError, InputError

_SLACK = 30.0
"""Seconds between a trial's time limit and the deadline of its Job, which ends the trial if `fit` has been killed."""


class TrialPlan(Struct, frozen=True):
    """The pod of the trials, the labels that it keeps, and its differences from the workload's own pods.

    `ends` says that the pod is meant to end. `warnings` are sentences about the harm that a second copy may do.
    `deadline` is the deadline of each Job in seconds.
    """

    run: str
    name: str
    namespace: str
    pod: TrialPod
    labels: dict[str, str]
    ends: bool
    differences: tuple[str, ...]
    warnings: tuple[str, ...]
    deadline: float

    def template(self, adds: Grants | None, containers: list[str], escalation: Escalation) -> TrialPod:
        """The pod of one trial. If `adds` is None, the pod has today's rights."""
        if adds is None:
            return self.pod
        spec = with_rights(self.pod.spec, adds, containers, escalation)
        return msgspec.structs.replace(self.pod, spec=spec)

    def job(self, number: int, pod: TrialPod) -> dict[str, Any]:
        """The Job of one trial."""
        return trial_job(trial_name(self.name, self.run, number), self.run, pod, self.labels, self.deadline)


def plan_trials(cluster: Cluster, workload: Workload, obj: Mapping[str, Any], options: TrialOptions) -> TrialPlan:
    """The plan for the trials of a workload. Raises CapsError if no trial may be made."""
    namespace = workload.namespace
    if workload.places is not None:
        raise CapsError(f"{workload.reference}: no trial is made: it has no pod template, its controller makes one")
    try:
        own = pod_from(workload, obj, namespace)
    except MalformedWorkload as error:
        raise InputError(f"{workload.reference}: {error}") from error
    pod = trial_pod(own, options.volumes, is_pod=workload.is_pod)
    if pod.refusals:
        raise CapsError(f"{workload.reference}: no trial is made: {'; '.join(pod.refusals)}")
    run = random_suffix()
    labels, said = _labels(cluster, workload, obj, pod, run)
    ends = ends_by_itself(own)
    return TrialPlan(
        run=run,
        name=workload.name,
        namespace=namespace,
        pod=pod,
        labels=labels,
        ends=ends,
        differences=(*pod.differences, *said),
        warnings=tuple(second_copy_warnings(pod.spec, ends=ends, leases=_lease_right(cluster, namespace, pod))),
        deadline=options.timeout + options.settle + _SLACK,
    )


def _labels(
    cluster: Cluster, workload: Workload, obj: Mapping[str, Any], pod: TrialPod, run: str
) -> tuple[dict[str, str], tuple[str, ...]]:
    """The labels that a trial pod keeps, and sentences about the labels that are left out.

    Raises CapsError if a selector would select the pod with any labels and do harm.
    """
    objects, errors = selecting_objects(cluster, workload.namespace)
    # An autoscaler of a custom resource counts the pods that the selector of the custom resource selects.
    own = [] if workload.kind in objects else [own_selector(workload.reference, obj)]
    selectors = [*selectors_of(objects), *filter(None, own)]
    fixed = {LABEL: run, **dict.fromkeys(JOB_LABELS, "")}
    left = unselected({} if errors else pod.labels, fixed, selectors)
    harmful = [one.owner for one in left.unavoidable if not one.harmless]
    if harmful:
        raise CapsError(f"{workload.reference}: no trial is made: {', '.join(harmful)} would select its pod, whatever "
                        "its labels are")  # fmt: skip
    said = [f"{one.owner} applies to it, as it does to every pod" for one in left.unavoidable]
    if errors and pod.labels:
        reasons = dict.fromkeys(lacking(error, "list") for error in errors)
        said.append(f"it has none of the labels, because {'; '.join(reasons)}")
    elif left.removed:
        said.append(f"it has no label {', '.join(sorted(left.removed))}, so that nothing selects it")
    return left.labels, tuple(said)


def _lease_right(cluster: Cluster, namespace: str, pod: TrialPod) -> LeaseRight:
    if not has_token(pod.spec):
        return False
    try:
        may = account_may_write_leases(cluster, namespace, pod.spec.get("serviceAccountName") or "default")
    except ApiError as error:
        return lacking(error, "create")
    return "the server does not tell" if may is None else may


def check_trial_rights(cluster: Cluster, namespace: str, options: TrialOptions) -> None:
    """Raise CapsError if the user lacks a right to create, watch, judge or delete trials."""
    needed = [("create", "batch/jobs"), ("delete", "batch/jobs"), ("list", "batch/jobs"), ("list", "pods")]
    needed += [("get", "pods/log"), *([("create", "pods/exec")] if options.probe else [])]
    check_rights(cluster, namespace, needed, "trials need")


def dry_run_trials(cluster: Cluster, plan: TrialPlan, pods: list[TrialPod], manager: str) -> TrialPlan:
    """Try the Job and its pods in server dry runs. Returns the plan with sentences about the server's changes.

    Raises CapsError if the server would refuse the Job or a pod. A missing right to create pods is only a warning,
    because the Job controller makes the pods.
    """
    found, untried = dict[str, None](), dict[str, None]()
    job = plan.job(0, pods[0])
    cluster.create(JOBS, plan.namespace, job, dry_run=True, field_manager=manager)
    for pod in pods:
        try:
            made = cluster.create(PODS, plan.namespace, pod_body(plan, pod), dry_run=True, field_manager=manager)
            found.update(dict.fromkeys(priority_given(made.get("spec") or {})))
        except ApiError as error:
            if refusal_cause(error) != "no right":
                raise CapsError(f"its trial pods would be refused: {error.message}") from error
            why = f"{lacking(error, 'create')}: whether admission accepts trial pods is not known before they are made"
            untried[why] = None
    return msgspec.structs.replace(
        plan, differences=(*plan.differences, *found), warnings=(*plan.warnings, *untried)
    )


def pod_body(plan: TrialPlan, pod: TrialPod) -> dict[str, Any]:
    """The pod that a trial's Job makes, as the body of a create request."""
    metadata = {"labels": {**plan.labels, LABEL: plan.run}, "annotations": pod.annotations}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {**metadata, "generateName": f"{plan.name[:40]}-", "namespace": plan.namespace},
        "spec": pod.spec,
    }


def as_template(pod: TrialPod) -> PodTemplate:
    """The trial pod with only the judged fields."""
    return msgspec.convert({"metadata": {"annotations": pod.annotations}, "spec": pod.spec}, PodTemplate)
