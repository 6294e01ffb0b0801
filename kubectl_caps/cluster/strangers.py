"""Objects of kinds that are in no row of the kinds table, and yet hold something like a pod template."""

from collections.abc import Iterator, Sequence, Set

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from kubectl_caps.cluster.nesting import CUT
from kubectl_caps.cluster.objects import Cluster, Listing
from kubectl_caps.cluster.resources import Resource
from kubectl_caps.core.pod import Metadata
from kubectl_caps.core.workloads import kind_of, looks_like_pods, reference
from kubectl_caps.errors import ApiError

_DEFINITIONS = "customresourcedefinitions.apiextensions.k8s.io"
_SIGNS = (b'"containers"', b'"securityContext"', b'"x-kubernetes-preserve-unknown-fields"')
"""What the schema of a kind has that may hold containers."""


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
"""Groups whose kinds hold no pod templates but those in the table of kinds: Kubernetes' own (k8s.io/api), and the
metrics of k8s.io/metrics, which another API server serves. What a definition adds to such a group is looked into."""


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
msgspec.json.Decoder(_Named)  # completed before threads share it: see core/pod.py


class Stranger(Struct, frozen=True):
    """An object that seems to hold a pod template, or that nobody can look into; `why` says so."""

    metadata: Metadata
    reference: str
    why: str = "seems to hold a pod template, but the kind is unknown"


def strangers(
    cluster: Cluster, namespaces: Sequence[str], few: int, known: Set[str | None]
) -> tuple[list[Stranger], list[tuple[Listing, ApiError]]]:
    """The objects that seem to hold a pod template of an unknown kind, and the lists that were refused.

    What another of them, or one of the `known` uids, has made is not one. More than `few` namespaces are listed
    together. Raises ApiError where the server does not tell what it serves.
    """
    scopes: Sequence[str | None] = namespaces if len(namespaces) <= few else (None,)
    listings = [Listing(resource, scope) for resource in _candidates(cluster) for scope in scopes]
    found: list[Stranger] = []
    refused: list[tuple[Listing, ApiError]] = []
    for listing, answer in zip(listings, cluster.list_many(listings), strict=True):
        try:
            if isinstance(answer, ApiError):
                raise answer
            found += _look(listing.resource, answer)
        except ApiError as error:
            refused += [] if error.code in (404, 405) else [(listing, error)]
    makers = known | {one.metadata.uid for one in found}
    return [one for one in found if not (owner := one.metadata.controller) or owner.uid not in makers], refused


def _look(resource: Resource, raws: Iterator[msgspec.Raw]) -> Iterator[Stranger]:
    for raw in raws:
        obj = msgspec.json.decode(raw)
        obj.pop("status", None)
        if looks_like_pods(obj):
            yield _stranger(resource, obj)
        elif CUT in bytes(raw):
            yield replace(_stranger(resource, obj), why="is nested too deep to be looked at")


def _stranger(resource: Resource, obj: object) -> Stranger:
    metadata = msgspec.convert(obj, _Named).metadata
    return Stranger(metadata, reference(resource.api_version, resource.kind, metadata.name or ""))


def _candidates(cluster: Cluster) -> list[Resource]:
    """The namespaced resources of unknown kinds that may hold containers.

    These are the custom ones whose definition has a sign, and those that another API server serves, which have no
    definition. Where the definitions may not be read, it is every one that Kubernetes itself does not serve.
    """
    served = {(item.group, item.plural): item for item in reversed(list(cluster.served()))}
    unknown = {
        key: item for key, item in served.items() if item.namespaced and kind_of(item.api_version, item.kind) is None
    }
    foreign = {key: item for key, item in unknown.items() if item.group not in WITHOUT_PODS}
    if not unknown:
        return []
    try:
        telling = dict(_telling(cluster))
    except ApiError:
        return list(foreign.values())
    return [item for key, item in unknown.items() if telling.get(key, key in foreign)]


def _telling(cluster: Cluster) -> Iterator[tuple[tuple[str, str], bool]]:
    """Every definition, and whether its schema has one of the signs."""
    for page in cluster.pages(cluster.resource(_DEFINITIONS), None, limit=50):
        for raw in page:
            spec = _DEFINITION.decode(raw).spec
            yield (spec.group, spec.names.plural), any(sign in bytes(raw) for sign in _SIGNS)
