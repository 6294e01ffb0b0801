"""Reads the resources that a server has, by aggregated discovery (KEP-3352, Kubernetes 1.26 and later)."""

from collections.abc import Callable, Iterator, Sequence

import msgspec
from msgspec import Struct

from kubectl_caps.cluster.api.resources import Resource
from kubectl_caps.cluster.http import responses
from kubectl_caps.cluster.http.deep_json import UNREADABLE, decode_deep
from kubectl_caps.cluster.http.transport import JSON, Request, Response

_ACCEPT = ",".join(
    [f"{JSON};g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList" for version in ("v2", "v2beta1")] + [JSON]
)


class _Kind(Struct, frozen=True):
    kind: str = ""


class _Resource(Struct, frozen=True, rename="camel"):
    resource: str
    response_kind: _Kind | None = None
    scope: str = "Namespaced"
    singular_resource: str = ""
    short_names: tuple[str, ...] | None = None


class _Version(Struct, frozen=True):
    version: str
    resources: list[_Resource] | None = None
    freshness: str = ""


class _Metadata(Struct, frozen=True):
    name: str = ""


class _Group(Struct, frozen=True):
    metadata: _Metadata = _Metadata()
    versions: list[_Version] | None = None


class _Groups(Struct, frozen=True):
    kind: str
    items: list[_Group] | None = None


_GROUPS = msgspec.json.Decoder(_Groups)


class Served(Struct, frozen=True):
    """The resources of a server, in its order of preference.

    `stale` are the group versions (`metrics.k8s.io/v1beta1`) whose own API server does not answer. The known resources
    of these may be incomplete (k8s.io/api apidiscovery/v2 APIVersionDiscovery.freshness).
    """

    resources: Sequence[Resource]
    stale: Sequence[str]


def discover(send: Callable[[Request], Response]) -> Served:
    """Read the resources that the server serves, with two requests. Raises ApiError, and the errors of `send`."""
    resources: list[Resource] = []
    stale: list[str] = []
    for path in ("/api", "/apis"):
        for group in _groups(send(Request("GET", path, accept=_ACCEPT))):
            resources += _resources(group)
            stale += [
                f"{group.metadata.name}/{one.version}" for one in group.versions or () if one.freshness == "Stale"
            ]
    return Served(resources, stale)


def _groups(response: Response) -> list[_Group]:
    try:
        groups = decode_deep(_GROUPS, response.body)
    except UNREADABLE as error:
        raise responses.not_json(response, str(error)) from error
    if groups.kind != "APIGroupDiscoveryList":
        raise responses.not_json(response, f"no aggregated discovery but {groups.kind}: older than Kubernetes 1.26")
    return groups.items or []


def _resources(group: _Group) -> Iterator[Resource]:
    for version in group.versions or ():
        for found in version.resources or ():
            if found.response_kind:
                yield Resource(
                    group.metadata.name,
                    version.version,
                    found.resource,
                    found.response_kind.kind,
                    found.scope == "Namespaced",
                    found.singular_resource,
                    found.short_names or (),
                )
