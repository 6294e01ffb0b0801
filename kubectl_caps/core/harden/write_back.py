"""Writes the hardened template of a kind without a pod template back to the object's own fields."""

from collections.abc import Iterator, Mapping
from typing import Any

from kubectl_caps.core.kubernetes.field_path import field_path
from kubectl_caps.core.kubernetes.made_pods import template_of
from kubectl_caps.core.kubernetes.patch import between, lookup, set_field
from kubectl_caps.core.kubernetes.workloads import Workload

_IN_CONTAINER = 4
"""The number of steps to a container's securityContext: `spec.containers[0].securityContext`."""


def write_back(
    wanted: dict[str, Any], workload: Workload, before: Mapping[str, Any], template: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    """Write the changes of a converted template back to the fields of the object.

    Yields refusals, each with its container: the object takes the field from a place that other containers share. To
    find them, the object is converted again and has to give the changed template.
    """
    for change in between(before, template).changes:
        head, rest = change.path[:_IN_CONTAINER], change.path[_IN_CONTAINER:]
        set_field(wanted, (*workload.at(head), *rest), change.after)
    for change in between(template_of(workload, wanted), template).changes:
        name = lookup(template, (*change.path[: _IN_CONTAINER - 1], "name"))
        shared = field_path(workload.at(change.path))
        yield str(name), f"{shared} is shared with other containers: change it there"
