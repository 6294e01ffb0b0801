"""Builds policies from the workloads of a namespace, from manifests, or from the JSON of another command."""

import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from kubectl_caps.cli.policy import PolicyArguments
from kubectl_caps.cluster.api.client import Cluster
from kubectl_caps.cluster.api.resources import NAMESPACES
from kubectl_caps.cluster.read.namespaces import all_workloads, list_workloads
from kubectl_caps.commands.shared.connect import working_namespace
from kubectl_caps.commands.shared.manifests import read_manifests
from kubectl_caps.core.assess.exemptions import Exemption
from kubectl_caps.core.kubernetes.workloads import Workload
from kubectl_caps.core.policy.build import BuiltPolicy, PolicyOptions, build_policy, own_exemptions
from kubectl_caps.core.policy.documents import NoPolicyInDocument, read_document
from kubectl_caps.core.policy.model import BUILTIN_CONTROLLERS, NamespacePolicy
from kubectl_caps.errors import ApiError, CapsError, InputError
from kubectl_caps.report.terminal import say


class PolicySource(Struct, frozen=True):
    """The policy of one namespace, its workloads and source, and the errors of unreadable workloads."""

    built: BuiltPolicy
    workloads: list[Workload]
    made_from: str
    errors: list[CapsError]


def policy_of_cluster(cluster: Cluster, namespace: str, context: str, arguments: PolicyArguments) -> PolicySource:
    """The policy of all workloads and pods in a namespace of the cluster. Raises CapsError."""
    inventory = list_workloads(cluster, [namespace], {"context": context})[namespace]
    workloads, errors = all_workloads(inventory), inventory.errors
    if not workloads and not errors:
        try:
            cluster.get(NAMESPACES, None, namespace)
        except ApiError as error:
            if error.code != 403:
                raise
    say(*inventory.notes)
    return PolicySource(_built(namespace, workloads, arguments), workloads, f"namespace {namespace}", errors)


def policies_of_files(arguments: PolicyArguments) -> list[PolicySource]:
    """The policies of manifests, one for each namespace that the objects name.

    Objects without a namespace belong to the namespace of -n.
    """
    files = read_manifests(arguments, "policy", namespace=arguments.namespace)
    errors = list(files.errors)
    by_namespace: dict[str, list[Workload]] = {}
    for item in files.found:
        for workload in item.workloads:
            by_namespace.setdefault(workload.namespace or arguments.namespace or "", []).append(workload)
    if homeless := by_namespace.pop("", []):
        names = ", ".join(one.reference for one in homeless[:3])
        errors.append(InputError(f"{len(homeless)} of the objects name no namespace ({names}): -n names it"))
    if not by_namespace and not errors:
        errors.append(InputError("nothing to make a policy of: the files hold no object that runs pods"))
    made_from = f"files {', '.join(arguments.filename) or arguments.kustomize}"
    found = []
    for namespace, workloads in sorted(by_namespace.items()):
        found.append(PolicySource(_built(namespace, workloads, arguments), workloads, made_from, errors))
        errors = []
    for error in errors:
        say(str(error))
    return found or [PolicySource(BuiltPolicy(NamespacePolicy("", ()), ()), [], made_from, errors)]


def policies_of_document(arguments: PolicyArguments) -> list[PolicySource]:
    """The policies of the JSON of `fit` or `inspect`: one for each namespace, or only for the namespace of -n.

    Raises InputError.
    """
    path = arguments.document or ""
    try:
        raw = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
        document = msgspec.json.decode(raw)
        found = read_document(document)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from error
    except (msgspec.DecodeError, NoPolicyInDocument, RecursionError) as error:
        raise InputError(f"{path}: {error}") from error
    wanted = arguments.namespace
    controllers = tuple(dict.fromkeys((*BUILTIN_CONTROLLERS, *arguments.controllers)))
    sources = []
    for namespace, held in sorted(found.by_namespace.items()):
        place = namespace or wanted or working_namespace(arguments)
        if wanted in (None, place):
            policy = NamespacePolicy(place, tuple(sorted(held, key=lambda one: one.key)), controllers)
            sources.append(PolicySource(BuiltPolicy(policy, tuple(found.notes)), [], f"{document['kind']} {path}", []))
    if not sources:
        raise InputError(f"{path}: holds no answer for a workload{f' in namespace {wanted}' if wanted else ''}")
    return sources


def _built(namespace: str, workloads: Sequence[Workload], arguments: PolicyArguments) -> BuiltPolicy:
    listed = _listed(arguments)

    def meant(workload: Workload) -> Sequence[Exemption]:
        found, wrong = own_exemptions(workload, listed, annotations=arguments.annotations)
        say(*(line for line in wrong))
        return found

    options = PolicyOptions(controllers=arguments.controllers, exemptions=meant, fills=arguments.fills)
    built = build_policy(namespace, workloads, options)
    for one in listed:
        if not one.not_judged and not any(one.meets(workload) for workload in workloads):
            say(f"{one.origin}: matches no workload of namespace {namespace}, so it is not in the policy")
    return built


def _listed(arguments: PolicyArguments) -> list[Exemption]:
    if arguments.exemptions is None:
        return []
    from kubectl_caps.manifests.read.exemptions import read_exemptions

    return read_exemptions(arguments.exemptions)
