"""Reads the names of objects and containers for shell completion, over one connection that starts fast.

The kubernetes client is not used, because a user does not wait so long for a Tab. All requests are GETs. A failed
request is not sent again, and its whole list of names is dropped, because a part of the names would look complete.
"""

import http.client
import ssl
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlsplit

from msgspec import Struct, field, json

from kubectl_caps.cluster.api.resources import Resource
from kubectl_caps.cluster.config.connection import Connection
from kubectl_caps.cluster.http.credentials import Credentials
from kubectl_caps.cluster.http.dial import dial
from kubectl_caps.cluster.http.identity_headers import identity_headers
from kubectl_caps.cluster.http.request_limit import RequestLimit
from kubectl_caps.cluster.http.tls import tls_context

_LIMIT = 500
_SIZE = 16 << 20
_NAMES = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"


class _Metadata(Struct, frozen=True):
    name: str = ""


class _Named(Struct, frozen=True):
    metadata: _Metadata = _Metadata()


class _ListMetadata(Struct, frozen=True):
    token: str = field(name="continue", default="")


class _NameList(Struct, frozen=True):
    metadata: _ListMetadata = _ListMetadata()
    items: list[_Named] | None = None
    """The items; an empty list has a null (k8s.io/apiserver, asPartialObjectMetadataList)."""


class NoAnswer(Exception):
    """The server answered with an error; the text is the HTTP status."""


class NameReader:
    """Reads names from one API server, for at most `seconds` in all. `everywhere` means from all namespaces."""

    def __init__(self, connection: Connection, seconds: float, *, everywhere: bool = False) -> None:
        self._connection, self._everywhere = connection, everywhere
        self._limit = RequestLimit(time.monotonic() + seconds, None, _SIZE)
        self._http: http.client.HTTPConnection | None = None
        self._context: ssl.SSLContext | None = None
        self._headers: list[tuple[str, str]] = []

    def __enter__(self) -> "NameReader":
        return self

    def __exit__(self, *_: object) -> None:
        if self._http:
            self._http.close()

    def names(self, resource: Resource) -> list[str]:
        """The names of all objects of a type; empty for a type that the server does not have.

        Raises NoAnswer and the errors of `_get`, also if only the last page fails.
        """
        namespace = self._connection.namespace if resource.namespaced and not self._everywhere else None
        path = f"{resource.path(namespace)}?limit={_LIMIT}"
        found: list[str] = []
        page = json.decode(self._get(path, _NAMES) or b"{}", type=_NameList)
        while True:
            found += (item.metadata.name for item in page.items or ())
            if not page.metadata.token:
                return found
            body = self._get(f"{path}&continue={quote(page.metadata.token, safe='')}", _NAMES)
            page = json.decode(body, type=_NameList)

    def containers(self, resource: Resource, name: str) -> Iterator[tuple[str, str]]:
        """The name and image of each container of an object; empty for an object that does not exist.

        Raises NoAnswer and the errors of `_get`.
        """
        body = self._get(resource.path(self._connection.namespace, name), "application/json")
        yield from _containers(json.decode(body or b"{}"))

    def _get(self, path: str, accept: str) -> bytes:
        """The body of the answer, empty for 404.

        Raises NoAnswer, OSError, http.client.HTTPException, ConfigError, Unreachable.
        """
        with self._limit.applied():
            http_connection = self._http = self._http if self._http and self._http.sock else self._connect()
            http_connection.putrequest("GET", urlsplit(self._connection.server).path + path, skip_accept_encoding=True)
            http_connection.putheader("Accept", accept)
            for header, value in self._headers:
                http_connection.putheader(header, value.encode())
            http_connection.endheaders()
            with http_connection.getresponse() as answer:
                body = answer.read()
            if answer.status not in (200, 404):
                raise NoAnswer(answer.status)
            return body if answer.status == 200 else b""

    def _connect(self) -> http.client.HTTPConnection:
        """Open a connection to the server: the first one, or another one after the server has closed the first.

        `auto_open` is off, because http.client would open the other connection without TLS.
        """
        connection = self._connection
        if self._context is None:
            credential = Credentials(connection).current()
            self._headers = list(identity_headers(connection.impersonation, credential))
            self._context = tls_context(connection.trust, connection.identity, credential)
        server = urlsplit(connection.server)
        http_connection = http.client.HTTPConnection(server.hostname or "", server.port)
        http_connection.auto_open = 0
        http_connection.sock = dial(connection.server, connection.proxy, self._context, connection.trust.server_name)
        return http_connection


def _containers(value: Any) -> Iterator[tuple[str, str]]:
    """The name and image of every container in an object, at any depth."""
    if isinstance(value, list):
        for item in value:
            yield from _containers(item)
    if isinstance(value, dict):
        for key, item in value.items():
            if key in ("initContainers", "containers") and isinstance(item, list):
                yield from ((str(one["name"]), str(one.get("image") or "")) for one in item if "name" in one)
            else:
                yield from _containers(item)
