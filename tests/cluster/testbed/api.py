"""Requests to a cluster's API server as its administrator, for what a test needs before it can begin."""

import contextlib
import json
import ssl
import weakref
from http.client import HTTPException, HTTPSConnection
from typing import Any

from testbed.place import Place


class Api:
    """The API server of `place`; its connections stay open for the next requests, which may come from any thread."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._idle: list[HTTPSConnection] = []
        weakref.finalize(self, _close, self._idle)
        self._tls = ssl.create_default_context(cafile=str(place.pki / "ca.crt"))
        self._tls.load_cert_chain(place.pki / "admin.crt", place.pki / "admin.key")

    def request(
        self, method: str, path: str, body: object = None, content_type: str = "application/json"
    ) -> tuple[int, Any]:
        """The status and the decoded answer. Raises OSError while there is no server."""
        data, headers = None if body is None else json.dumps(body), {"Content-Type": content_type}
        while self._idle:
            with contextlib.suppress(OSError, HTTPException):  # the server closes what is idle for long
                return self._exchange(self._idle.pop(), method, path, data, headers)
        try:
            return self._exchange(self._connect(), method, path, data, headers)
        except HTTPException as broken:
            raise OSError(str(broken)) from broken

    def _exchange(
        self, connection: HTTPSConnection, method: str, path: str, data: str | None, headers: dict[str, str]
    ) -> tuple[int, Any]:
        try:
            connection.request(method, path, data, headers)
            answer = connection.getresponse()
            text = answer.read()
        except BaseException:
            connection.close()
            raise
        self._idle.append(connection)
        return answer.status, json.loads(text) if text.startswith(b"{") else text.decode()

    def _connect(self) -> HTTPSConnection:
        return HTTPSConnection("127.0.0.1", self._place.port, context=self._tls, timeout=30)

    def get(self, path: str) -> Any:
        """What is at `path`; None if there is no such thing, or no server yet."""
        try:
            status, answer = self.request("GET", path)
        except OSError:
            return None
        return answer if status == 200 else None


def _close(connections: list[HTTPSConnection]) -> None:
    for connection in connections:
        connection.close()
