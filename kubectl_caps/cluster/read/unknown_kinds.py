"""Lists objects of unknown kinds (in no row of the kinds table) that seem to hold a pod template."""

import re
from collections.abc import Iterator, Mapping, Sequence, Set
from typing import Any

import msgspec
from msgspec import Struct

from kubectl_caps.cluster.api.client import Cluster, Listing
from kubectl_caps.cluster.api.resources import Resource
from kubectl_caps.cluster.http.deep_json import CUT
from kubectl_caps.core.kubernetes.kinds import kind_of
from kubectl_caps.core.kubernetes.pod import Metadata, lenient_metadata
from kubectl_caps.core.kubernetes.unknown_kinds import POD_FIELDS, makes_no_pods, not_judged, pod_field
from kubectl_caps.core.kubernetes.workloads import reference
from kubectl_caps.errors import ApiError

_DEFINITIONS = "customresourcedefinitions.apiextensions.k8s.io"
_SIGNS = re.compile(
    b'"(?:%s)"' % "|".join(("containers", "x-kubernetes-preserve-unknown-fields", *POD_FIELDS)).encode()
)
"""The signs in the definition of a kind that may make pods."""


WITHOUT_PODS = frozenset(
    {
        *("", "apps", "autoscaling", "batch", "extensions", "policy"),
        *(
            f"{group}.k8s.io"
            for group in (
                "admissionregistration", "apiextensions", "apiregistration", "authentication", "authorization",
                "certificates", "coordination", "discovery", "events", "flowcontrol.apiserver", "imagepolicy",
                "internal.apiserver", "networking", "node", "rbac.authorization", "resource", "scheduling", "storage",
                "storagemigration",
                "metrics", "custom.metrics", "external.metrics",
            )
        ),
    }
)  # fmt: skip
"""The groups in which only the kinds of the kinds table hold pod templates: Kubernetes' own (k8s.io/api), and the
groups of k8s.io/metrics, which another API server serves. A CustomResourceDefinition can add kinds to such a group;
these kinds are searched."""


_OWN: Mapping[str, tuple[str, ...]] = {
    "authorization": ("localsubjectaccessreviews",),
    "certificates": ("podcertificaterequests",),
    "coordination": ("leases", "leasecandidates"),
    "discovery": ("endpointslices",),
    "events": ("events",),
    "networking": ("ingresses", "networkpolicies"),
    "rbac.authorization": ("roles", "rolebindings"),
    "resource": ("resourceclaims", "resourceclaimtemplates", "podschedulingcontexts"),
    "scheduling": ("workloads", "podgroups"),
    "storage": ("csistoragecapacities",),
}
"""Kubernetes' namespaced resources in the groups to which a definition can add (k8s.io/api). The group of a definition
has a dot in its name (apiextensions-apiserver pkg/apis/apiextensions/validation)."""


class _Names(Struct, frozen=True):
    plural: str = ""


class _DefinitionSpec(Struct, frozen=True):
    group: str = ""
    names: _Names = _Names()


class _Definition(Struct, frozen=True):
    spec: _DefinitionSpec = _DefinitionSpec()


class _Named(Struct, frozen=True):
    metadata: Metadata = Metadata()


_DEFINITION = msgspec.json.Decoder(_Definition)
msgspec.json.Decoder(_Named)  # completed before threads share it: see core/kubernetes/pod.py


class UnknownObjects(Struct):
    """The found objects, and the parts of the cluster that could not be read.

    `refused` are lists with their errors. `stale` are the group versions whose API server does not answer. `undefined`
    is the error of the list of definitions.
    """

    found: list["UnknownObject"]
    refused: list[tuple[Listing, ApiError]]
    stale: list[str]
    undefined: ApiError | None = None


class UnknownObject(Struct, frozen=True):
    """An object that seems to make pods, or that cannot be read. `why` continues the sentence after `reference`."""

    metadata: Metadata
    reference: str
    why: str


