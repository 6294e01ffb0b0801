"""Requests over connections that stay open, one for each thread, with the warnings that come back."""

import json
import ssl
import threading
from collections.abc import Iterator, Sequence
from http.client import HTTPSConnection
from typing import Any

from msgspec import Struct
from testbed.place import Place

Json = dict[str, Any]


class Answer(Struct):
    """What the server says: its status, the object or the error, and the texts of the Warning headers."""

    status: int
    body: Json
    warnings: list[str]

    @property
    def message(self) -> str:
        """The error's text."""
        return str(self.body.get("message", ""))


class Server:
    """The API server of a cluster, as its administrator."""

    def __init__(self, place: Place) -> None:
        self._port = place.port
        self._tls = ssl.create_default_context(cafile=str(place.pki / "ca.crt"))
        self._tls.load_cert_chain(place.pki / "admin.crt", place.pki / "admin.key")
        self._threads = threading.local()
        self._open: list[HTTPSConnection] = []

    def close(self) -> None:
        """Ends all connections."""
        for connection in self._open:
            connection.close()

    def create(self, path: str, body: Json, *, dry_run: bool = True) -> Answer:
        """POST an object."""
        return self._send("POST", path + ("?dryRun=All" if dry_run else ""), body, "application/json")

    def merge(self, path: str, body: Json, *, dry_run: bool = True) -> Answer:
        """Send a merge patch."""
        query = "?dryRun=All" if dry_run else ""
        return self._send("PATCH", path + query, body, "application/merge-patch+json")

    def get(self, path: str) -> Answer:
        """GET an object."""
        return self._send("GET", path, None, "application/json")

    def _send(self, method: str, path: str, body: Json | None, kind: str) -> Answer:
        connection = getattr(self._threads, "connection", None)
        if connection is None:
            connection = HTTPSConnection("127.0.0.1", self._port, context=self._tls, timeout=60)
            self._threads.connection = connection
            self._open.append(connection)
        connection.request(method, path, json.dumps(body) if body else None, {"Content-Type": kind})
        answer = connection.getresponse()
        decoded = json.loads(answer.read())
        return Answer(answer.status, decoded, [*_texts(answer.headers.get_all("Warning") or ())])


def _texts(headers: Sequence[str]) -> Iterator[str]:
    """The quoted texts of `299 - "text"` headers (RFC 7234, section 5.5): Go sends bytes that are UTF-8."""
    for header in headers:
        text = header.encode("latin-1").decode()
        quoted = text[text.index('"') + 1 : text.rindex('"')]
        yield quoted.replace('\\"', '"').replace("\\\\", "\\")
