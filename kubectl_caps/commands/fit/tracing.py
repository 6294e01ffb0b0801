"""Starts the tracer of `fit --trace` beside the trials of one workload."""

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
"""The most seconds that a tracer may run."""


def tracer_options(arguments: FitArguments, plan: TrialPlan) -> TracerOptions:
    """The namespace, image and times of the tracer. After the time of one trial without a request, the tracer ends."""
    namespace = arguments.trace_namespace or plan.namespace
    return TracerOptions(namespace, arguments.trace_image, _LONGEST, int(plan.deadline))


def tracer_words(options: TracerOptions, run: str) -> str:
    """A sentence about the rights and the end of the tracer, for the question before the trials."""
    pod = f"caps-trace-{run} of image {options.image} in namespace {options.namespace}"
    return (f"--trace makes a privileged pod {pod}: it is root on the node of the trials while it runs. It reads the "
            "kernel's trace events, and gives out only counts of the trial pods. It ends with this run, or "
            f"{2 * options.idle} s after its last use")  # fmt: skip


def start_tracing(
    cluster: Cluster, connected: Connected, run: TrialRun, options: TracerOptions, manager: str
) -> TraceAnswer:
    """Start the tracer on a node where the trials can run, and pin the trials to that node.

    The tracer starts before the baseline, because the start of the baseline must be recorded, too. If the tracer cannot
    be started, a line says why, and the trials run untraced.
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
