"""Finds the capabilities that admission refuses as adds, although today's pods hold them by default."""

from kubectl_caps.cluster.api.client import Cluster
from kubectl_caps.cluster.api.refusals import refusal_cause
from kubectl_caps.cluster.api.resources import PODS
from kubectl_caps.commands.trials.plan import TrialPlan, pod_body
from kubectl_caps.core.fit.options import TrialOptions
from kubectl_caps.core.fit.search_types import Grants
from kubectl_caps.errors import ApiError


def refused_grants(
    cluster: Cluster, plan: TrialPlan, held: Grants, containers: list[str], options: TrialOptions
) -> tuple[Grants, str]:
    """The grants that the server refuses to add, and its message about the first one, from dry runs of pods.

    The level baseline forbids adding NET_RAW, which containerd gives every pod by default. The result is empty if the
    user has no right to create pods, because then dry runs show nothing.
    """
    if not _refusal(cluster, plan, held, containers, options):
        return frozenset(), ""
    refused: set[str] = set()
    first = ""
    for name in sorted({name for _, name in held}):
        adds = frozenset(grant for grant in held if grant[1] == name)
        if said := _refusal(cluster, plan, adds, containers, options):
            refused.add(name)
            first = first or said
    return frozenset(grant for grant in held if grant[1] in refused), first


def _refusal(cluster: Cluster, plan: TrialPlan, adds: Grants, containers: list[str], options: TrialOptions) -> str:
    """The reason why the server refuses a pod with these adds; empty if the server accepts the pod."""
    body = pod_body(plan, plan.template(adds, containers, options.escalation))
    try:
        cluster.create(PODS, plan.namespace, body, dry_run=True, field_manager=options.manager)
    except ApiError as error:
        if error.code in (400, 403, 422) and refusal_cause(error) != "no right":
            return error.message
    return ""
