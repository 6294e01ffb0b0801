"""Runs one trial pod of a template that is about to be sent to the server."""

from collections.abc import Mapping
from threading import Event
from typing import Any

from kubectl_caps.cluster.api.client import Cluster
from kubectl_caps.commands.trials.logs import Wordings
from kubectl_caps.commands.trials.plan import check_trial_rights, plan_trials
from kubectl_caps.commands.trials.run import TrialRun
from kubectl_caps.core.diagnosis.attribution import Loss
from kubectl_caps.core.fit.canary import declared_grants
from kubectl_caps.core.fit.options import TrialOptions
from kubectl_caps.core.fit.result import TrialEnd
from kubectl_caps.core.fit.trial_pod import all_containers
from kubectl_caps.core.kubernetes.workloads import Workload
from kubectl_caps.errors import ApiError, CapsError
from kubectl_caps.report.terminal import say


class NoCanary(Exception):
    """No trial may be made. The text is the reason."""


def try_canary(
    cluster: Cluster,
    workload: Workload,
    wanted: Mapping[str, Any],
    options: TrialOptions,
    normal: Wordings,
    losses: Mapping[str, Loss],
    limit: float | None,
    stop: Event,
) -> TrialEnd:
    """Run one trial pod of the `wanted` object to its end. Raises NoCanary if no trial may be made, CapsError.

    `normal` are the complaints of the workload's current pods. `losses` are the capabilities that the change takes from
    each container. A pod must be ready within `limit` seconds; None if no current pod shows how long that takes.
    """
    try:
        plan = plan_trials(cluster, workload, wanted, options)
        check_trial_rights(cluster, workload.namespace, options)
    except CapsError as error:
        raise NoCanary(error.words) from error
    say(*(f"{workload.reference}: its canary pod differs from its own pods: {text}" for text in plan.differences))
    say(*(f"{workload.reference}: {text}" for text in plan.warnings))
    with TrialRun(cluster, None, plan, options, workload.reference, stop) as run:
        run.normal |= normal
        run.limit = limit
        names = [container.get("name", "") for container in all_containers(plan.pod.spec)]
        try:
            trial = run.start(declared_grants(plan.pod.spec), plan.pod, names, dict(losses))
        except ApiError as error:  # a quota, admission or a policy refuses the Job
            raise NoCanary(error.words) from error
        return run.wait_for_end(lambda: f"{workload.reference}: its canary pod runs for {trial.seconds:.0f} s")
