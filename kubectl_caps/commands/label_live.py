"""One namespace of a cluster: what its labels would refuse, what the server says, and the labels themselves."""

from collections.abc import Sequence
from typing import Any

from kubectl_caps.cluster.census import all_workloads
from kubectl_caps.cluster.failures import Refused
from kubectl_caps.cluster.inventory import Inventory, take
from kubectl_caps.cluster.objects import Cluster
from kubectl_caps.cluster.resources import NAMESPACES
from kubectl_caps.commands.label_trial import Room, Tried, attempt
from kubectl_caps.core.labelling import (
    SYSTEM_NAMESPACES,
    Asked,
    Labelling,
    LabelPlan,
    Verdicts,
    beside,
    judge,
    mended,
    objections,
    over,
    plan_labels,
    security_labels,
    start,
)
from kubectl_caps.core.mutation import Mutation
from kubectl_caps.core.podsecurity import preview
from kubectl_caps.core.podsecurity.labels import resolve, tightens
from kubectl_caps.core.workloads import WORKLOADS, Workload
from kubectl_caps.errors import ApiError, CapsError, Unreachable
from kubectl_caps.report.terminal import warn

LOOKS = 2
"""How often the server and we look at the pods before a difference between us is more than a pod that came or went."""


class Run(Asked, frozen=True, kw_only=True):
    """What is the same for every namespace of one command. `mutations`: label_trial.configured."""

    cluster: Cluster
    source: dict[str, str]
    dry_run: str
    manager: str
    mutations: list[Mutation]


def label(run: Run, namespace: dict[str, Any], inventory: Inventory) -> Labelling:
    """Judge one namespace and label it if nothing speaks against it."""
    name = namespace["metadata"]["name"]
    plan = plan_labels(namespace, run.wishes, overwrite=run.overwrite, force=run.force)
    item = start(name, namespace["metadata"].get("labels") or {}, plan, run)
    try:
        extra, known = _judge(run, item, plan, inventory) if item.policy.level != "privileged" else ([], None)
        refusals = [*plan.refusals, *_system(run, name), *objections(item, force=run.force), *extra]
        if refusals:
            item.result, item.message = "refused", "; ".join(refusals)
        elif not plan.patch.changes:
            item.result = "unchanged"
        elif run.dry_run == "none" or (run.dry_run == "server" and known is None):
            _send(run, item, plan, known or [])
    except CapsError as error:
        item.result, item.message = "failed", error.words
    return item


def _judge(run: Run, item: Labelling, plan: LabelPlan, inventory: Inventory) -> tuple[list[str], list[str] | None]:
    """Everything that the policy would refuse into `item`.

    Returned is what else speaks against enforcing it, and what the server may say of pods when the labels are set, as
    far as is known; None where it was not made to try.
    """
    workloads = all_workloads(inventory)
    item.not_judged += tuple(_unlisted(error) for error in inventory.errors)
    labels = (plan.present, plan.labels)
    tried = attempt(Room(run.cluster, item.namespace, labels, run.manager, run.mutations), workloads)
    verdicts = Verdicts(item.policy, run.minor, tried.admitted, tried.guessed)
    _note(item, workloads, tried, verdicts)
    item.judged = judge(workloads, verdicts)
    item.notes += tuple(beside(item, plan, run, workloads, verdicts))
    if item.mode != "enforce" or not plan.patch.changes or not tightens(plan.before.enforce, plan.after.enforce):
        return [], None  # the server looks at the pods only when the enforce policy tightens
    try:
        return _compared(run, item, plan, workloads, verdicts)
    except ApiError as error:
        if run.dry_run != "client":
            raise
        item.notes += (f"the server's own verdict could not be had: {error.words}",)
        return [], None


def _unlisted(error: CapsError) -> str:
    """`cronjobs (forbidden)`, `rollouts.argoproj.io (forbidden)` for a list that is."""
    if isinstance(error, ApiError) and error.code == 403 and "kind" in error.details:
        group = str(error.details.get("group", ""))
        return f"{error.details['kind']}{f'.{group}' if '.' in group else ''} (forbidden)"
    return error.words


def _note(item: Labelling, workloads: Sequence[Workload], tried: Tried, verdicts: Verdicts) -> None:
    for workload, error in tried.refused:
        if "violates PodSecurity" in error.message and verdicts.own(workload):
            item.notes += (f"{workload.reference}: its pods are refused already: {error.message}",)
        else:
            item.not_judged += (f"{workload.reference}: what the server puts into its pods: {error.words}",)
    item.not_judged += tuple(f"{workload.reference}: {why}" for workload, why in tried.untried)
    for reference in mended(workloads, verdicts):
        item.notes += (f"{reference}: its template would be refused, but a webhook mends its pods on their way",)
    for reference in over(workloads, verdicts):
        item.notes += (f"{reference}: is finished, but would be refused if it were made again",)


