"""Labels one namespace of a cluster: judges its workloads, compares with the server's verdict, sets the labels."""

from collections.abc import Sequence
from threading import Event
from typing import Any

from kubectl_caps.cluster.api.client import Cluster
from kubectl_caps.cluster.api.refusals import refusal_cause
from kubectl_caps.cluster.api.resources import NAMESPACES
from kubectl_caps.cluster.api.rights import lacking
from kubectl_caps.cluster.read.namespaces import all_workloads
from kubectl_caps.cluster.read.workloads import Inventory, list_kinds
from kubectl_caps.commands.label_ns.admitted_pods import AdmissionResult, dry_run_pods
from kubectl_caps.commands.shared.late_patch import Unanswered, is_refusal, wait_for_change
from kubectl_caps.core.assess.coverage import Coverage
from kubectl_caps.core.kubernetes.kinds import WORKLOADS
from kubectl_caps.core.kubernetes.workloads import Workload
from kubectl_caps.core.label.plan_labels import SYSTEM_NAMESPACES, LabelOptions, LabelPlan, plan_labels, security_labels
from kubectl_caps.core.label.verdicts import (
    Labelling,
    Verdicts,
    finished_jobs,
    fixed_by_webhook,
    judge,
    new_result,
    objections,
    other_modes,
    unproven_fixes,
    unseen,
)
from kubectl_caps.core.pods.inactive import inactive
from kubectl_caps.core.pods.mutating_admission import MutatingAdmission
from kubectl_caps.core.pods.owners import Key, workload_key
from kubectl_caps.core.podsecurity import enforce_warnings
from kubectl_caps.core.podsecurity.labels import resolve, tightens
from kubectl_caps.core.podsecurity.older_servers import older_server_sentences
from kubectl_caps.errors import ApiError, CapsError, Unreachable
from kubectl_caps.report.terminal import warn

LOOKS = 2
"""The most comparisons with the server's verdict. The verdicts also differ if a pod comes or goes in between."""


class LabelRun(LabelOptions, frozen=True, kw_only=True):
    """The parameters that all namespaces of one command share."""

    cluster: Cluster
    source: dict[str, str]
    dry_run: str
    manager: str
    admission: MutatingAdmission


def label(run: LabelRun, namespace: dict[str, Any], inventory: Inventory) -> Labelling:
    """Judge one namespace, and label it if there is no objection. An error becomes the result `failed`."""
    name = namespace["metadata"]["name"]
    plan = plan_labels(namespace, run.requests, overwrite=run.overwrite, force=run.force)
    item = new_result(name, namespace["metadata"].get("labels") or {}, plan, run)
    try:
        extra, known = _judge(run, item, plan, inventory) if item.policy.level != "privileged" else ([], None)
        by_name = SYSTEM_NAMESPACES if not run.force else ()
        system = [f"{name} belongs to the system; --force labels it"] if name in by_name else []
        refusals = [*plan.refusals, *system, *objections(item, force=run.force), *extra]
        if refusals:
            item.result, item.message = "refused", "; ".join(refusals)
        elif not plan.patch.changes:
            item.result = "unchanged"
        elif run.dry_run == "none" or (run.dry_run == "server" and known is None):
            _send(run, item, plan, known or [])
    except CapsError as error:
        item.result, item.message = "failed", error.words
    return item


def _judge(run: LabelRun, item: Labelling, plan: LabelPlan, inventory: Inventory) -> tuple[list[str], list[str] | None]:
    """Add everything that the policy would refuse to `item`.

    Returns further objections to enforcing the policy, and the known warnings of the server about the labels; None if
    the server was not asked.
    """
    workloads = all_workloads(inventory)
    item.not_judged += tuple(lacking(error, "list") for error in inventory.errors)
    item.notes += tuple(inventory.notes)
    gone = inactive(workloads)
    active = [workload for workload in workloads if workload_key(workload) not in gone]
    tried = dry_run_pods(run.cluster, item.namespace, run.manager, active, workloads)
    verdicts = Verdicts(item.policy, run.minor, tried.admitted, tried.uncertain)
    left = _note(item, workloads, tried, verdicts)
    unknown = unseen(workloads, item.policy)
    item.not_judged += tuple(unknown)
    left |= {workload_key(workload) for alike in unknown.values() for workload in alike}
    judged = sum(workload_key(workload) not in left for workload in active)
    item.coverage = Coverage(judged, len(gone), len(inventory.errors) + len(active) - judged)
    open_ones = [one for one in active if workload_key(one) in tried.uncertain and not verdicts.of(one)]
    doubts = run.admission.doubts(plan.present, plan.labels, active, open_ones)
    item.not_judged += tuple(doubts)
    item.notes += tuple(f"{words}: no verdict depends on it" for words in run.admission.hidden if not doubts)
    if run.minor is None:
        item.notes += (f"the API server does not tell its version: judged by the rules of v1.{item.minor}",)
        item.not_judged += tuple(older_server_sentences(active, item.policy))
    item.judged = judge(workloads, verdicts)
    item.notes += tuple(other_modes(item, plan, run, workloads, verdicts))
    if item.mode != "enforce" or not plan.patch.changes or not tightens(plan.before.enforce, plan.after.enforce):
        return [], None  # the server judges the pods only if the enforce policy becomes stricter
    try:
        return _compared(run, item, plan, workloads, verdicts)
    except ApiError as error:
        if run.dry_run != "client":
            raise
        item.notes += (f"the server gave no verdict of its own: {error.words}",)
        return [], None


