"""Defines the policy of a namespace as data, and reads and writes it as the parameters of a ConfigMap.

The parameters are one flat map, which people can read and edit. `controllers` names the users whose owner references
count. The key `KIND.GROUP_NAME` is a workload. Its value is the service account of its pods, `*` for any. The key
`KIND.GROUP_NAME_CONTAINER` has the grants of a container, and the settings that it must keep:

    controllers: system:kube-controller-manager,…
    deployment.apps_web: default
    deployment.apps_web_nginx: CHOWN,NET_ADMIN@2027-01-31,SETGID,runAsNonRoot=true

Kubernetes' names have no underscore, so the keys are unique. A grant with `@DAY` ends with that day (UTC).
"""

import re
from collections.abc import Mapping, Sequence
from datetime import date

from msgspec import Struct

CONTROLLERS_KEY = "controllers"
ANY_ACCOUNT = "*"
SEPARATOR = "_"

DEFAULTS = "defaults"
"""The grant to keep the runtime's default capabilities: the container need not drop ALL."""
PRIVILEGED, ESCALATION, PROC_MOUNT, APP_ARMOR = "privileged", "allowPrivilegeEscalation", "procMount", "appArmorProfile"
"""The grants that allow the looser value of a field that `harden` writes."""
NON_ROOT, USER, SECCOMP = "runAsNonRoot=true", "runAsUser=not-0", "seccompProfile=confined"
"""The settings that a container must keep. `harden` writes them, and they are stricter than Kubernetes' defaults."""

FIELD_GRANTS = (DEFAULTS, PRIVILEGED, ESCALATION, PROC_MOUNT, APP_ARMOR)
KEPT = (NON_ROOT, USER, SECCOMP)

LONGEST_KEY = 253
"""The most characters in a key of a ConfigMap (k8s.io/apimachinery IsConfigMapKey)."""

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
"""The users of Kubernetes' controllers. The first is the user without `--use-service-account-credentials`; kubeadm sets
this flag (k8s.io/kubernetes cmd/kube-controller-manager,
plugin/pkg/auth/authorizer/rbac/bootstrappolicy/controller_policy.go).
"""

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


class MalformedParameters(ValueError):
    """Parameters that are not in the form of this module. The text names the key."""


class PolicyGrant(Struct, frozen=True, order=True):
    """A grant of a container: a capability (`ALL` means every capability), a field, or a setting that it must keep.

    `until` is the last day of the grant; empty for a grant without an end.
    """

    name: str
    until: str = ""

    @property
    def text(self) -> str:
        """`NET_ADMIN@2027-01-31`."""
        return f"{self.name}@{self.until}" if self.until else self.name

    def expired(self, today: date) -> bool:
        """Whether the last day of the grant is over."""
        return bool(self.until) and today.isoformat() > self.until


class PolicyWorkload(Struct, frozen=True):
    """A workload in a policy: its kind with the group (`deployment.apps`), and the grants of each container."""

    kind: str
    name: str
    service_account: str
    containers: Mapping[str, tuple[PolicyGrant, ...]]

    @property
    def key(self) -> str:
        """The key of the workload in the parameters, such as `deployment.apps_web`."""
        return f"{self.kind}{SEPARATOR}{self.name}"


class NamespacePolicy(Struct, frozen=True):
    """The policy of one namespace."""

    namespace: str
    workloads: tuple[PolicyWorkload, ...]
    controllers: tuple[str, ...] = BUILTIN_CONTROLLERS
    reasons: tuple[str, ...] = ()
    """A line with the reason of each grant that an exemption accepts."""

    def parameters(self) -> dict[str, str]:
        """The parameters as a flat map, sorted by key."""
        found = {CONTROLLERS_KEY: ",".join(self.controllers)}
        for workload in self.workloads:
            found[workload.key] = workload.service_account
            for name, grants in workload.containers.items():
                found[f"{workload.key}{SEPARATOR}{name}"] = ",".join(grant.text for grant in sorted(grants, key=_order))
        return dict(sorted(found.items()))


def _order(grant: PolicyGrant) -> tuple[int, PolicyGrant]:
    """The sort key of a grant: capabilities first, then fields, then settings to keep."""
    return (grant.name in FIELD_GRANTS) + 2 * (grant.name in KEPT), grant


def read_policy(namespace: str, parameters: Mapping[str, str]) -> NamespacePolicy:
    """Read the policy of a namespace from its parameters. Raises MalformedParameters."""
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
    held = tuple(PolicyWorkload(kind, name, *rest) for (kind, name), rest in found.items())
    return NamespacePolicy(namespace, held, controllers)


def read_grants(text: str, key: str) -> tuple[PolicyGrant, ...]:
    """Read the grants of a container; `key` is the key for error messages. Raises MalformedParameters."""
    return tuple(_grant(word.strip(), key) for word in text.split(",") if word.strip())


def _grant(word: str, key: str) -> PolicyGrant:
    name, at, until = word.partition("@")
    if at and not _DAY.fullmatch(until):
        raise MalformedParameters(f'"{key}": "{word}" must end with a day, as in NET_ADMIN@2027-01-31')
    return PolicyGrant(name, until)


def too_long(workloads: Sequence[PolicyWorkload]) -> list[str]:
    """The keys of these workloads that are too long for a ConfigMap."""
    keys = [f"{one.key}{SEPARATOR}{name}" for one in workloads for name in ("", *one.containers)]
    return [key for key in keys if len(key) > LONGEST_KEY]
