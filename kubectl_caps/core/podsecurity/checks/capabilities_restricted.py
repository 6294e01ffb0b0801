"""All capabilities must be dropped, and only NET_BIND_SERVICE may be added.

Fields:
    spec.containers[*].securityContext.capabilities.drop
    spec.initContainers[*].securityContext.capabilities.drop
    spec.ephemeralContainers[*].securityContext.capabilities.drop
    spec.containers[*].securityContext.capabilities.add
    spec.initContainers[*].securityContext.capabilities.add
    spec.ephemeralContainers[*].securityContext.capabilities.add

Allowed:
    drop: must include ALL (from v1.22); from v1.25 anything where spec.os.name is windows
    add: unset, NET_BIND_SERVICE; spelled exactly so

Passes:
    spec:
      containers:
      - name: web
        securityContext:
          capabilities:
            drop: [ALL]
            add: [NET_BIND_SERVICE]

Fails:
    spec:
      containers:
      - name: web
        securityContext:
          capabilities:
            drop: [all]
"""

from kubectl_caps.core.kubernetes.container import Container
from kubectl_caps.core.kubernetes.pod import PodTemplate, members
from kubectl_caps.core.podsecurity.checks.check import (
    Check,
    Finding,
    Revision,
    containers,
    finding,
    go_sorted,
    is_windows,
    offending_containers,
    quoted,
)

_CAPABILITIES = ("securityContext", "capabilities")


def capabilities_restricted_1_22(template: PodTemplate) -> Finding | None:
    """Listing every capability in drop does not count; names compare exactly."""
    keeping = offending_containers(
        template, (*_CAPABILITIES, "drop"), lambda container: "ALL" not in (container.capabilities.drop or ())
    )
    adding = offending_containers(template, (*_CAPABILITIES, "add"), lambda container: bool(_forbidden(container)))
    names = go_sorted(name for member in members(template.spec) for name in _forbidden(member.container))
    parts = []
    if keeping:
        parts.append(f'{containers(keeping)} must set securityContext.capabilities.drop=["ALL"]')
    if adding:
        parts.append(f"{containers(adding)} must not include {quoted(names)} in securityContext.capabilities.add")
    return finding("unrestricted capabilities", "; ".join(parts), keeping + adding) if parts else None


def capabilities_restricted_1_25(template: PodTemplate) -> Finding | None:
    """Windows pods are exempt. As this check overrides the baseline check, no check of capabilities applies to them."""
    return None if is_windows(template) else capabilities_restricted_1_22(template)


def _forbidden(container: Container) -> list[str]:
    return [name for name in container.capabilities.add or () if name != "NET_BIND_SERVICE"]


_OVERRIDES = ("capabilities_baseline",)

CHECK = Check(
    "capabilities_restricted",
    "restricted",
    (Revision(22, capabilities_restricted_1_22, _OVERRIDES), Revision(25, capabilities_restricted_1_25, _OVERRIDES)),
)
