"""Selectors of a namespace that would select a trial pod, and the labels to leave out so that they do not.

A Service would send requests to the pod, a disruption budget and an autoscaler would count the pod, a controller would
adopt it.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from kubectl_caps.core.kubernetes.label_selector import LabelSelector


class PodSelector(Struct, frozen=True):
    """The selector of an object. `owner` is the object as kubectl prints it.

    `harmless`: a trial pod that is selected disturbs nobody.
    """

    owner: str
    selector: LabelSelector
    harmless: bool = False

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether a pod with these labels is selected."""
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
    if kind in ("Service", "ReplicationController"):  # a map, and an empty one selects nothing
        plain = spec.get("selector") or {}
        return PodSelector(owner, LabelSelector(plain)) if plain else None
    selector = spec.get("podSelector" if kind == "NetworkPolicy" else "selector")
    # A policy that is for every pod of the namespace lets a trial do what the workload itself may do.
    return None if selector is None else PodSelector(owner, _read(selector), harmless=kind == "NetworkPolicy")


def own_selector(owner: str, obj: Mapping[str, Any]) -> PodSelector | None:
    """The selector of a custom resource that selects pods as a Deployment does (`spec.selector`); None without one."""
    spec = obj.get("spec")
    selector = spec.get("selector") if isinstance(spec, Mapping) else None
    is_one = isinstance(selector, Mapping) and selector.keys() & {"matchLabels", "matchExpressions"}
    try:
        return PodSelector(owner, _read(selector)) if is_one else None
    except msgspec.ValidationError:  # another thing of that name
        return None


def _read(selector: Any) -> LabelSelector:
    return msgspec.convert(selector, LabelSelector)


def unselected(labels: Mapping[str, str], fixed: Mapping[str, str], selectors: Sequence[PodSelector]) -> PodLabels:
    """As many of the labels as possible beside the `fixed` ones, so that no selector selects the pod.

    The label that most selectors need is removed first.
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
    """The selectors of all objects, by kind."""
    for kind, items in objects.items():
        for item in items:
            if found := selector_of(kind, item):
                yield found
