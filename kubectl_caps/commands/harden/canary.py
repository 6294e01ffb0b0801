"""Runs the canary of a hardening: one pod of the hardened template, before the workload itself is changed."""

from kubectl_caps.cluster.api.client import Cluster
from kubectl_caps.commands.harden.watch import RolloutOptions, WatchStopped
from kubectl_caps.commands.harden.watcher import Watcher
from kubectl_caps.commands.trials.canary import NoCanary, try_canary
from kubectl_caps.commands.trials.run import TrialsStopped
from kubectl_caps.core.fit.canary import allows_an_extra_pod
from kubectl_caps.core.fit.options import TrialOptions
from kubectl_caps.core.harden.result import Diagnosis, HardenResult
from kubectl_caps.report.terminal import say

_LONGEST = 600.0
"""Seconds within which a canary must become ready if the current pods show no limit."""


def canary_trouble(
    cluster: Cluster, job: HardenResult, watch: RolloutOptions, watcher: Watcher, *, watched: bool
) -> tuple[str, tuple[Diagnosis, ...]]:
    """The reason why the canary pod failed, with the diagnoses; empty if the pod works or no canary is made.

    Without `--canary`, a canary is made only for a workload whose rollout runs an extra pod, too, and a canary that
    cannot be made is only a note. With `--canary` it is a failure. Raises CapsError, WatchStopped.
    """
    asked = watch.canary == "yes"
    wanted = asked or (watch.canary == "auto" and watched and allows_an_extra_pod(job.kind.kind, job.obj))
    if not wanted or not watch.wait:
        return "", ()
    options = TrialOptions(
        settle=watch.settle,
        timeout=min(watch.timeout, _LONGEST),
        volumes="share" if asked else "refuse",
        manager=watch.manager,
    )
    hardened = job.hardening.patch.applied(job.obj)
    normal = watcher.complaints.old_wordings
    try:
        end = try_canary(
            cluster, job.workload, hardened, options, normal, watcher.losses, watcher.ready_limit, watcher.stop
        )
    except NoCanary as error:
        return _not_made(job, str(error), asked=asked)
    except TrialsStopped as stopped:
        raise WatchStopped from stopped
    if end.outcome == "notTried":
        return _not_made(job, end.message, asked=asked)
    if end.outcome == "refused" and watch.accept_complaints:
        say(f"{job.workload.reference}: accepted: its canary pod {end.message}")
    elif end.outcome != "passed":
        return f"its canary pod does not work: {end.message}", end.diagnoses
    else:
        say(f"{job.workload.reference}: its canary pod works")
    return "", ()


def _not_made(job: HardenResult, why: str, *, asked: bool) -> tuple[str, tuple[Diagnosis, ...]]:
    if asked:
        return f"no canary pod could be made: {why}", ()
    say(f"{job.workload.reference}: no canary pod is tried: {why}")
    return "", ()