def find_unknown_objects(
    cluster: Cluster, namespaces: Sequence[str], few: int, known: Set[str | None]
) -> UnknownObjects:
    """The objects of unknown kinds that seem to hold a pod template, and the lists that were refused.

    An object is left out if its controller is another one of these objects, or has one of the `known` uids. For more
    than `few` namespaces the whole cluster is listed. Raises ApiError if discovery is refused.
    """
    scopes: Sequence[str | None] = namespaces if len(namespaces) <= few else (None,)
    candidates, undefined = _candidates(cluster)
    listings = [Listing(resource, scope) for resource in candidates for scope in scopes]
    found: list[UnknownObject] = []
    refused: list[tuple[Listing, ApiError]] = []
    for listing, answer in zip(listings, cluster.list_many(listings), strict=True):
        try:
            if isinstance(answer, ApiError):
                raise answer
            found += _look(listing.resource, answer)
        except ApiError as error:
            refused += [] if error.code in (404, 405) else [(listing, error)]
    makers = known | {one.metadata.uid for one in found}
    apart = [one for one in found if not (owner := one.metadata.controller) or owner.uid not in makers]
    stale = [version for version in cluster.stale() if version.partition("/")[0] not in WITHOUT_PODS]
    return UnknownObjects(apart, refused, stale, undefined)


def _look(resource: Resource, raws: Iterator[msgspec.Raw]) -> Iterator[UnknownObject]:
    for raw in raws:
        obj = msgspec.json.decode(raw)
        if why := _why(resource, obj, raw):
            metadata = _metadata(obj)
            yield UnknownObject(metadata, reference(resource.api_version, resource.kind, metadata.name or ""), why)


def _metadata(obj: Any) -> Metadata:
    """The object's metadata. If a field has a wrong type, only the readable part, without an owner."""
    try:
        return msgspec.convert(obj, _Named).metadata
    except msgspec.ValidationError:
        return lenient_metadata(obj)


def _why(resource: Resource, obj: Any, raw: msgspec.Raw) -> str:
    """The reason why an object is not judged; empty for an object that makes no pods."""
    if not isinstance(obj, Mapping):
        return "is no object"
    field = pod_field({**obj, "apiVersion": resource.api_version, "kind": resource.kind})
    if field is not None:
        return not_judged(field)
    return "is nested too deep to be looked at" if CUT in bytes(raw) else ""


def _candidates(cluster: Cluster) -> tuple[list[Resource], ApiError | None]:
    """The namespaced resources of unknown kinds that may hold containers, and the error of the list of definitions.

    A custom resource is a candidate if its definition has a sign. A resource of another API server has no definition,
    and is always a candidate. If the definitions cannot be read, every resource is a candidate that Kubernetes itself
    does not serve.
    """
    served = {(item.group, item.plural): item for item in reversed(list(cluster.served()))}
    unknown = {key: item for key, item in served.items() if item.namespaced and _is_unknown(item)}
    if not unknown:
        return [], None
    try:
        has_sign = dict(_definition_signs(cluster))
    except ApiError as error:
        return [item for item in unknown.values() if not _is_own(item)], error
    foreign = {key for key, item in unknown.items() if item.group not in WITHOUT_PODS}
    return [item for key, item in unknown.items() if has_sign.get(key, key in foreign)], None


def _is_unknown(resource: Resource) -> bool:
    """Whether a kind is in no table: neither the kinds that make pods, nor the kinds that only hold pod fields."""
    without = makes_no_pods(resource.api_version, resource.kind)
    return kind_of(resource.api_version, resource.kind) is None and (without is None or bool(without.but))


def _is_own(resource: Resource) -> bool:
    """Whether Kubernetes itself or a metrics server serves the resource."""
    if resource.group not in WITHOUT_PODS:
        return False
    group, dot, _ = resource.group.rpartition(".k8s.io")
    return not dot or group.endswith("metrics") or resource.plural in _OWN.get(group, ())


def _definition_signs(cluster: Cluster) -> Iterator[tuple[tuple[str, str], bool]]:
    """The group and plural of every definition, and whether the definition has one of the signs."""
    for page in cluster.pages(cluster.resource(_DEFINITIONS), None, limit=50):
        for raw in page:
            try:
                spec = _DEFINITION.decode(raw).spec
            except msgspec.ValidationError:
                continue  # without an entry, `_candidates` judges the resource as one that has no definition
            yield (spec.group, spec.names.plural), _SIGNS.search(bytes(raw)) is not None
