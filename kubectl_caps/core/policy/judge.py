"""Judges pods and templates by a policy, with the same verdict as the policy's CEL. A test compares the two."""

from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import date
from typing import Final

from msgspec import Struct

from kubectl_caps.core.kubernetes.container import Container
from kubectl_caps.core.kubernetes.pod import PodSpec, PodTemplate, members
from kubectl_caps.core.podsecurity.defaulting import as_admitted
from kubectl_caps.core.policy import model
from kubectl_caps.core.policy.identity import PolicySubject, keys_of, workload_of
from kubectl_caps.core.policy.model import NamespacePolicy


class Refused(Struct, frozen=True, order=True):
    """A refused field of a container, as the policy's message names it."""

    container: str
    field: str
    found: str | None = None

    @property
    def words(self) -> str:
        """The words of the message, such as `container nginx: capabilities.add has NET_ADMIN`."""
        return f"container {self.container}: {self.field}{'' if self.found is None else f' has {self.found}'}"


class _Case(Struct, frozen=True):
    """A container with its pod, and the names of the grants that count today."""

    container: Container
    spec: PodSpec
    may: frozenset[str]

    @property
    def is_granted_all(self) -> bool:
        """Whether the container is privileged and may be privileged. Then no rule about capabilities refuses it."""
        return bool(self.container.security.privileged) and model.PRIVILEGED in self.may


def refused_fields(
    policy: NamespacePolicy,
    subject: PolicySubject,
    template: PodTemplate,
    today: date,
    *,
    added: Sequence[str] | None = None,
) -> list[Refused]:
    """The fields of a pod or template that the policy refuses, in the order of the policy's message.

    `added` are the names of the ephemeral containers that a request adds. Then only these containers are judged, and
    they have no grants. `today` is the day in UTC.
    """
    template = as_admitted(template, pod=True)
    spec = template.spec
    if spec.os and spec.os.name == "windows":
        return []
    workload = workload_of(subject, policy) if added is None else None
    cases = []
    for member in members(spec):
        container = member.container
        if (member.role == "ephemeral") != (added is not None) or (added is not None and container.name not in added):
            continue
        grants = workload.containers.get(container.name, ()) if workload else ()
        may = frozenset(grant.name for grant in grants if not grant.expired(today))
        cases.append(_Case(container, spec, may))
    return [found for rule in RULES for case in cases for found in rule(case)]


def capability(name: str) -> str:
    """A declared name with its ASCII letters in upper case, as CEL's upperAscii makes it."""
    return "".join(one.upper() if one.isascii() else one for one in name)


def is_granted(name: str, may: Collection[str]) -> bool:
    """Whether an add is granted. A grant of CHOWN also allows CAP_CHOWN, which containerd ignores.

    A grant of CAP_CHOWN does not allow CHOWN.
    """
    text = capability(name)
    return text in may or (text.startswith("CAP_") and text.removeprefix("CAP_") in may)


def _privileged(case: _Case) -> Iterator[Refused]:
    if case.container.security.privileged and model.PRIVILEGED not in case.may:
        yield Refused(case.container.name, "privileged")


def _drop(case: _Case) -> Iterator[Refused]:
    is_dropped = "ALL" in (case.container.capabilities.drop or ())
    if not is_dropped and model.DEFAULTS not in case.may and not case.is_granted_all:
        yield Refused(case.container.name, "capabilities.drop lacks ALL")


def _add(case: _Case) -> Iterator[Refused]:
    added = case.container.capabilities.add or ()
    over = [name for name in added if not is_granted(name, case.may)]
    if over and "ALL" not in case.may and not case.is_granted_all:
        yield Refused(case.container.name, "capabilities.add", ", ".join(over))


def _escalation(case: _Case) -> Iterator[Refused]:
    is_set = case.container.security.allow_privilege_escalation is False
    if not is_set and model.ESCALATION not in case.may and not case.is_granted_all:
        yield Refused(case.container.name, "allowPrivilegeEscalation is not false")


def _proc_mount(case: _Case) -> Iterator[Refused]:
    if (case.container.security.proc_mount or "Default") != "Default" and model.PROC_MOUNT not in case.may:
        yield Refused(case.container.name, "procMount", case.container.security.proc_mount or "")


def _app_armor(case: _Case) -> Iterator[Refused]:
    profile = case.container.security.app_armor_profile or case.spec.security.app_armor_profile
    if profile and profile.type == "Unconfined" and model.APP_ARMOR not in case.may:
        yield Refused(case.container.name, "appArmorProfile has Unconfined")


def _non_root(case: _Case) -> Iterator[Refused]:
    if model.NON_ROOT in case.may and not is_non_root(case.container, case.spec):
        yield Refused(case.container.name, "runAsNonRoot is not true")


def _user(case: _Case) -> Iterator[Refused]:
    if model.USER in case.may and not has_user(case.container, case.spec):
        yield Refused(case.container.name, "runAsUser is not set, or is 0")


def _seccomp(case: _Case) -> Iterator[Refused]:
    if model.SECCOMP in case.may and not is_confined(case.container, case.spec):
        yield Refused(case.container.name, "seccompProfile is neither RuntimeDefault nor Localhost")


RULES: Final[tuple[Callable[[_Case], Iterator[Refused]], ...]] = (
    _privileged, _drop, _add, _escalation, _proc_mount, _app_armor, _non_root, _user, _seccomp,
)  # fmt: skip
"""The rules, one for each field, in the order of the variables of cel.py."""


def is_non_root(container: Container, spec: PodSpec) -> bool:
    """Whether runAsNonRoot is true for a container. Its own field counts before the pod's."""
    own = container.security.run_as_non_root
    return bool(spec.security.run_as_non_root if own is None else own)


def has_user(container: Container, spec: PodSpec) -> bool:
    """Whether runAsUser is set for a container and is not 0. Its own field counts before the pod's."""
    own = container.security.run_as_user
    return bool(spec.security.run_as_user if own is None else own)


def is_confined(container: Container, spec: PodSpec) -> bool:
    """Whether a container has the seccomp profile RuntimeDefault or Localhost.

    Its own field counts before the pod's.
    """
    profile = container.security.seccomp_profile or spec.security.seccomp_profile
    return profile is not None and profile.type in ("RuntimeDefault", "Localhost")


def refusal_message(
    policy: NamespacePolicy, subject: PolicySubject, fields: Sequence[Refused], *, is_ephemeral: bool = False
) -> str:
    """The policy's message: the workload that the object counts for, and every refused field, without outer blanks."""
    workload = None if is_ephemeral else workload_of(subject, policy)
    nearest = next(keys_of(subject, policy))
    unknown = f"{nearest} with service account {subject.service_account}, which is in no line of the policy"
    who = "an ephemeral container" if is_ephemeral else workload.key if workload else unknown
    return f"{who}: {'; '.join(field.words for field in fields)}".strip()
