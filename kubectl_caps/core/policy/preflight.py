"""Judges every object of a namespace by a policy, before the policy is applied."""

from collections.abc import Sequence
from datetime import date

from msgspec import Struct

from kubectl_caps.core.kubernetes.workloads import Workload
from kubectl_caps.core.pods.inactive import inactive
from kubectl_caps.core.pods.owners import Key, workload_key
from kubectl_caps.core.policy.build import assumed_subject, top_owners
from kubectl_caps.core.policy.filling import filled_in
from kubectl_caps.core.policy.judge import Refused, refused_fields
from kubectl_caps.core.policy.model import NamespacePolicy


class RefusedObject(Struct):
    """An object that would be refused if it were created again. `pods` are its pods with the same refused fields."""

    workload: Workload
    fields: list[Refused]
    pods: list[str]


class Preflight(Struct, frozen=True):
    """The refused objects, the number of judged objects, and the number of objects that create no more pods.

    `filled` are the objects whose pods a mutating policy would change.
    """

    refused: list[RefusedObject]
    judged: int
    inactive: int
    filled: list[Workload]


def preflight(policy: NamespacePolicy, workloads: Sequence[Workload], today: date, *, fills: bool = False) -> Preflight:
    """Judge all workloads and pods. A pod with the same refused fields as its owner is listed with the owner.

    `fills` says that a mutating policy first fills in what pods leave out.
    """
    gone, owners = inactive(workloads), top_owners(workloads)
    active = [one for one in workloads if workload_key(one) not in gone]
    found: dict[Key, RefusedObject] = {}
    filled: list[Workload] = []
    for workload in sorted(active, key=lambda one: one.is_pod):
        subject, template = assumed_subject(workload, policy), workload.template
        top = owners.get(workload_key(workload))
        if fills and filled_in(policy, subject, template) != template:
            template = filled_in(policy, subject, template)
            filled += [] if top else [workload]
        fields = refused_fields(policy, subject, template, today)
        if not fields:
            continue
        owner = found.get(workload_key(top)) if top else None
        if owner and set(owner.fields) == set(fields):
            owner.pods += [workload.name] if workload.is_pod else []
        else:
            found[workload_key(workload)] = RefusedObject(workload, fields, [])
    return Preflight(list(found.values()), len(active), len(gone), filled)
