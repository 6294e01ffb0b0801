"""Requests to a cluster's API server as its administrator, for what a test needs before it can begin."""

import json
import ssl
from http.client import HTTPException, HTTPSConnection
from typing import Any

from testbed.place import Place


class Api:
    """The API server of `place`."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._tls = ssl.create_default_context(cafile=str(place.pki / "ca.crt"))
        self._tls.load_cert_chain(place.pki / "admin.crt", place.pki / "admin.key")

    def request(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """The status and the decoded answer. Raises OSError while there is no server."""
        connection = HTTPSConnection("127.0.0.1", self._place.port, context=self._tls, timeout=30)
        try:
            headers = {"Content-Type": "application/json"}
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            text = answer.read()
        except HTTPException as broken:
            raise OSError(str(broken)) from broken
        finally:
            connection.close()
        return answer.status, json.loads(text) if text.startswith(b"{") else text.decode()

    def get(self, path: str) -> Any:
        """What is at `path`; None if there is no such thing, or no server yet."""
        try:
            status, answer = self.request("GET", path)
        except OSError:
            return None
        return answer if status == 200 else None