def _compared(
    run: Run, item: Labelling, plan: LabelPlan, workloads: list[Workload], verdicts: Verdicts
) -> tuple[list[str], list[str]]:
    """The server's own verdict on the pods that exist beside ours; its configuration may exempt some."""
    for look in range(LOOKS):
        warnings: list[str] = []
        _patch(run, item.namespace, plan, dry_run=True, warnings=warnings)
        pods = {workload.name: verdicts.own(workload) for workload in workloads if workload.is_pod}
        said = preview.read(warnings, item.namespace)
        ours = preview.expected(pods, item.namespace, item.policy)
        extra, missing = preview.compare(said, ours)
        if said.exempt or not (extra or missing) or look == LOOKS - 1:
            break
        others = [workload for workload in workloads if not workload.is_pod]
        workloads = others + all_workloads(take(run.cluster, WORKLOADS[:1], item.namespace, run.source))
        verdicts = Verdicts(item.policy, run.minor, verdicts.admitted, verdicts.guessed)
        item.judged = judge(workloads, verdicts)
    if run.dry_run == "server":
        _pass_on(said)
    known = [*said.lines, *ours]
    if said.exempt:
        item.notes += ("the server exempts this namespace from Pod Security, so its labels are ignored",)
        return [], known
    item.notes += tuple(f"only the server says: {line}" for line in extra)
    item.notes += tuple(f"the server does not say (its configuration may exempt it): {line}" for line in missing)
    reason = "the server would refuse more than is found here; --force labels it all the same"
    return [reason] if extra and not item.judged and not run.force else [], known


def _system(run: Run, name: str) -> list[str]:
    return [f"{name} belongs to the system; --force labels it"] if name in SYSTEM_NAMESPACES and not run.force else []


def _send(run: Run, item: Labelling, plan: LabelPlan, known: list[str]) -> None:
    """Label, and read again what holds. `known`: see _judge."""
    warnings: list[str] = []
    try:
        answer = _patch(run, item.namespace, plan, dry_run=run.dry_run == "server", warnings=warnings)
    except (ApiError, Unreachable) as error:
        _not_answered(run, item, error)
        return
    said = preview.read(warnings, item.namespace)
    _pass_on(said)
    if run.dry_run == "server":
        return
    item.result, wanted = "labeled", item.after
    new, _ = preview.compare(said, known)
    item.not_judged += tuple(f"only the server says, since it is labeled: {line}" for line in new)
    item.after = security_labels((answer.get("metadata") or {}).get("labels") or {})
    try:
        item.after = _labels(run, item.namespace)
    except CapsError as error:
        item.not_judged += (f"whether it holds could not be read again: {error.words}",)
    if item.after != wanted:
        item.result, item.message = "failed", "its labels were changed by somebody else right after"
    _holds(item)


def _not_answered(run: Run, item: Labelling, error: ApiError | Unreachable) -> None:
    """What is known of the labels after a patch that was not answered well. Raises CapsError if they are not set."""
    refused = isinstance(error, Refused) or (isinstance(error, ApiError) and 300 <= error.code < 500)
    if run.dry_run == "server" or (refused and getattr(error, "code", 0) != 422):
        raise error
    try:
        found = _labels(run, item.namespace)
    except CapsError:
        found = None
    if refused and found not in (None, item.before):
        raise CapsError("its labels were changed by somebody else meanwhile; nothing was changed") from error
    if refused:
        raise error
    if found == item.before:
        raise CapsError(f"{error.words}; read again, its labels are as before") from error
    if found == item.after:
        item.result = "labeled"
        item.notes += (f"its labels are set, although the server did not answer that: {error.words}",)
        _holds(item)
    else:
        item.result, item.message = "unknown", error.words


def _holds(item: Labelling) -> None:
    holds = resolve(item.after)
    item.notes += (f"now holds enforce={holds.enforce}, audit={holds.audit}, warn={holds.warn}",)


def _pass_on(said: preview.Preview) -> None:
    for text in said.others:
        warn(text)


def _labels(run: Run, name: str) -> dict[str, str]:
    return security_labels(run.cluster.get(NAMESPACES, None, name)["metadata"].get("labels") or {})


def _patch(run: Run, name: str, plan: LabelPlan, *, dry_run: bool, warnings: list[str]) -> dict[str, Any]:
    return run.cluster.patch(
        NAMESPACES,
        None,
        name,
        plan.patch.json_patch(),
        dry_run=dry_run,
        field_manager=run.manager,
        warnings=warnings,
    )
