"""Between a client and the real API server: sees each request, may do something before or after it, or cut it off.

What happens at the right moment is real: somebody else's patch, a killed process, a lost answer. The API is never
mocked.
"""

import contextlib
import http.client
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlencode

from loopback import Answer, Seen, kubeconfig, serving
from testbed.cluster import Cluster

CUT = Answer(cut=-1)
"""The connection ends without an answer."""

_PASSED_ON = ("accept", "content-type")


class Middleman:
    """A running one: its kubeconfig, what came so far, and `deliver`, which passes a request on that was held back."""

    def __init__(self, config: str, seen: list[Seen], deliver: Callable[[Seen], Answer]) -> None:
        self.kubeconfig, self.seen, self.deliver = config, seen, deliver

    def sent(self) -> list[str]:
        """The names of the objects that were really patched, in order."""
        return [seen.path.rpartition("/")[2] for seen in self.seen if is_patch(seen)]


def is_patch(seen: Seen) -> bool:
    """Whether a request is a patch that is meant."""
    return seen.method == "PATCH" and "dryRun" not in seen.query


@contextlib.contextmanager
def between(
    cluster: Cluster,
    folder: Path,
    before: Callable[[Seen], Answer | None] = lambda seen: None,
    after: Callable[[Seen], Answer | None] = lambda seen: None,
) -> Iterator[Middleman]:
    """Pass requests on as the cluster's administrator. What `before` or `after` return is the answer instead."""
    forward = Forward(cluster)

    def answer(seen: Seen) -> Answer:
        if instead := before(seen):
            return instead
        real = forward(seen)
        return after(seen) or real

    with serving(answer) as server:
        config = kubeconfig(folder / "middleman", {"server": server.url}, {"token": "unused"})
        try:
            yield Middleman(config, server.seen, forward)
        finally:
            forward.close()


class Forward:
    """Passes requests on; its connections stay open for the next ones."""

    def __init__(self, cluster: Cluster) -> None:
        self._tls = ssl.create_default_context(cafile=str(cluster.place.pki / "ca.crt"))
        self._tls.load_cert_chain(cluster.place.pki / "admin.crt", cluster.place.pki / "admin.key")
        self._port = cluster.place.port
        self._idle: list[http.client.HTTPSConnection] = []
        self._closed = False

    def __call__(self, seen: Seen) -> Answer:
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = http.client.HTTPSConnection("127.0.0.1", self._port, context=self._tls, timeout=60)
        path = f"{seen.path}?{urlencode(seen.query)}" if seen.query else seen.path
        headers = {key: value for key, value in seen.headers if key.lower() in _PASSED_ON}
        connection.request(seen.method, path, seen.body or None, headers)
        answer = connection.getresponse()
        passed = tuple((key, value) for key, value in answer.getheaders() if key.lower() == "warning")
        body = answer.read()
        if self._closed:  # its client is gone, and nobody waited for the answer
            connection.close()
        else:
            self._idle.append(connection)
        return Answer(body, answer.status, passed, answer.getheader("Content-Type") or "")

    def close(self) -> None:
        """Close what is open, and what is still under way when it has come."""
        self._closed = True
        for connection in self._idle:
            connection.close()
