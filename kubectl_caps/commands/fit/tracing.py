"""`fit --trace`: the tracer beside the trials of one workload."""

from kubectl_caps.cli.fit import FitArguments
from kubectl_caps.cluster.api.client import Cluster
from kubectl_caps.cluster.http.transport import Connected
from kubectl_caps.commands.trials.plan import TrialPlan
from kubectl_caps.commands.trials.run import TrialRun, remove_left_overs
from kubectl_caps.commands.trials.tracer import start_tracer
from kubectl_caps.core.fit.result import TraceAnswer
from kubectl_caps.core.trace.tracer_job import LABEL, TracerOptions
from kubectl_caps.errors import CapsError
from kubectl_caps.report.terminal import say

_LONGEST = 3600
"""Seconds that a tracer may run at most."""


def tracer_options(arguments: FitArguments, plan: TrialPlan) -> TracerOptions:
    """Where the tracer runs, and when it ends if nobody asks it any more: after the time of one trial."""
    namespace = arguments.trace_namespace or plan.namespace
    return TracerOptions(namespace, arguments.trace_image, _LONGEST, int(plan.deadline))


def tracer_words(options: TracerOptions, run: str) -> str:
    """A sentence about the tracer's power and its end, for the question before the trials."""
    pod = f"caps-trace-{run} of image {options.image} in namespace {options.namespace}"
    return (f"--trace makes a privileged pod {pod}: it is root on the node of the trials while it runs. It reads the "
            "kernel's trace events, of which only counts of the trial pods leave it. It ends with this run, or "
            f"{2 * options.idle} s after its last use")  # fmt: skip


def start_tracing(
    cluster: Cluster, connected: Connected, run: TrialRun, options: TracerOptions, manager: str
) -> TraceAnswer:
    """Start the tracer on a node that suits the trials, and pin the trials to that node.

    Without a tracer the trials run as they do without --trace, and a line says why. The other way round, with a tracer
    on the node that the baseline came to, the beginning of the baseline would not be recorded.
    """
    try:
        remove_left_overs(cluster, options.namespace, LABEL, "tracers")
        run.tracer = start_tracer(cluster, connected, run.plan.run, options, run.plan.pod.spec, manager)
    except CapsError as error:
        say(f"{run.reference}: nothing is traced: {error.words}; fit goes on by logs and search")
        return TraceAnswer(incomplete=error.words)
    run.pin(run.tracer.node)
    say(f"{run.reference}: the trials run on node {run.tracer.node}, where the tracer is ready")
    return TraceAnswer(node=run.tracer.node)
