"""Plans the changes of one object as the API sent it."""

from collections.abc import Mapping
from typing import Any

from kubectl_caps.core.harden.plan import Hardening, HardenOptions, harden
from kubectl_caps.core.kubernetes.kinds import Kind
from kubectl_caps.core.kubernetes.workloads import read_workloads
from kubectl_caps.errors import UsageError


def hardening_of(kind: Kind, obj: Mapping[str, Any], source: Mapping[str, Any], options: HardenOptions) -> Hardening:
    """The changes of an object. Raises UsageError for a container that the object does not have."""
    try:
        return harden(obj, tuple(read_workloads(kind, obj, source)), options)
    except ValueError as error:
        raise UsageError(str(error)) from error
