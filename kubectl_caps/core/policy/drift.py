"""Compares a policy with its namespace: new and missing workloads, and the grants that differ."""

from collections.abc import Iterator

from kubectl_caps.core.policy import model
from kubectl_caps.core.policy.model import NamespacePolicy, PolicyWorkload


def policy_drift(policy: NamespacePolicy, now: NamespacePolicy) -> Iterator[str]:
    """A line for each difference between a policy and the policy `now`, which is built from the namespace as it is.

    The last day of a grant is not compared. An ended grant shows as a refusal.
    """
    known, found = ({one.key: one for one in side.workloads} for side in (policy, now))
    for key in sorted(known | found):
        old, new = known.get(key), found.get(key)
        if old is None and new is not None:
            yield f"{_name(new)}: is not in the policy"
        elif new is None and old is not None:
            yield f"{_name(old)}: is in the policy, but not in the namespace"
        elif old is not None and new is not None:
            yield from _of_workload(old, new)


def _of_workload(old: PolicyWorkload, new: PolicyWorkload) -> Iterator[str]:
    if old.service_account not in (model.ANY_ACCOUNT, new.service_account):
        yield f"{_name(new)}: has service account {new.service_account}, the policy {old.service_account}"
    for name in sorted({*old.containers, *new.containers}):
        if name not in new.containers:
            yield f"{_name(old)}: container {name} is in the policy, but not in the workload"
            continue
        if name not in old.containers:
            yield f"{_name(new)}: container {name} is not in the policy"
            continue
        granted, has = ({grant.name for grant in side.containers[name]} for side in (old, new))
        looser = sorted((has - granted - set(model.KEPT)) | ((granted - has) & set(model.KEPT)))
        tighter = sorted((granted - has - set(model.KEPT) - {model.DEFAULTS}) | ((has - granted) & set(model.KEPT)))
        if looser:
            yield f"{_name(new)}: container {name} goes beyond the policy by {', '.join(looser)}"
        if tighter:
            yield f"{_name(new)}: container {name} has less than the policy grants: {', '.join(tighter)}"


def _name(workload: PolicyWorkload) -> str:
    return f"{workload.kind}/{workload.name}"
