"""Custom resources of kinds that are in no row of the kinds table, and yet hold something like a pod template."""

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
) -> tuple[list[Stranger], list[Listing]]:
    """The objects that seem to hold a pod template of an unknown kind, and the lists that were refused.

    What another of them, or one of the `known` uids, has made is not one. More than `few` namespaces are listed
    together. Raises ApiError where the server does not tell what it serves.
    """
    scopes: Sequence[str | None] = namespaces if len(namespaces) <= few else (None,)
    listings = [Listing(resource, scope) for resource in _candidates(cluster) for scope in scopes]
    found: list[Stranger] = []
    refused: list[Listing] = []
    for listing, answer in zip(listings, cluster.list_many(listings), strict=True):
        try:
            if isinstance(answer, ApiError):
                raise answer
            found += _look(listing.resource, answer)
        except ApiError as error:
            refused += [] if error.code in (404, 405) else [listing]
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
    """The namespaced custom resources of unknown kinds that may hold containers; all of them if nothing tells."""
    served = {(item.group, item.plural): item for item in reversed(list(cluster.served()))}
    unknown = {key: item for key, item in served.items() if item.namespaced and _is_unknown(item)}
    if not unknown:
        return []
    try:
        telling = set(_telling(cluster))
    except ApiError:
        return list(unknown.values())
    return [item for key, item in unknown.items() if key in telling]


def _is_unknown(resource: Resource) -> bool:
    group = resource.group
    own = "." not in group or (group.endswith(".k8s.io") and not group.endswith(".x-k8s.io"))
    return not own and kind_of(resource.api_version, resource.kind) is None


def _telling(cluster: Cluster) -> Iterator[tuple[str, str]]:
    """The definitions whose schema has one of the signs."""
    for page in cluster.pages(cluster.resource(_DEFINITIONS), None, limit=50):
        for raw in page:
            if any(sign in bytes(raw) for sign in _SIGNS):
                spec = _DEFINITION.decode(raw).spec
                yield spec.group, spec.names.plural
