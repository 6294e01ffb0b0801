"""Finds the present grants of a container. A grant that an exemption accepts ends with the exemption."""

from collections.abc import Iterator, Sequence

from msgspec import Struct

from kubectl_caps.core.assess.exemptions import Exemption
from kubectl_caps.core.kubernetes.container import Container
from kubectl_caps.core.kubernetes.pod import PodSpec
from kubectl_caps.core.linux.add_drop import ineffective_adds
from kubectl_caps.core.policy import model
from kubectl_caps.core.policy.judge import capability, has_user, is_confined, is_non_root
from kubectl_caps.core.policy.model import PolicyGrant

_CHECKS = {
    model.DEFAULTS: ("capabilities_restricted",),
    model.PRIVILEGED: ("privileged",),
    model.ESCALATION: ("allowPrivilegeEscalation",),
    model.PROC_MOUNT: ("procMount", "procMount_restricted"),
    model.APP_ARMOR: ("appArmorProfile",),
}
_CAPABILITY_CHECKS = ("capabilities_baseline", "capabilities_restricted")
"""The Pod Security checks that accept a capability if an exemption names one of them (_CHECKS: that accept a field)."""


class GrantReason(Struct, frozen=True):
    """A grant, and the reason of the exemption that accepts it. The reason is empty without an exemption."""

    grant: PolicyGrant
    reason: str = ""


def grants_of(
    container: Container, spec: PodSpec, exemptions: Sequence[Exemption], *, fills: bool = False
) -> list[GrantReason]:
    """The grants of a container. `exemptions` are the exemptions for its workload.

    `fills` says that a mutating policy fills in what a pod leaves out. Then a missing field grants nothing.
    """
    meant = [one for one in exemptions if one.meets_container(container.name)]
    names = [*_capabilities(container), *_fields(container, spec, fills=fills)]
    found = [_granted(name, meant) for name in dict.fromkeys(names)]
    if "ALL" not in (container.capabilities.drop or ()) and not container.security.privileged:
        # A container that does not drop ALL is refused, unless an exemption accepts the default capabilities.
        found += [one for one in [_granted(model.DEFAULTS, meant)] if one.reason]
    kept = {model.NON_ROOT: is_non_root, model.USER: has_user, model.SECCOMP: is_confined}
    found += [GrantReason(PolicyGrant(name)) for name, holds in kept.items() if holds(container, spec)]
    return found


def _capabilities(container: Container) -> Iterator[str]:
    declared = container.capabilities
    void = ineffective_adds(list(declared.add or ()), list(declared.drop or ()))
    for name in declared.add or ():
        text = capability(name)
        if name not in void and text.replace("_", "a").isalnum():
            yield text


def _fields(container: Container, spec: PodSpec, *, fills: bool) -> Iterator[str]:
    security = container.security
    # The API refuses allowPrivilegeEscalation=false beside SYS_ADMIN, so the field cannot be filled in.
    must = {"SYS_ADMIN", "CAP_SYS_ADMIN"} & {capability(name) for name in container.capabilities.add or ()}
    is_filled = fills and security.allow_privilege_escalation is None and not must
    if security.privileged:
        yield model.PRIVILEGED
    elif security.allow_privilege_escalation is not False and not is_filled:
        yield model.ESCALATION
    if (security.proc_mount or "Default") != "Default":
        yield model.PROC_MOUNT
    profile = security.app_armor_profile or spec.security.app_armor_profile
    if profile and profile.type == "Unconfined":
        yield model.APP_ARMOR


def _granted(name: str, exemptions: Sequence[Exemption]) -> GrantReason:
    """The grant with the last day and the reason of the longest exemption that accepts it."""
    accepting = [one for one in exemptions if _accepts(one, name)]
    if not accepting:
        return GrantReason(PolicyGrant(name))
    best = max(accepting, key=lambda one: one.until.isoformat() if one.until else "forever")
    return GrantReason(PolicyGrant(name, best.until.isoformat() if best.until else ""), best.reason)


def _accepts(exemption: Exemption, name: str) -> bool:
    if name in model.FIELD_GRANTS:
        by_name = name in exemption.capabilities
        return by_name or bool(set(_CHECKS[name]) & set(exemption.checks))
    bare = name.removeprefix("CAP_")
    by_name = bool({bare, f"CAP_{bare}", "ALL"} & set(exemption.capabilities))
    return by_name or bool(set(_CAPABILITY_CHECKS) & set(exemption.checks))
