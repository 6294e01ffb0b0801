"""Which resources a server has: aggregated discovery (KEP-3352), two requests, Kubernetes 1.26 and later."""

from collections.abc import Callable, Iterator

import msgspec
from msgspec import Struct

from kubectl_caps.cluster import answers
from kubectl_caps.cluster.resources import Resource
from kubectl_caps.cluster.transport import JSON, Request, Response

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


class _Metadata(Struct, frozen=True):
    name: str = ""


class _Group(Struct, frozen=True):
    metadata: _Metadata = _Metadata()
    versions: list[_Version] | None = None


class _Groups(Struct, frozen=True):
    kind: str
    items: list[_Group] | None = None


_GROUPS = msgspec.json.Decoder(_Groups)


def discover(send: Callable[[Request], Response]) -> Iterator[Resource]:
    """Every resource that the server has, in its order of preference. Raises ApiError, Unreachable."""
    for path in ("/api", "/apis"):
        response = send(Request("GET", path, accept=_ACCEPT))
        try:
            groups = _GROUPS.decode(response.body)
        except msgspec.DecodeError as error:
            raise answers.not_json(response, str(error)) from error
        if groups.kind != "APIGroupDiscoveryList":
            raise answers.not_json(response, f"no aggregated discovery but {groups.kind}: older than Kubernetes 1.26")
        for group in groups.items or ():
            yield from _resources(group)


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
