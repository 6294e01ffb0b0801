"""From the workloads of a namespace to its policy: what each container has now is what it may have."""

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
from kubectl_caps.core.policy.model import BUILTIN_CONTROLLERS, HeldWorkload, NamespacePolicy, too_long

HOLDERS = frozenset((
    "pod", "deployment.apps", "statefulset.apps", "daemonset.apps", "replicaset.apps", "replicationcontroller",
    "job.batch", "cronjob.batch", "rollout.argoproj.io", "cloneset.apps.kruise.io", "statefulset.apps.kruise.io",
    "daemonset.apps.kruise.io", "deploymentconfig.apps.openshift.io",
))  # fmt: skip
"""The kinds whose pods can be told by the owner references of the pods, or of the owner's name (identity.MAKERS)."""

_OWN_CONTROLLER = frozenset(kind for kind in HOLDERS if "." in kind and not kind.endswith((".apps", ".batch")))
"""Those whose controller is not Kubernetes' own."""


class PolicyOptions(Struct, frozen=True, kw_only=True):
    """`controllers` are users beside Kubernetes' own whose owner references are believed.

    `exemptions` gives those for a workload. `fills`: see `grants_of`.
    """

    controllers: tuple[str, ...] = ()
    exemptions: Callable[[Workload], Sequence[Exemption]] = lambda workload: ()
    fills: bool = False


class Built(Struct, frozen=True):
    """A policy, and what it cannot hold."""

    policy: NamespacePolicy
    notes: tuple[str, ...]


def build_policy(namespace: str, workloads: Sequence[Workload], options: PolicyOptions) -> Built:
    """The policy of a namespace with exactly these workloads; pods of an owner count for the owner."""
    owners = top_owners(workloads)
    held: dict[str, dict[str, list[GrantReason]]] = {}
    accounts: dict[str, tuple[str, str, str]] = {}
    for workload in sorted(workloads, key=lambda one: one.is_pod):  # a template tells before its pods do
        owner = owners.get(workload_key(workload), workload)
        kind = kind_key(owner.api_version, owner.kind)
        if kind not in HOLDERS or (owner is not workload and not workload.is_pod):
            continue
        key = f"{kind}/{owner.name}"
        accounts.setdefault(key, (kind, owner.name, workload.template.spec.account))
        containers = held.setdefault(key, {})
        for name, grants in _containers(workload.template, options.exemptions(owner), fills=options.fills):
            containers.setdefault(name, grants)
    found = tuple(
        HeldWorkload(*accounts[key], {name: tuple(one.grant for one in grants) for name, grants in containers.items()})
        for key, containers in sorted(held.items())
    )
    reasons = tuple(sorted(_reasons(held)))
    controllers = tuple(dict.fromkeys((*BUILTIN_CONTROLLERS, *options.controllers)))
    return Built(
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
            yield from (
                f"{key}, container {name}: {one.grant.name} until {one.grant.until or 'further notice'}: {one.reason}"
                for one in grants
                if one.reason
            )


def top_owners(workloads: Sequence[Workload]) -> dict[Key, Workload]:
    """For each workload (by its key) that another one of these controls, the highest of these that can hold it."""
    known = (one for one in workloads if one.metadata.uid and kind_key(one.api_version, one.kind) in HOLDERS)
    holders = {one.metadata.uid: one for one in known}
    chains = ((workload, list(owner_chain(workload, holders))) for workload in workloads)
    return {workload_key(workload): chain[-1] for workload, chain in chains if chain}


def assumed_subject(workload: Workload, policy: NamespacePolicy) -> PolicySubject:
    """The request that makes an object as it stands: by its controller, whose user is known for Kubernetes' own."""
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
    """The exemptions for a workload, and the errors of invalid annotations."""
    found = [one for one in listed if one.meets(workload)]
    if not annotations:
        return found, []
    own = list(annotated(workload))
    found += [one for one in own if isinstance(one, Exemption)]
    return found, [f"{workload.reference}: {text}" for text in own if isinstance(text, str)]


def _notes(
    workloads: Sequence[Workload], owners: Mapping[Key, Workload], held: Sequence[HeldWorkload], options: PolicyOptions
) -> Iterator[str]:
    """What the policy does not know, or not for sure."""
    for workload in workloads:
        kind = kind_key(workload.api_version, workload.kind)
        if kind not in HOLDERS:
            yield f"{workload.reference}: its pods come under names that no policy can know; they may have nothing"
        elif kind in _OWN_CONTROLLER and not options.controllers and workload_key(workload) not in owners:
            yield f"{workload.reference}: the user of its controller is not known; --controller USER names it"
    for key in too_long(held):
        yield f"{key}: longer than a key of a ConfigMap may be; its containers may have nothing"
