"""Finds the labels that a trial pod may keep, so that no selector of its namespace selects the pod.

A Service would send requests to a selected pod. A disruption budget and an autoscaler would count the pod, and a
controller would adopt it.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from kubectl_caps.core.kubernetes.label_selector import LabelSelector


class PodSelector(Struct, frozen=True):
    """The selector of an object. `owner` is the object's name as kubectl prints it.

    `harmless` says that the object may select a trial pod without harm.
    """

    owner: str
    selector: LabelSelector
    harmless: bool = False

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether the selector selects a pod with these labels."""
        return self.selector.matches(labels)

    @property
    def needs(self) -> set[str]:
        """The labels that a selected pod must have."""
        expressions = self.selector.match_expressions or ()
        return {*(self.selector.match_labels or ()), *(one.key for one in expressions if one.operator in _NEEDING)}


_NEEDING = ("In", "Exists")


class PodLabels(Struct, frozen=True):
    """The labels that stay, the labels that were removed, and the selectors that select the pod with any labels."""

    labels: dict[str, str]
    removed: tuple[str, ...] = ()
    unavoidable: tuple[PodSelector, ...] = ()


def selector_of(kind: str, obj: Mapping[str, Any]) -> PodSelector | None:
    """The selector of a Service, a budget, a policy or a controller; None if the object selects nothing."""
    spec = obj.get("spec") or {}
    owner = f"{kind.lower()}/{(obj.get('metadata') or {}).get('name', '')}"
    if kind in ("Service", "ReplicationController"):  # their selector is a map, and an empty map selects no pod
        plain = spec.get("selector") or {}
        return PodSelector(owner, LabelSelector(plain)) if plain else None
    selector = spec.get("podSelector" if kind == "NetworkPolicy" else "selector")
    # A NetworkPolicy for every pod of the namespace allows a trial pod the same as the workload's own pods.
    return None if selector is None else PodSelector(owner, _read(selector), harmless=kind == "NetworkPolicy")


def own_selector(owner: str, obj: Mapping[str, Any]) -> PodSelector | None:
    """The selector of a custom resource that selects pods as a Deployment does (`spec.selector`); None without one."""
    spec = obj.get("spec")
    selector = spec.get("selector") if isinstance(spec, Mapping) else None
    is_one = isinstance(selector, Mapping) and selector.keys() & {"matchLabels", "matchExpressions"}
    try:
        return PodSelector(owner, _read(selector)) if is_one else None
    except msgspec.ValidationError:  # spec.selector is not a label selector
        return None


def _read(selector: Any) -> LabelSelector:
    return msgspec.convert(selector, LabelSelector)


def unselected(labels: Mapping[str, str], fixed: Mapping[str, str], selectors: Sequence[PodSelector]) -> PodLabels:
    """The labels that a pod may keep beside its `fixed` labels, so that no selector selects the pod.

    The label that most selectors need is removed first, until no selector matches.
    """
    left = dict(labels)
    removed: list[str] = []
    while taking := [one for one in selectors if one.matches({**left, **fixed})]:
        votes = [key for one in taking for key in sorted(one.needs & left.keys() - fixed.keys())]
        if not votes:
            return PodLabels(left, tuple(removed), tuple(taking))
        key = max(dict.fromkeys(votes), key=votes.count)
        del left[key]
        removed.append(key)
    return PodLabels(left, tuple(removed))


def selectors_of(objects: Mapping[str, Sequence[Mapping[str, Any]]]) -> Iterator[PodSelector]:
    """The selectors of these objects. `objects` are lists by kind."""
    for kind, items in objects.items():
        for item in items:
            if found := selector_of(kind, item):
                yield found
