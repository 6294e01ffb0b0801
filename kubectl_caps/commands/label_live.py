"""One namespace of a cluster: what its labels would refuse, what the server says, and the labels themselves."""

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct

from kubectl_caps.cluster.census import all_workloads
from kubectl_caps.cluster.inventory import Inventory
from kubectl_caps.cluster.objects import Cluster
from kubectl_caps.cluster.resources import NAMESPACES, PODS
from kubectl_caps.core.labelling import (
    SYSTEM_NAMESPACES,
    Labelling,
    LabelPlan,
    LabelWish,
    judge,
    plan_labels,
    security_labels,
    templates,
    verdict,
    with_created,
)
from kubectl_caps.core.pod import Pod
from kubectl_caps.core.podsecurity import preview
from kubectl_caps.core.podsecurity.labels import resolve, tightens
from kubectl_caps.core.podsecurity.policy import Policy
from kubectl_caps.core.workloads import Workload, pod_of
from kubectl_caps.errors import ApiError, CapsError


class Run(Struct, frozen=True):
    """What is the same for every namespace of one command."""

    cluster: Cluster
    minor: int
    wishes: tuple[LabelWish, ...]
    dry_run: str
    overwrite: bool
    force: bool
    manager: str


def label(run: Run, namespace: dict[str, Any], inventory: Inventory) -> Labelling:
    """Judge one namespace and label it if nothing speaks against it."""
    name = namespace["metadata"]["name"]
    plan = plan_labels(namespace, run.wishes, overwrite=run.overwrite, force=run.force)
    item = start(name, namespace["metadata"].get("labels") or {}, plan, run.wishes)
    workloads = all_workloads(inventory)
    item.judged = judge(workloads, item.policy, run.minor)
    item.not_judged = tuple(str(error).removeprefix("error: ") for error in inventory.errors)
    try:
        if item.policy.level != "privileged":
            _try_templates(run, item, templates(workloads))
        refusals = [*plan.refusals, *_system(run, name), *_refusals(run, item, plan, workloads)]
        if refusals:
            item.result, item.message = "refused", "; ".join(refusals)
        elif not plan.patch.changes:
            item.result = "unchanged"
        elif run.dry_run != "client":
            _send(run, item, plan)
    except CapsError as error:
        item.result, item.message = "failed", str(error).removeprefix("error: ")
    return item


def start(name: str, labels: dict[str, str], plan: LabelPlan, wishes: Sequence[LabelWish]) -> Labelling:
    """The namespace's item before anything is judged: enforce is what is judged wherever it is asked for."""
    mode = next((wish.mode for wish in wishes if wish.mode == "enforce"), wishes[0].mode)
    return Labelling(name, security_labels(labels), security_labels(plan.labels), plan.after.of(mode), mode)


def objections(item: Labelling, *, force: bool) -> list[str]:
    """Why enforcing would break something, or may: what is refused, and what could not be judged."""
    if item.mode != "enforce" or item.policy.level == "privileged" or force:
        return []
    reasons = [f"enforce={item.policy} would refuse what is listed"] if item.judged else []
    reasons += ["not everything could be judged"] if item.not_judged else []
    return [f"{reason}; --force labels it all the same" for reason in reasons]


def _refusals(run: Run, item: Labelling, plan: LabelPlan, workloads: Sequence[Workload]) -> list[str]:
    reasons = objections(item, force=run.force)
    if item.mode != "enforce" or not plan.patch.changes or not tightens(plan.before.enforce, plan.after.enforce):
        return reasons  # the server looks at the pods only when the enforce policy tightens
    if _server_says_more(run, item, plan, workloads) and not item.judged and not run.force:
        reasons.append("the server would refuse more than this program finds; --force labels it all the same")
    return reasons


def _server_says_more(run: Run, item: Labelling, plan: LabelPlan, workloads: Sequence[Workload]) -> bool:
    """Note where the server's own verdict on the pods that exist is not ours: its configuration may exempt some."""
    warnings: list[str] = []
    _patch(run, item.namespace, plan, dry_run=True, warnings=warnings)
    pods = {
        workload.name: verdict(workload.template, item.policy, run.minor) for workload in workloads if workload.is_pod
    }
    said, ours = preview.read(warnings, item.namespace), preview.expected(pods, item.namespace, item.policy)
    item.notes += tuple(preview.differences(said, ours))
    return not said.exempt and bool(set(said.lines) - set(ours))


def _try_templates(run: Run, item: Labelling, tried: Sequence[Workload]) -> None:
    """Have the server create a pod of each template in a dry run, and judge it with what webhooks put in."""
    for workload in tried:
        obj = msgspec.json.decode(workload.raw) if workload.raw else {}
        body = pod_of(obj, workload.path, workload.name, item.namespace)
        try:
            created = run.cluster.create(PODS, item.namespace, body, dry_run=True, field_manager=run.manager)
        except ApiError as error:
            _not_created(item, workload, error)
            continue
        pod = msgspec.convert(created, Pod)
        item.judged = with_created(item.judged, workload, verdict(pod, item.policy, run.minor))


def _not_created(item: Labelling, workload: Workload, error: ApiError) -> None:
    """A pod that the server would not create: refused by the policy that holds now, or not judged."""
    if "violates PodSecurity" in error.message:
        item.notes += (f"{workload.reference}: its pods are refused already: {error.message}",)
    elif error.code == 422:
        item.notes += (f"{workload.reference}: the server takes no pod of its template: {error.message}",)
    else:
        item.not_judged += (f"{workload.reference}: what webhooks put into its pods: {error.message}",)


def _system(run: Run, name: str) -> list[str]:
    return [f"{name} belongs to the system; --force labels it"] if name in SYSTEM_NAMESPACES and not run.force else []


def _send(run: Run, item: Labelling, plan: LabelPlan) -> None:
    """Label, and read again what holds."""
    try:
        _patch(run, item.namespace, plan, dry_run=run.dry_run == "server", warnings=[])
    except ApiError as error:
        if error.code == 422 and _changed_meanwhile(run, item):
            raise CapsError("its labels were changed by somebody else meanwhile; nothing was changed") from error
        raise
    if run.dry_run == "server":
        return
    now = run.cluster.get(NAMESPACES, None, item.namespace)["metadata"].get("labels") or {}
    item.result = "labeled"
    if security_labels(now) != item.after:
        item.result, item.message = "failed", "its labels were changed by somebody else right after"
    item.after, policies = security_labels(now), resolve(now)
    item.notes += (f"now holds {holds(policies.enforce, policies.audit, policies.warn)}",)


def holds(enforce: Policy, audit: Policy, warn: Policy) -> str:
    """`enforce=restricted:latest, audit=…, warn=…`."""
    return f"enforce={enforce}, audit={audit}, warn={warn}"


def _changed_meanwhile(run: Run, item: Labelling) -> bool:
    now = run.cluster.get(NAMESPACES, None, item.namespace)["metadata"].get("labels") or {}
    return security_labels(now) != item.before


def _patch(run: Run, name: str, plan: LabelPlan, *, dry_run: bool, warnings: list[str]) -> None:
    run.cluster.patch(
        NAMESPACES,
        None,
        name,
        plan.patch.json_patch(),
        dry_run=dry_run,
        field_manager=run.manager,
        warnings=warnings,
    )
