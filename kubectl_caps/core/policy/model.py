"""What a namespace's containers may have, as data: the parameters of a policy, which are texts for people as well.

The parameters are one flat map, as a ConfigMap has it. `controllers` names the users whose owner references are
believed. `KIND.GROUP_NAME` is a workload that is known: its value is the service account of its pods, `*` for any.
`KIND.GROUP_NAME_CONTAINER` is what a container of it may have, and what it must keep:

    controllers: system:kube-controller-manager,…
    deployment.apps_web: default
    deployment.apps_web_nginx: CHOWN,NET_ADMIN@2027-01-31,SETGID,runAsNonRoot=true

Names of Kubernetes hold no underscore, so the keys are unique. A grant with `@DAY` ends with that day (UTC).
"""

import re
from collections.abc import Mapping, Sequence
from datetime import date

from msgspec import Struct

CONTROLLERS_KEY = "controllers"
ANY_ACCOUNT = "*"
SEPARATOR = "_"

DEFAULTS = "defaults"
"""A grant: the container need not drop ALL, and may keep the runtime's default capabilities."""
PRIVILEGED, ESCALATION, PROC_MOUNT, APP_ARMOR = "privileged", "allowPrivilegeEscalation", "procMount", "appArmorProfile"
"""Grants of fields that `harden` writes: their looser value is allowed."""
NON_ROOT, USER, SECCOMP = "runAsNonRoot=true", "runAsUser=not-0", "seccompProfile=confined"
"""What a container must keep: `harden` writes these as well, and they are stricter than Kubernetes' default."""

FIELD_GRANTS = (DEFAULTS, PRIVILEGED, ESCALATION, PROC_MOUNT, APP_ARMOR)
KEPT = (NON_ROOT, USER, SECCOMP)

LONGEST_KEY = 253
"""Characters of a key of a ConfigMap (k8s.io/apimachinery IsConfigMapKey)."""

BUILTIN_CONTROLLERS: tuple[str, ...] = (
    "system:kube-controller-manager",
    *(
        f"system:serviceaccount:kube-system:{name}"
        for name in (
            "cronjob-controller", "daemon-set-controller", "deployment-controller", "job-controller",
            "replicaset-controller", "replication-controller", "statefulset-controller",
        )
    ),
)  # fmt: skip
"""The users of Kubernetes' own controllers, with `--use-service-account-credentials` (as kubeadm has it) and without
(k8s.io/kubernetes cmd/kube-controller-manager, plugin/pkg/auth/authorizer/rbac/bootstrappolicy/controller_policy.go).
"""

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


class MalformedParameters(ValueError):
    """Parameters that nobody could have written for a policy of ours. The text names the key."""


class PolicyGrant(Struct, frozen=True, order=True):
    """One token of a container: a capability (`ALL` is every one), a field, or what must be kept; and its last day."""

    name: str
    until: str = ""

    @property
    def text(self) -> str:
        """`NET_ADMIN@2027-01-31`."""
        return f"{self.name}@{self.until}" if self.until else self.name

    def expired(self, today: date) -> bool:
        """Whether its last day is over."""
        return bool(self.until) and today.isoformat() > self.until


class HeldWorkload(Struct, frozen=True):
    """A workload that a policy knows: its kind with the group (`deployment.apps`), and the grants by container."""

    kind: str
    name: str
    service_account: str
    containers: Mapping[str, tuple[PolicyGrant, ...]]

    @property
    def key(self) -> str:
        """`deployment.apps_web`."""
        return f"{self.kind}{SEPARATOR}{self.name}"


class NamespacePolicy(Struct, frozen=True):
    """The policy of one namespace."""

    namespace: str
    workloads: tuple[HeldWorkload, ...]
    controllers: tuple[str, ...] = BUILTIN_CONTROLLERS
    reasons: tuple[str, ...] = ()
    """A line for each grant that ends: why it was given."""

    def parameters(self) -> dict[str, str]:
        """The flat map, in the order of its keys."""
        found = {CONTROLLERS_KEY: ",".join(self.controllers)}
        for workload in self.workloads:
            found[workload.key] = workload.service_account
            for name, grants in workload.containers.items():
                found[f"{workload.key}{SEPARATOR}{name}"] = ",".join(grant.text for grant in sorted(grants, key=_order))
        return dict(sorted(found.items()))


def _order(grant: PolicyGrant) -> tuple[int, PolicyGrant]:
    """Capabilities first, then fields, then what must be kept."""
    return (grant.name in FIELD_GRANTS) + 2 * (grant.name in KEPT), grant


def read_policy(namespace: str, parameters: Mapping[str, str]) -> NamespacePolicy:
    """The policy that the parameters stand for. Raises MalformedParameters."""
    controllers: tuple[str, ...] = ()
    found: dict[tuple[str, str], tuple[str, dict[str, tuple[PolicyGrant, ...]]]] = {}
    for key, value in sorted(parameters.items()):
        parts = key.split(SEPARATOR)
        if key == CONTROLLERS_KEY:
            controllers = tuple(filter(None, value.split(",")))
        elif len(parts) == 2:
            found[parts[0], parts[1]] = (value, {})
        elif len(parts) == 3 and (parts[0], parts[1]) in found:
            found[parts[0], parts[1]][1][parts[2]] = read_grants(value, key)
        else:
            raise MalformedParameters(f'"{key}" belongs to no workload of the policy')
    held = tuple(HeldWorkload(kind, name, *rest) for (kind, name), rest in found.items())
    return NamespacePolicy(namespace, held, controllers)


def read_grants(text: str, key: str) -> tuple[PolicyGrant, ...]:
    """The grants of a container. Raises MalformedParameters."""
    return tuple(_grant(word.strip(), key) for word in text.split(",") if word.strip())


def _grant(word: str, key: str) -> PolicyGrant:
    name, at, until = word.partition("@")
    if at and not _DAY.fullmatch(until):
        raise MalformedParameters(f'"{key}": "{word}" must end with a day, as in NET_ADMIN@2027-01-31')
    return PolicyGrant(name, until)


def too_long(workloads: Sequence[HeldWorkload]) -> list[str]:
    """The keys that no ConfigMap can have."""
    keys = [f"{one.key}{SEPARATOR}{name}" for one in workloads for name in ("", *one.containers)]
    return [key for key in keys if len(key) > LONGEST_KEY]
