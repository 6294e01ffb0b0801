"""Reads names of objects and containers for completion, over one connection with as little start-up as possible.

The kubernetes client's pool takes longer to load than a user waits for a Tab. Only GET requests are made here, and what
fails is not told: completion has no place to tell it.
"""

import http.client
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from msgspec import Struct, json

from kubectl_caps.cluster.api.resources import Resource
from kubectl_caps.cluster.config.connection import Connection
from kubectl_caps.cluster.http.allowance import RequestLimit
from kubectl_caps.cluster.http.credentials import Credentials
from kubectl_caps.cluster.http.dial import dial
from kubectl_caps.cluster.http.identity_headers import identity_headers
from kubectl_caps.cluster.http.tls import tls_context

_LIMIT = 500
_SIZE = 16 << 20
_NAMES = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"


class _Metadata(Struct, frozen=True):
    name: str = ""


class _Named(Struct, frozen=True):
    metadata: _Metadata = _Metadata()


class _NameList(Struct, frozen=True):
    items: list[_Named] = []


class NameReader:
    """Reads names from one API server, in `seconds` altogether; `everywhere` means of all namespaces."""

    def __init__(self, connection: Connection, seconds: float, *, everywhere: bool = False) -> None:
        self._connection, self._everywhere = connection, everywhere
        self._allowance = RequestLimit(time.monotonic() + seconds, None, _SIZE)
        self._line: http.client.HTTPConnection | None = None
        self._headers: list[tuple[str, str]] = []

    def __enter__(self) -> "NameReader":
        return self

    def __exit__(self, *_: object) -> None:
        if self._line:
            self._line.close()

    def names(self, resource: Resource) -> list[str]:
        """The names of the first 500 objects. Raises what the connection raises."""
        namespace = self._connection.namespace if resource.namespaced and not self._everywhere else None
        body = self._get(f"{resource.path(namespace)}?limit={_LIMIT}", _NAMES)
        return [item.metadata.name for item in json.decode(body, type=_NameList).items]

    def containers(self, resource: Resource, name: str) -> Iterator[tuple[str, str]]:
        """The name and image of each container of an object. Raises what the connection raises."""
        body = self._get(resource.path(self._connection.namespace, name), "application/json")
        yield from _containers(json.decode(body))

    def _get(self, path: str, accept: str) -> bytes:
        with self._allowance.kept():
            line = self._line = self._line or self._connect()
            line.putrequest("GET", urlsplit(self._connection.server).path + path, skip_accept_encoding=True)
            line.putheader("Accept", accept)
            for header, value in self._headers:
                line.putheader(header, value.encode())
            line.endheaders()
            with line.getresponse() as answer:
                return answer.read() if answer.status == 200 else b"{}"

    def _connect(self) -> http.client.HTTPConnection:
        connection = self._connection
        credential = Credentials(connection).current()
        self._headers = list(identity_headers(connection.impersonation, credential))
        context = tls_context(connection.trust, connection.identity, credential)
        server = urlsplit(connection.server)
        line = http.client.HTTPConnection(server.hostname or "", server.port)
        line.sock = dial(connection.server, connection.proxy, context, connection.trust.server_name)
        return line


def _containers(value: Any) -> Iterator[tuple[str, str]]:
    """Every container in an object, wherever its template stands."""
    if isinstance(value, list):
        for item in value:
            yield from _containers(item)
    if isinstance(value, dict):
        for key, item in value.items():
            if key in ("initContainers", "containers") and isinstance(item, list):
                yield from ((str(one["name"]), str(one.get("image") or "")) for one in item if "name" in one)
            else:
                yield from _containers(item)
