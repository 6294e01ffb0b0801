"""Builds the policy of a namespace from its workloads. The policy allows each container its present rights."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from msgspec import Struct

from kubectl_caps.core.assess.exemptions import Exemption, annotated
from kubectl_caps.core.kubernetes.kinds import kind_of
from kubectl_caps.core.kubernetes.made_pods import kind_key
from kubectl_caps.core.kubernetes.pod import PodTemplate, members
from kubectl_caps.core.kubernetes.workloads import Workload
from kubectl_caps.core.pods.owners import Key, owner_chain, workload_key
from kubectl_caps.core.podsecurity.defaulting import as_admitted
from kubectl_caps.core.policy.grants import GrantReason, grants_of
from kubectl_caps.core.policy.identity import PolicySubject
from kubectl_caps.core.policy.model import BUILTIN_CONTROLLERS, NamespacePolicy, PolicyWorkload, too_long

IDENTIFIED_KINDS = frozenset((
    "pod", "deployment.apps", "statefulset.apps", "daemonset.apps", "replicaset.apps", "replicationcontroller",
    "job.batch", "cronjob.batch", "rollout.argoproj.io", "cloneset.apps.kruise.io", "statefulset.apps.kruise.io",
    "daemonset.apps.kruise.io", "deploymentconfig.apps.openshift.io",
))  # fmt: skip
"""The kinds whose pods a policy can identify: by the owner reference of the pod, or by the owner's name
(identity.MAKERS)."""

_OTHER_CONTROLLERS = frozenset(
    kind for kind in IDENTIFIED_KINDS if "." in kind and not kind.endswith((".apps", ".batch"))
)
"""The identified kinds whose controller is not a part of Kubernetes."""


class PolicyOptions(Struct, frozen=True, kw_only=True):
    """The options of a policy.

    `controllers` are users whose owner references count, besides the users of Kubernetes' controllers. `exemptions`
    returns the exemptions for a workload. `fills` says that a mutating policy fills in what pods leave out.
    """

    controllers: tuple[str, ...] = ()
    exemptions: Callable[[Workload], Sequence[Exemption]] = lambda workload: ()
    fills: bool = False


class BuiltPolicy(Struct, frozen=True):
    """A policy, and notes about the workloads that the policy cannot identify."""

    policy: NamespacePolicy
    notes: tuple[str, ...]


def build_policy(namespace: str, workloads: Sequence[Workload], options: PolicyOptions) -> BuiltPolicy:
    """The policy that allows these workloads their present rights. The pods of an owner count for the owner."""
    owners = top_owners(workloads)
    held: dict[str, dict[str, list[GrantReason]]] = {}
    accounts: dict[str, tuple[str, str, str]] = {}
    for workload in sorted(workloads, key=lambda one: one.is_pod):  # the template of an owner counts before its pods
        owner = owners.get(workload_key(workload), workload)
        kind = kind_key(owner.api_version, owner.kind)
        if kind not in IDENTIFIED_KINDS or (owner is not workload and not workload.is_pod):
            continue
        key = f"{kind}/{owner.name}"
        accounts.setdefault(key, (kind, owner.name, workload.template.spec.account))
        containers = held.setdefault(key, {})
        for name, grants in _containers(workload.template, options.exemptions(owner), fills=options.fills):
            containers.setdefault(name, grants)
    found = tuple(
        PolicyWorkload(
            *accounts[key], {name: tuple(one.grant for one in grants) for name, grants in containers.items()}
        )
        for key, containers in sorted(held.items())
    )
    reasons = tuple(sorted(_reasons(held)))
    controllers = tuple(dict.fromkeys((*BUILTIN_CONTROLLERS, *options.controllers)))
    return BuiltPolicy(
        NamespacePolicy(namespace, found, controllers, reasons), tuple(_notes(workloads, owners, found, options))
    )


def _containers(
    template: PodTemplate, exemptions: Sequence[Exemption], *, fills: bool
) -> Iterator[tuple[str, list[GrantReason]]]:
    template = as_admitted(template, pod=True)
    if template.spec.os and template.spec.os.name == "windows":
        return
    for member in members(template.spec):
        if member.role != "ephemeral":
            yield member.container.name, grants_of(member.container, template.spec, exemptions, fills=fills)


def _reasons(held: Mapping[str, Mapping[str, Sequence[GrantReason]]]) -> Iterator[str]:
    for key, containers in held.items():
        for name, grants in containers.items():
            for one in grants:
                if one.reason:
                    end = f"until {one.grant.until}" if one.grant.until else "without an end"
                    yield f"{key}, container {name}: {one.grant.name} {end}: {one.reason}"


def top_owners(workloads: Sequence[Workload]) -> dict[Key, Workload]:
    """By the key of a workload: its highest controller among these workloads. A workload without one is left out.

    Only controllers of IDENTIFIED_KINDS count.
    """
    known = (one for one in workloads if one.metadata.uid and kind_key(one.api_version, one.kind) in IDENTIFIED_KINDS)
    controllers = {one.metadata.uid: one for one in known}
    chains = ((workload, list(owner_chain(workload, controllers))) for workload in workloads)
    return {workload_key(workload): chain[-1] for workload, chain in chains if chain}


def assumed_subject(workload: Workload, policy: NamespacePolicy) -> PolicySubject:
    """The request that would create the object again, from the user of its controller.

    The user of a controller outside Kubernetes is assumed to be the first other controller of the policy.
    """
    controller = workload.metadata.controller
    user = ""
    if controller is not None:
        row = kind_of(controller.api_version, controller.kind)
        others = [name for name in policy.controllers if name not in BUILTIN_CONTROLLERS]
        user = policy.controllers[0] if row and row.builtin else others[0] if others and row else ""
    account = workload.template.spec.account
    return PolicySubject(workload.api_version, workload.kind, workload.name, user, controller, account)


def own_exemptions(
    workload: Workload, listed: Sequence[Exemption], *, annotations: bool
) -> tuple[list[Exemption], list[str]]:
    """The exemptions for a workload, and the errors of invalid annotations.

    `listed` are the exemptions of a file. The workload's annotations count only with `annotations`.
    """
    found = [one for one in listed if one.meets(workload)]
    if not annotations:
        return found, []
    own = list(annotated(workload))
    found += [one for one in own if isinstance(one, Exemption)]
    return found, [f"{workload.reference}: {text}" for text in own if isinstance(text, str)]


def _notes(
    workloads: Sequence[Workload],
    owners: Mapping[Key, Workload],
    held: Sequence[PolicyWorkload],
    options: PolicyOptions,
) -> Iterator[str]:
    """Notes about the workloads that the policy cannot identify."""
    for workload in workloads:
        kind = kind_key(workload.api_version, workload.kind)
        if kind not in IDENTIFIED_KINDS:
            yield f"{workload.reference}: the policy cannot identify its pods, so it grants them nothing"
        elif kind in _OTHER_CONTROLLERS and not options.controllers and workload_key(workload) not in owners:
            yield f"{workload.reference}: the user of its controller is not known; --controller USER names it"
    for key in too_long(held):
        yield f"{key}: too long for a key of a ConfigMap, so the policy grants its containers nothing"
