"""Limits the capabilities that a log line names to those that a change took from the container.

If a container never had a capability, or still has it, the kernel refused the operation for another reason.
"""

from msgspec import Struct
from msgspec.structs import replace

from kubectl_caps.core.diagnosis.patterns.pattern import LogPattern, Setting

_OWNER_OF_FILES = "kubectl get WORKLOAD -n NAMESPACE -o jsonpath='{..securityContext}'"
_ESCALATION = "kubectl caps harden WORKLOAD -n NAMESPACE --allow-privilege-escalation=keep"


class Loss(Struct, frozen=True):
    """The capabilities (short names) that a change takes from a container, and the settings that its programs notice.

    `capabilities` were in the bounding set before the change and are not in it afterwards. `kept` are in it afterwards.
    `runAsUser` is in `settings` if the container was or may have been root before, and is another user afterwards.
    """

    capabilities: frozenset[str] = frozenset()
    kept: frozenset[str] = frozenset()
    settings: frozenset[Setting] = frozenset()


def attributed(pattern: LogPattern, uid: int | None, loss: Loss | None) -> LogPattern:
    """The pattern for a container of user `uid` (None: unknown), with only the capabilities that it can miss.

    Without a `loss` the change is not known, and every capability can be missing.
    """
    if pattern.kind == "setting" and pattern.setting and loss and pattern.setting not in loss.settings:
        return replace(pattern, certainty="possible", note=f"{pattern.note}; the change did not touch that")
    if pattern.kind != "capability":
        return pattern
    if uid and pattern.users != "any":
        return _of_another_user(pattern, uid, loss)
    lost = _only_lost(pattern, loss)
    if pattern.users == "root" and uid is None and lost.kind == "capability":
        return replace(lost, certainty="possible")
    return lost


def _only_lost(pattern: LogPattern, loss: Loss | None) -> LogPattern:
    if loss is None:
        return pattern
    lost = tuple(name for name in pattern.capabilities if name in loss.capabilities)
    if lost:
        return replace(pattern, capabilities=lost)
    if not pattern.capabilities and loss.capabilities:  # a program with unknown file capabilities
        return pattern
    names = ", ".join(pattern.capabilities) or "its capabilities"
    if pattern.capabilities and loss.kept.issuperset(pattern.capabilities):
        why = f"the container has {names}, so something else refuses this: seccomp, a security module, a namespace"
    else:
        why = f"the container did not have {names} before the change either"
    return replace(pattern, kind="other", capabilities=(), certainty="possible", note=f"{pattern.note}; {why}")


def _of_another_user(pattern: LogPattern, uid: int, loss: Loss | None) -> LogPattern:
    """The pattern for a user other than root. That user gets capabilities only through file capabilities."""
    not_a_capability = replace(pattern, kind="other", capabilities=(), certainty="likely")
    if loss and "runAsUser" in loss.settings:
        note = f"{pattern.note}; root could do this before the change, and user {uid} cannot"
        return replace(not_a_capability, kind="setting", note=note, next_command=_OWNER_OF_FILES)
    if pattern.users == "root":
        return replace(not_a_capability, note=f"user {uid} may not use them", next_command=_OWNER_OF_FILES)
    if loss and "allowPrivilegeEscalation" in loss.settings:
        note = f"{pattern.note}; as user {uid} only setuid programs and file capabilities give it, "
        note += "and allowPrivilegeEscalation: false stops both"
        return replace(not_a_capability, kind="setting", certainty="possible", note=note, next_command=_ESCALATION)
    lost = _only_lost(pattern, loss)
    if lost.kind == "other":
        return lost
    note = f"{pattern.note}; as user {uid} only a program with file capabilities can use it"
    return replace(lost, certainty="possible", note=note)