def _note(item: Labelling, workloads: Sequence[Workload], tried: AdmissionResult, verdicts: Verdicts) -> set[Key]:
    """Add the results of the dry runs to `item`; return the workloads whose pods could not be tried."""
    left: set[Key] = set()
    for alike, error in tried.refused:
        workload = alike[0]
        refuses = verdicts.template_verdict(workload)
        if refuses and isinstance(error, ApiError) and refusal_cause(error) == "Pod Security":
            item.notes += (f"{workload.reference}: its pods are refused already: {error.message}",)
        else:
            item.not_judged += (f"{workload.reference}: no pod could be created in a dry run: {error.words}",)
            left |= set(map(workload_key, alike))
    for reference in fixed_by_webhook(workloads, verdicts):
        item.notes += (f"{reference}: its template would be refused, but not its pods, which a webhook fixes",)
    for reference in unproven_fixes(workloads, verdicts):
        why = "no pod that its controller has made shows that the controller gets the same"
        item.notes += (f"{reference}: its pod passes in a dry run, but {why}",)
    for reference in finished_jobs(workloads, verdicts):
        item.notes += (f"{reference}: is finished, but would be refused if created again",)
    return left


def _compared(
    run: LabelRun, item: Labelling, plan: LabelPlan, workloads: list[Workload], verdicts: Verdicts
) -> tuple[list[str], list[str]]:
    """Compare the server's verdict on the existing pods with the verdict here. Returns the same as `_judge`.

    The verdicts may differ, because the server's configuration may exempt pods.
    """
    for look in range(LOOKS):
        warnings: list[str] = []
        _patch(run, item.namespace, plan, dry_run=True, warnings=warnings)
        pods = {workload.name: verdicts.template_verdict(workload) for workload in workloads if workload.is_pod}
        said = enforce_warnings.read_warnings(warnings, item.namespace)
        ours = enforce_warnings.expected(pods, item.namespace, item.policy)
        extra, missing = enforce_warnings.compare(said, ours)
        if said.exempt or not (extra or missing) or look == LOOKS - 1:
            break
        others = [workload for workload in workloads if not workload.is_pod]
        workloads = others + all_workloads(list_kinds(run.cluster, WORKLOADS[:1], item.namespace, run.source))
        verdicts = Verdicts(item.policy, run.minor, verdicts.admitted, verdicts.uncertain)
        item.judged = judge(workloads, verdicts)
    if run.dry_run == "server":
        for text in said.others:
            warn(text)
    known = [*said.lines, *ours]
    if said.exempt:
        item.notes += ("the server exempts this namespace from Pod Security, so its labels are ignored",)
        return [], known
    item.notes += tuple(f"only the server says: {line}" for line in extra)
    item.notes += tuple(f"the server does not say (its configuration may exempt it): {line}" for line in missing)
    reason = "the server would refuse more than is found here; --force labels it anyway"
    return [reason] if extra and not item.judged and not run.force else [], known


def _send(run: LabelRun, item: Labelling, plan: LabelPlan, known: list[str]) -> None:
    """Set the labels, and then read the labels again. `known` are the lines of the server's earlier warnings."""
    warnings: list[str] = []
    try:
        answer = _patch(run, item.namespace, plan, dry_run=run.dry_run == "server", warnings=warnings)
    except (ApiError, Unreachable) as error:
        _not_answered(run, item, error)
        return
    said = enforce_warnings.read_warnings(warnings, item.namespace)
    for text in said.others:
        warn(text)
    if run.dry_run == "server":
        return
    item.result, wanted = "labeled", item.after
    new, _ = enforce_warnings.compare(said, known)
    item.not_judged += tuple(f"only the server says, since it is labeled: {line}" for line in new)
    item.after = security_labels((answer.get("metadata") or {}).get("labels") or {})
    try:
        item.after = _labels(run, item.namespace)
    except CapsError as error:
        item.not_judged += (f"the labels could not be read again: {error.words}",)
    if item.after != wanted:
        item.result, item.message = "failed", "its labels were changed by somebody else right after"
    _note_policy(item)


def _not_answered(run: LabelRun, item: Labelling, error: ApiError | Unreachable) -> None:
    """Find out whether a patch was applied, although its answer was an error. Raises CapsError if it was not."""
    refused = is_refusal(error)
    if run.dry_run == "server" or (refused and getattr(error, "code", 0) != 422):
        raise error
    try:
        if not refused:
            wait_for_change(error, lambda: _labels(run, item.namespace) == item.after or None, Event())
        elif (found := _labels(run, item.namespace)) != item.after:  # a proxy that sends a patch twice gets 422
            if found != item.before:
                words = "its labels were changed by somebody else in the meantime; nothing was changed"
                raise CapsError(words) from error
            raise error
    except Unanswered as unanswered:
        item.result, item.message = "unknown", unanswered.words
        return
    item.result = "labeled"
    item.notes += (f"its labels are set, although the server's answer was lost: {error.words}",)
    _note_policy(item)


def _note_policy(item: Labelling) -> None:
    holds = resolve(item.after)
    item.notes += (f"now holds enforce={holds.enforce}, audit={holds.audit}, warn={holds.warn}",)


def _labels(run: LabelRun, name: str) -> dict[str, str]:
    return security_labels(run.cluster.get(NAMESPACES, None, name)["metadata"].get("labels") or {})


def _patch(run: LabelRun, name: str, plan: LabelPlan, *, dry_run: bool, warnings: list[str]) -> dict[str, Any]:
    return run.cluster.patch(
        NAMESPACES,
        None,
        name,
        plan.patch.json_patch(),
        dry_run=dry_run,
        field_manager=run.manager,
        warnings=warnings,
    )
